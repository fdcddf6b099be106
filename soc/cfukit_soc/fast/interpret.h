// The interpreter of the fast path. Each handler first waits for its operands, then executes, then gives the next slot.
#pragma once
#include "fast_cfu.h"
#include "fast_entry.h"
#include "fast_exit.h"
#include "fast_memory.h"

#define OPERANDS() \
    do { \
        slot = bypass ? std::max(slot, std::max(ready[d->s1], ready[d->s2])) : wait_for_registers(*d, arrived); \
        if (TELLS) telling.bubbles(Cause::hazard, came, slot); \
    } while (0)
#define LOSE_BY_JUMP(slots) \
    do { \
        if (TELLS) telling.bubbles(Cause::branch, slot + 1, slot + (slots)); \
        slot += (slots); \
    } while (0)
#define NEXT() \
    do { \
        slot++, pc += 4, d++; \
        goto dispatch; \
    } while (0)
#define LEAVE() \
    do { \
        leave(arrived, pc); \
        return; \
    } while (0)
#define RESULT(name, expression, wait) \
    case Op::name: { \
        OPERANDS(); \
        const uint32_t a = x[d->s1], b = x[d->s2], i = static_cast<uint32_t>(d->immediate); \
        (void)a, (void)b, (void)i; \
        write(d, pc, slot, (expression), 0); \
        if (wait) ready[d->wd] = slot + (wait); \
        NEXT(); \
    }
#define BRANCH(name, condition) \
    case Op::name: { \
        OPERANDS(); \
        const uint32_t a = x[d->s1], b = x[d->s2]; \
        const auto sa = static_cast<int32_t>(a), sb = static_cast<int32_t>(b); \
        (void)sa, (void)sb; \
        taken = (condition); \
        goto branch; \
    }
#define LOAD(name, value) \
    case Op::name: { \
        OPERANDS(); \
        const uint32_t address = x[d->s1] + static_cast<uint32_t>(d->immediate); \
        if (core.p.single_ported && !yields_to_stores(d, pc, slot)) LEAVE(); \
        uint32_t word = 0; \
        if (can_load(*d, address, slot) || other_load(d, pc, address, slot)) word = word_at(address); \
        else if (!load_register(d, address, slot, word)) LEAVE(); \
        word >>= 8 * (address & 3); \
        write(d, pc, slot, (value), address); \
        ready[d->wd] = slot + 3; \
        NEXT(); \
    }

