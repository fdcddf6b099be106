// CFU instructions of the fast path.
#pragma once
#include "fast_paths.h"

// Whether a CFU instruction can be issued here, and the slot in which it leaves D: it waits in E until what can be flushed has left
// the stages behind it.
template <bool TELLS>
inline bool Fast<TELLS>::can_command(const Decoded* d, uint32_t pc, uint64_t& slot) {
    if (core.has_ports || near_end(slot)) return false;
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
    if (TELLS) telling.bubbles(Cause::cfu_issue, leaves_d, slot);
    return is_quiet(behind(d, pc));  // it is in D meanwhile
}

// Gives a command to the CFU and waits for its answer. False if this is not as simple: then the instruction is in E in the next slot,
// and the slow model goes on from there.
template <bool TELLS>
inline bool Fast<TELLS>::command(const Decoded* d, uint32_t pc, uint64_t& slot) {
    advance_bus(slot + 1);
    const uint64_t leaves_d = slot, issued = slot + 1 + m_stalls + w_stalls;
    if (core.cfu.always) core.cfu.idle(issued);
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
        if (TELLS) telling.bubbles(Cause::cfu_issue, leaves_d, at), telling.stall_in_memory(Cause::cfu_wait, at, stalls);
        slot = at;
        write(d, pc, at, value, x[d->s1]);
    };
    const Decoded* const next = behind(d, pc);
    uint64_t cycle = issued;
    bool taken = false;
    while (cycle < issued + CFU_WAIT) {
        const bool accepted_before = taken;
        // The instruction behind is in E when this one is in M.
        const bool follows = accepted_before && next && next->fast == Op::cfu && is_free(*next, slot + 1) &&
                             (d->wd == NONE || (next->s1 != d->wd && next->s2 != d->wd));
        const CfuInputs given = inputs(accepted_before ? (follows ? next : nullptr) : d, cycle);
        const CfuOutputs said = core.cfu.ahead(cycle, given);
        const bool answers = said.rsp_valid && given.rsp_ready && cfu_answered != cycle;
        if (!accepted_before) {
            taken = said.cmd_ready;
            if (!taken && (answers || !is_quiet(next))) break;
            if (!taken) slot++;
        }
        if (answers) {
            if (TELLS) telling.cfu_busy(issued, accepted_before ? cycle : cycle + 1);
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
