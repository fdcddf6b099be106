// Waiting for operands. With bypasses a result has a slot from which on it can be taken (`ready`). Without them an instruction waits
// until its operands are in the register file: W writes there, and a buffer holds the result in the cycle after that.
#pragma once
#include "fast.h"

// The slot from which on D does not wait for `d`, if nothing waits for the bus in W. spared: it may be one less if something does.
template <bool TELLS>
inline uint64_t Fast<TELLS>::written(const Decoded& d, uint64_t slot, bool& spared) const {
    uint64_t found = slot;
    spared = false;
    const auto needs = [&](uint32_t reg, uint64_t from, uint64_t less) {
        if ((d.s1 != reg && d.s2 != reg) || from + WRITTEN - less < found) return;
        spared = less == 0 && (spared || from + WRITTEN > found);
        found = from + WRITTEN - less;
    };
    if (buffered) needs(buffered_register, begun - 4, 0);
    for (uint64_t n = 1; n <= std::min(executed, WRITTEN); n++) {
        const Recent& entry = recent[(executed - n) % RECENT];
        if (entry.slot + WRITTEN <= slot) break;
        needs(entry.d->wd, entry.slot, passed_by(entry.slot, executed - n));
    }
    spared = spared && found != slot;
    return found;
}

// How many slots earlier the result of instruction `number` is written because a later one waits in M: what is in W goes on meanwhile.
template <bool TELLS>
inline uint64_t Fast<TELLS>::passed_by(uint64_t slot, uint64_t number) const {
    uint64_t less = 0;
    for (uint64_t n = number + 1; n < std::min(executed, number + 3); n++) {
        const Recent& entry = recent[n % RECENT];
        if (!entry.d->is(flag::div | flag::cfu) || !entry.m_stalls || entry.slot > slot + 2) continue;
        less = std::max<uint64_t>(less, entry.slot == slot + 1 && entry.m_stalls > 1 ? 2 : 1);
    }
    return less;
}

template <bool TELLS>
inline bool Fast<TELLS>::is_free(const Decoded& d, uint64_t slot) const {
    bool spared = false;
    return core.p.bypass ? ready[d.s1] <= slot && ready[d.s2] <= slot : written(d, slot, spared) == slot;
}

// Without bypasses: the slot in which the instruction that came in `arrived` leaves D. `arrived` is then the last one in which it
// surely is there.
template <bool TELLS>
inline uint64_t Fast<TELLS>::wait_for_registers(const Decoded& d, uint64_t& arrived) {
    bool spared = false;
    const uint64_t found = written(d, arrived, spared);
    if (found == arrived) return found;
    arrived = found - 1;
    if (!spared) return found;
    advance_bus(arrived);
    if (accesses_done == accesses_made || accesses[accesses_done % 8].slot + 3 != arrived) return found;
    const Access& next = accesses[accesses_done % 8];  // the buffer is empty when it leaves W
    const bool waits = next.load || core.p.direct_bus || next.slot + 3 + next.m_stalls + w_stalls <= end_before;
    return waits ? arrived : found;
}