template <bool TELLS>
inline void Fast<TELLS>::interpret() {
    const auto s = [](uint32_t value) { return static_cast<int32_t>(value); };
    uint32_t pc = core.D.pc;
    const bool bypass = core.p.bypass;
    uint64_t slot = core.cycle, arrived = slot, came = slot;
    bool taken = false;
    const DecodedLine* line = code(pc);
    if (!line) return leave(slot, pc);
    const Decoded* d = &line->instructions[pc / 4 % LINE_WORDS];
dispatch:
    arrived = came = slot;
    switch (d->fast) {
    case Op::line_end:
        line = code(pc);
        if (near_end(slot) || (!line && !load_code(pc, slot))) LEAVE();
        if (!line) line = code(pc);
        d = line->instructions;
        goto dispatch;
    RESULT(nop, 0, 0)
    RESULT(lui, i, 0)
    RESULT(auipc, pc + i, 0)
    RESULT(addi, a + i, 0)
    RESULT(slti, s(a) < s(i), 0)
    RESULT(sltiu, a < i, 0)
    RESULT(xori, a ^ i, 0)
    RESULT(ori, a | i, 0)
    RESULT(andi, a & i, 0)
    RESULT(slli, a << (i & 31), 2)
    RESULT(srli, a >> (i & 31), 2)
    RESULT(srai, static_cast<uint32_t>(s(a) >> (i & 31)), 2)
    RESULT(add, a + b, 0)
    RESULT(sub, a - b, 0)
    RESULT(sll, a << (b & 31), 2)
    RESULT(slt, s(a) < s(b), 0)
    RESULT(sltu, a < b, 0)
    RESULT(xor_, a ^ b, 0)
    RESULT(srl, a >> (b & 31), 2)
    RESULT(sra, static_cast<uint32_t>(s(a) >> (b & 31)), 2)
    RESULT(or_, a | b, 0)
    RESULT(and_, a & b, 0)
    RESULT(mul, a * b, 3)
    RESULT(mulh, static_cast<uint32_t>((static_cast<int64_t>(s(a)) * s(b)) >> 32), 3)
    RESULT(mulhsu, static_cast<uint32_t>((static_cast<int64_t>(s(a)) * static_cast<int64_t>(b)) >> 32), 3)
    RESULT(mulhu, static_cast<uint32_t>((static_cast<uint64_t>(a) * b) >> 32), 3)
    case Op::div:
    case Op::divu:
    case Op::rem:
    case Op::remu: {
        OPERANDS();
        // The divider runs while a store before it waits in W.
        if (accesses_made && accesses[(accesses_made - 1) % 8].slot + 1 == slot) LEAVE();
        m_stalls += DIVISION;
        recent[executed % RECENT].m_stalls = DIVISION;
        if (TELLS) telling.stall_in_memory(Cause::muldiv, slot, DIVISION);
        write(d, pc, slot, divide(d->op, x[d->s1], x[d->s2]), 0);
        ready[d->wd] = slot + 2;
        NEXT();
    }
    LOAD(lb, static_cast<uint32_t>(static_cast<int8_t>(word)))
    LOAD(lbu, word & 0xFF)
    LOAD(lh, static_cast<uint32_t>(static_cast<int16_t>(word)))
    LOAD(lhu, word & 0xFFFF)
    LOAD(lw, word)
    case Op::sb:
    case Op::sh:
    case Op::sw: {
        OPERANDS();
        const uint32_t address = x[d->s1] + static_cast<uint32_t>(d->immediate);
        if (!plain(*d, address, true)) LEAVE();
        advance_bus(slot);
        store(d, pc, slot, address, store_lanes(*d, x[d->s2]));
        NEXT();
    }
    case Op::cfu: {
        if (!core.cfu_enabled()) LEAVE();  // it does not just wait in D
        OPERANDS();
        if (!can_command(d, pc, slot)) LEAVE();
        const bool done = command(d, pc, slot);
        if (!done) return leave(slot + 1, pc + 4);
        ready[d->wd] = slot + 2;
        NEXT();
    }
    case Op::stack: {
        OPERANDS();
        const uint32_t value = compute(*d, x[d->s1], x[d->s2], pc);
        if (value < options.stack_bottom && x[2] >= options.stack_bottom) LEAVE();
        write(d, pc, slot, value, 0);
        NEXT();
    }
    BRANCH(beq, a == b)
    BRANCH(bne, a != b)
    BRANCH(blt, sa < sb)
    BRANCH(bge, sa >= sb)
    BRANCH(bltu, a < b)
    BRANCH(bgeu, a >= b)
    case Op::jal:
        if (!d->is(flag::predicted) && !can_jump_late(d, pc, slot)) LEAVE();
        if (d->immediate & 2) LEAVE();
        if (!core.p.icache_bytes && !code(pc + static_cast<uint32_t>(d->immediate))) LEAVE();
        write(d, pc, slot, pc + 4, 0);
        LOSE_BY_JUMP(d->is(flag::predicted) ? 2 : 3);
        pc += static_cast<uint32_t>(d->immediate);
        goto jumped;
    case Op::jalr: {
        OPERANDS();
        const uint32_t target = (x[d->s1] + static_cast<uint32_t>(d->immediate)) & ~1u;
        if ((target & 2) || ((static_cast<uint32_t>(d->immediate) ^ x[d->s1]) & 2) || !can_jump_late(d, pc, slot)) LEAVE();
        if (!core.p.icache_bytes && !code(target)) LEAVE();
        write(d, pc, slot, pc + 4, 0);
        LOSE_BY_JUMP(3);
        pc = target;
        goto jumped;
    }
    default: LEAVE();
    }
branch:
    if (taken) {
        if (d->immediate & 2) LEAVE();
        if (!d->is(flag::predicted) && !can_jump_late(d, pc, slot)) LEAVE();
        write(d, pc, slot, 0, 0);
        LOSE_BY_JUMP(d->is(flag::predicted) ? 2 : 3);
        pc += static_cast<uint32_t>(d->immediate);
        goto jumped;
    }
    write(d, pc, slot, 0, 0);
    if (d->is(flag::predicted)) {
        LOSE_BY_JUMP(3);
        pc += 4, d++;
        goto dispatch;
    }
    NEXT();
jumped:
    line = code(pc);
    arrived = slot;
    if (near_end(slot) || (!line && !load_code(pc, slot))) LEAVE();
    if (!line) line = code(pc);
    d = &line->instructions[pc / 4 % LINE_WORDS];
    goto dispatch;
}
