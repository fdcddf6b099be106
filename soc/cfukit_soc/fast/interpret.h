// The interpreter of the fast path. Each handler first waits for its operands, then executes, then gives the next slot.
#pragma once
#include "fast.h"

#define OPERANDS() slot = std::max(slot, std::max(ready[d->s1], ready[d->s2]))
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
        if (!can_load(*d, address, slot) && !load_line(d, pc, address, slot)) LEAVE(); \
        const uint32_t word = word_at(address) >> (8 * (address & 3)); \
        write(d, pc, slot, (value), address); \
        ready[d->wd] = slot + 3; \
        NEXT(); \
    }

inline bool Fast::can_load(const Decoded& d, uint32_t address, uint64_t slot) const {
    if (!hits(address) || address >> 31 || is_unaligned(d, address) || !pages[address >> 20]) return false;
    // A load that follows a store to the same word closely is done again.
    for (uint64_t n = stores_made; n != 0 && n + 2 > stores_made; n--) {
        const Store& last = stores[(n - 1) % 8];
        if (last.slot + 2 < slot) break;
        if ((last.command.address ^ address) < 4) return false;
    }
    return true;
}

// A load misses: it waits in W for its line and is done again, and its new slot is when it leaves D for good. False, and nothing is
// done, where that is left to the slow model.
inline bool Fast::load_line(const Decoded* d, uint32_t pc, uint32_t address, uint64_t& slot) {
    if (!core.p.dcache_bytes || address >> 31 || hits(address) || is_unaligned(*d, address) || !pages[address >> 20]) return false;
    const Memory* const memory = in_memory(address);
    if (!memory || near_end(slot) || !is_quiet_behind(d, pc)) return false;
    advance_stores(slot + 3);  // all that are before it
    const uint64_t in_w = slot + 3 + m_stalls + w_stalls;
    const uint64_t leaves = std::max(in_w, end_before + 1), begins = std::max(leaves, last_end) + 1;
    const uint64_t granted = begins + (data_side ? 0 : 1);
    last_end = end_before = granted + uint64_t(LINE_WORDS) * std::max(memory->read_cycles, 2u) - 1;
    data_side = true;
    core.dtags[address / LINE_BYTES & core.dmask] = address / LINE_BYTES;
    slot = last_end + 1 - m_stalls - w_stalls;
    return true;
}

// Whether the three instructions behind a load have no effect when they come to D and are flushed.
inline bool Fast::is_quiet_behind(const Decoded* d, uint32_t pc) const {
    for (int n = 1; n <= 3; n++) {
        d++, pc += 4;
        if (d->fast == Op::line_end) {
            const DecodedLine* const line = core.icache.find(pc);
            if (!line) return false;
            d = line->instructions;
        }
        if (d->is(flag::fence_i)) return false;
        if (!d->is(flag::predicted)) continue;
        if (n > 1) return true;  // the target comes too late
        pc += static_cast<uint32_t>(d->immediate);
        const DecodedLine* const line = core.icache.find(pc);
        return line && !line->instructions[pc / 4 % LINE_WORDS].is(flag::fence_i);
    }
    return true;
}

inline void Fast::interpret() {
    const auto s = [](uint32_t value) { return static_cast<int32_t>(value); };
    uint32_t pc = core.D.pc;
    uint64_t slot = core.cycle, arrived = slot;
    bool taken = false;
    const DecodedLine* line = core.icache.find(pc);
    if (!line) return leave(slot, pc);
    const Decoded* d = &line->instructions[pc / 4 % LINE_WORDS];
dispatch:
    arrived = slot;
    switch (d->fast) {
    case Op::line_end:
        line = core.icache.find(pc);
        if (!line || near_end(slot)) LEAVE();
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
        if (stores_made && stores[(stores_made - 1) % 8].slot + 1 == slot) LEAVE();
        m_stalls += DIVISION;
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
        advance_stores(slot);
        store(d, pc, slot, address, store_lanes(*d, x[d->s2]));
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
        write(d, pc, slot, pc + 4, 0);
        slot += d->is(flag::predicted) ? 2 : 3;
        pc += static_cast<uint32_t>(d->immediate);
        goto jumped;
    case Op::jalr: {
        OPERANDS();
        const uint32_t target = (x[d->s1] + static_cast<uint32_t>(d->immediate)) & ~1u;
        if ((target & 2) || ((static_cast<uint32_t>(d->immediate) ^ x[d->s1]) & 2) || !can_jump_late(d, pc, slot)) LEAVE();
        write(d, pc, slot, pc + 4, 0);
        slot += 3;
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
        slot += d->is(flag::predicted) ? 2 : 3;
        pc += static_cast<uint32_t>(d->immediate);
        goto jumped;
    }
    write(d, pc, slot, 0, 0);
    if (d->is(flag::predicted)) {
        slot += 3, pc += 4, d++;
        goto dispatch;
    }
    NEXT();
jumped:
    line = core.icache.find(pc);
    arrived = slot;
    if (!line || near_end(slot)) LEAVE();
    d = &line->instructions[pc / 4 % LINE_WORDS];
    goto dispatch;
}

// Whether a jump out of E at `slot` has no side effect: the instruction behind it is in D in that cycle.
inline bool Fast::can_jump_late(const Decoded* d, uint32_t pc, uint64_t slot) const {
    const Decoded* behind = d + 1;
    if (behind->fast == Op::line_end) {
        const DecodedLine* const line = core.icache.find(pc + 4);
        if (!line) return false;
        behind = line->instructions;
    }
    return !behind->is(flag::fence_i) && ready[behind->s1] <= slot + 1 && ready[behind->s2] <= slot + 1;
}
