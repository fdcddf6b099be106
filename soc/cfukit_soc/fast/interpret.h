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
        if (core.p.single_ported && !yields_to_stores(d, pc, slot)) LEAVE(); \
        if (!can_load(*d, address, slot) && !other_load(d, pc, address, slot)) LEAVE(); \
        const uint32_t word = word_at(address) >> (8 * (address & 3)); \
        write(d, pc, slot, (value), address); \
        ready[d->wd] = slot + 3; \
        NEXT(); \
    }

inline bool Fast::can_load(const Decoded& d, uint32_t address, uint64_t slot) const {
    if (!hits(address) || is_unaligned(d, address) || !memory_of(address)) return false;
    // A load that follows a store to the same word closely is done again.
    for (uint64_t n = accesses_made; n != 0 && n + 2 > accesses_made; n--) {
        const Access& last = accesses[(n - 1) % 8];
        if (last.slot + 2 < slot) break;
        if ((last.command.address ^ address) < 4) return false;
    }
    return true;
}

// A load that does not hit. False, and nothing is done, where that is left to the slow model.
inline bool Fast::other_load(const Decoded* d, uint32_t pc, uint32_t address, uint64_t& slot) {
    const Memory* const memory = memory_of(address);
    if (!memory || is_unaligned(*d, address)) return false;
    switch (memory->kind) {
    case Memory::bus:
        if (core.p.dcache_bytes) return load_line(d, pc, address, *memory, slot);
        advance_bus(slot);
        access(*memory, slot, address, true);
        return true;
    case Memory::itcm: return !core.p.single_ported;
    case Memory::dtcm: return true;
    default: return false;
    }
}

// Where a TCM has one port, a load waits in E while a store to a TCM leaves W. False if what is in D meanwhile does not wait.
inline bool Fast::yields_to_stores(const Decoded* d, uint32_t pc, uint64_t& slot) const {
    const uint64_t leaves_d = slot;
    for (uint64_t n = std::min<uint64_t>(executed, 2); n > 0; n--) {
        const Recent& entry = recent[(executed - n) % RECENT], &last = recent[(executed - 1) % RECENT];
        if (last.slot + 1 == slot && last.d->is(flag::div | flag::cfu) && last.m_stalls) return true;  // it waits longer anyway
        if (entry.slot + 2 != slot || !entry.d->is(flag::memory) || !entry.d->is(flag::store)) continue;
        if (memory_of(entry.address)->kind != Memory::bus) slot++;
    }
    return slot == leaves_d || is_quiet(behind(d, pc));
}

// A load misses: it waits in W for its line and is done again, and its new slot is when it leaves D for good.
inline bool Fast::load_line(const Decoded* d, uint32_t pc, uint32_t address, const Memory& memory, uint64_t& slot) {
    if (hits(address) || near_end(slot) || !is_quiet_behind(d, pc)) return false;
    advance_bus(slot + 3);  // all that are before it
    const uint64_t in_w = slot + 3 + m_stalls + w_stalls;
    const uint64_t leaves = std::max(in_w, end_before + 1), begins = std::max(leaves, last_end) + 1;
    const uint64_t granted = begins + (data_side ? 0 : 1);
    last_end = granted - 1;
    for (uint32_t n = 0; n < LINE_WORDS; n++) last_end = core.bus.ends(memory, last_end + 1, (address & ~(LINE_BYTES - 1)) + 4 * n, false);
    end_before = last_end;
    data_side = true;
    core.dtags[address / LINE_BYTES & core.dmask] = address / LINE_BYTES;
    slot = last_end + 1 - m_stalls - w_stalls;
    return true;
}

// The instruction that follows in memory, or null if the I$ does not hold it.
inline const Decoded* Fast::behind(const Decoded* d, uint32_t pc) const {
    d++;
    if (d->fast != Op::line_end) return d;
    const DecodedLine* const line = code(pc + 4);
    return line ? line->instructions : nullptr;
}

// Whether an instruction (null: one that the I$ does not hold) can wait in D without an effect.
inline bool Fast::is_quiet(const Decoded* d) const {
    return d && d->is(flag::legal) && !d->is(flag::fence_i) && (core.cfu_enabled() || !d->is(flag::cfu));
}

// Whether a CFU instruction can be issued here, and the slot in which it leaves D: it waits in E until what can be flushed has left
// the stages behind it.
inline bool Fast::can_command(const Decoded* d, uint32_t pc, uint64_t& slot) const {
    if (!core.cfu_enabled() || core.cfu_always || near_end(slot)) return false;
    if (executed) {  // M waits while the CFU instruction is in E
        const Recent& last = recent[(executed - 1) % RECENT];
        if (last.slot + 1 == slot && last.d->is(flag::div | flag::cfu) && last.m_stalls) return false;
    }
    if (!core.p.cfu_waits) return !accesses_made || accesses[(accesses_made - 1) % 8].slot + 2 < slot;  // W does not wait for the bus
    const uint64_t leaves_d = slot;
    for (uint64_t n = 1; n <= std::min<uint64_t>(executed, 3); n++) {
        const Recent& entry = recent[(executed - n) % RECENT];
        if (!entry.d->is(flag::side_effect)) continue;
        slot = std::max(slot, entry.slot + 3);
        break;
    }
    if (slot == leaves_d) return true;
    return is_quiet(behind(d, pc));  // it is in D meanwhile
}

