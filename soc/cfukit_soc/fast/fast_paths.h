// What code that is not executed does: instructions that come to D and are dropped.
#pragma once
#include "fast_hazards.h"

// The instruction that follows in memory, or null if the I$ does not hold it.
template <bool TELLS>
inline const Decoded* Fast<TELLS>::behind(const Decoded* d, uint32_t pc) const {
    d++;
    if (d->fast != Op::line_end) return d;
    const DecodedLine* const line = code(pc + 4);
    return line ? line->instructions : nullptr;
}

// Whether an instruction (null: one that the I$ does not hold) can wait in D without an effect.
template <bool TELLS>
inline bool Fast<TELLS>::is_quiet(const Decoded* d) const {
    return d && d->is(flag::legal) && !d->is(flag::fence_i) && (core.cfu_enabled() || !d->is(flag::cfu));
}

// Whether the three instructions behind a load have no effect when they come to D and are flushed.
template <bool TELLS>
inline bool Fast<TELLS>::is_quiet_behind(const Decoded* d, uint32_t pc) const {
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

// Whether a jump out of E at `slot` has no side effect: the instruction behind it is in D in that cycle.
template <bool TELLS>
inline bool Fast<TELLS>::can_jump_late(const Decoded* d, uint32_t pc, uint64_t slot) const {
    const Decoded* behind = d + 1;
    if (behind->fast == Op::line_end) {
        const DecodedLine* const line = code(pc + 4);
        if (!line) return false;
        behind = line->instructions;
    }
    const bool takes_link = d->wd != NONE && (behind->s1 == d->wd || behind->s2 == d->wd);
    return !behind->is(flag::fence_i) && is_free(*behind, slot + 1) && (core.p.bypass || !takes_link);
}