// Gives a command to the CFU and waits for its answer. False if this is not as simple: then the instruction is in E in the next slot,
// and the slow model goes on from there.
inline bool Fast::command(const Decoded* d, uint32_t pc, uint64_t& slot) {
    advance_bus(slot + 1);
    const uint64_t issued = slot + 1 + m_stalls + w_stalls;
    const auto inputs = [&](const Decoded* of, uint64_t cycle) {
        CfuInputs made;
        made.cmd_valid = of != nullptr;
        made.rsp_ready = !cfu_kept || cfu_answered + 1 != cycle;
        if (of) made.function = (of->word >> 25) << 3 | (of->word >> 12 & 7), made.a = x[of->s1], made.b = x[of->s2];
        return made;
    };
    const auto finish = [&](uint64_t at, uint32_t value, uint32_t stalls) {
        Recent& entry = recent[executed % RECENT];
        entry.m_stalls = stalls, entry.kept = cfu_kept, entry.data = x[d->s2];
        m_stalls += stalls;
        slot = at;
        write(d, pc, at, value, x[d->s1]);
    };
    const Decoded* const next = behind(d, pc);
    uint64_t cycle = issued;
    bool taken = false;
    while (cycle < issued + CFU_WAIT) {
        const bool accepted_before = taken;
        // The instruction behind is in E when this one is in M.
        const bool follows = accepted_before && next && next->fast == Op::cfu && ready[next->s1] <= slot + 1 &&
                             ready[next->s2] <= slot + 1 && (d->wd == NONE || (next->s1 != d->wd && next->s2 != d->wd));
        const CfuInputs given = inputs(accepted_before ? (follows ? next : nullptr) : d, cycle);
        const CfuOutputs said = core.cfu.ahead(cycle, given);
        const bool answers = said.rsp_valid && given.rsp_ready && cfu_answered != cycle;
        if (!accepted_before) {
            taken = said.cmd_ready;
            if (!taken && (answers || !is_quiet(next))) break;
            if (!taken) slot++;
        }
        if (answers) {
            cfu_answered = cycle, cfu_kept = !accepted_before;
            finish(slot, said.result, accepted_before ? static_cast<uint32_t>(cycle - (slot + 2 + m_stalls + w_stalls)) : 0);
            return true;
        }
        if (follows) break;
        cycle++;
    }
    finish(issued - 1 - m_stalls - w_stalls, 0, 0);
    return false;
}

// Whether the three instructions behind a load have no effect when they come to D and are flushed.
inline bool Fast::is_quiet_behind(const Decoded* d, uint32_t pc) const {
    for (int n = 1; n <= 3; n++) {
        d++, pc += 4;
        if (d->fast == Op::line_end) {
            const DecodedLine* const line = code(pc);
            if (!line) return false;
            d = line->instructions;
        }
        if (!is_quiet(d)) return false;
        if (!d->is(flag::predicted)) continue;
        if (n > 1) return true;  // the target comes too late
        pc += static_cast<uint32_t>(d->immediate);
        const DecodedLine* const line = code(pc);
        return line && is_quiet(&line->instructions[pc / 4 % LINE_WORDS]);
    }
    return true;
}

inline void Fast::interpret() {
    const auto s = [](uint32_t value) { return static_cast<int32_t>(value); };
    uint32_t pc = core.D.pc;
    uint64_t slot = core.cycle, arrived = slot;
    bool taken = false;
    const DecodedLine* line = code(pc);
    if (!line) return leave(slot, pc);
    const Decoded* d = &line->instructions[pc / 4 % LINE_WORDS];
dispatch:
    arrived = slot;
    switch (d->fast) {
    case Op::line_end:
        line = code(pc);
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
        if (accesses_made && accesses[(accesses_made - 1) % 8].slot + 1 == slot) LEAVE();
        m_stalls += DIVISION;
        recent[executed % RECENT].m_stalls = DIVISION;
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
        slot += d->is(flag::predicted) ? 2 : 3;
        pc += static_cast<uint32_t>(d->immediate);
        goto jumped;
    case Op::jalr: {
        OPERANDS();
        const uint32_t target = (x[d->s1] + static_cast<uint32_t>(d->immediate)) & ~1u;
        if ((target & 2) || ((static_cast<uint32_t>(d->immediate) ^ x[d->s1]) & 2) || !can_jump_late(d, pc, slot)) LEAVE();
        if (!core.p.icache_bytes && !code(target)) LEAVE();
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
    line = code(pc);
    arrived = slot;
    if (!line || near_end(slot)) LEAVE();
    d = &line->instructions[pc / 4 % LINE_WORDS];
    goto dispatch;
}

// Whether a jump out of E at `slot` has no side effect: the instruction behind it is in D in that cycle.
inline bool Fast::can_jump_late(const Decoded* d, uint32_t pc, uint64_t slot) const {
    const Decoded* behind = d + 1;
    if (behind->fast == Op::line_end) {
        const DecodedLine* const line = code(pc + 4);
        if (!line) return false;
        behind = line->instructions;
    }
    return !behind->is(flag::fence_i) && ready[behind->s1] <= slot + 1 && ready[behind->s2] <= slot + 1;
}
