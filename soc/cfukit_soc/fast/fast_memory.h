// Loads and stores of the fast path, and what they do on the bus.
#pragma once
#include "fast_paths.h"

// Takes the accesses that have left W before slot `slot` is in D to the bus.
template <bool TELLS>
inline void Fast<TELLS>::advance_bus(uint64_t slot) {
    while (accesses_done != accesses_made && accesses[accesses_done % 8].slot + 3 < slot) {
        Access& next = accesses[accesses_done++ % 8];
        if (TELLS) telling.tell(next.slot, w_stalls);
        const uint64_t arrives = next.slot + 3 + next.m_stalls + w_stalls;
        const bool direct = core.p.direct_bus;
        uint64_t leaves = direct ? arrives : std::max(arrives, end_before + 1);
        if (TELLS) telling.stall_in_write_back(Cause::store, leaves - arrives);
        const uint64_t buffered = leaves;
        next.begins = direct ? arrives : std::max(leaves, last_end) + 1;
        next.granted = next.begins + (data_side ? 0 : 1);
        data_side = true;
        if (next.memory->kind == Memory::flash) next.ends = core.bus.flash_answers(next.granted, next.command.address);
        else next.ends = core.bus.ends(*next.memory, next.granted, next.command.address, !next.load);
        if (next.load) leaves = next.ends + 1;  // the word comes one cycle after it was acknowledged
        else if (direct) leaves = next.ends;
        if (TELLS) telling.stall_in_write_back(Cause::uncached, leaves - buffered);
        w_stalls += leaves - arrives;
        end_before = next.load || direct ? next.ends : last_end, last_end = next.ends;
    }
    if (TELLS) telling.tell(slot - 3, w_stalls);
}

template <bool TELLS>
inline bool Fast<TELLS>::can_load(const Decoded& d, uint32_t address, uint64_t slot) const {
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
template <bool TELLS>
inline bool Fast<TELLS>::other_load(const Decoded* d, uint32_t pc, uint32_t address, uint64_t& slot) {
    const Memory* const memory = memory_of(address);
    if (!memory || is_unaligned(*d, address)) return false;
    switch (memory->kind) {
    case Memory::bus:
        if (core.p.dcache_bytes) return load_line(d, pc, address, *memory, slot);
        advance_bus(slot);
        access(*memory, slot, address, true);
        return true;
    case Memory::flash:
        if (core.p.dcache_bytes) return false;
        advance_bus(slot);
        access(*memory, slot, address, true);
        return true;
    case Memory::itcm: return !core.p.single_ported;
    case Memory::dtcm: return true;
    default: return false;
    }
}

// A load from a register of the system: its word is that of the cycle in which the bus reads it. False, and nothing is done, where other
// accesses are under way, or where that moment is a border in the counts.
template <bool TELLS>
inline bool Fast<TELLS>::load_register(const Decoded* d, uint32_t address, uint64_t slot, uint32_t& word) {
    if (!Registers::has(address) || is_unaligned(*d, address) || near_end(slot) || (TELLS && address == options.counter)) return false;
    advance_bus(slot);
    if (accesses_done != accesses_made) return false;
    const uint64_t arrives = slot + 3 + m_stalls + w_stalls;
    const uint64_t begins = core.p.direct_bus ? arrives : std::max({arrives, end_before + 1, last_end});
    const uint64_t granted = begins + (core.p.direct_bus ? 0 : 1) + (data_side ? 0 : 1);
    word = core.registers.read(address, granted + core.p.registered_csrs, core.instructions + executed);
    access(registers, slot, address, true);
    return true;
}

// Where a TCM has one port, a load waits in E while a store to a TCM leaves W. False if what is in D meanwhile does not wait.
template <bool TELLS>
inline bool Fast<TELLS>::yields_to_stores(const Decoded* d, uint32_t pc, uint64_t& slot) {
    const uint64_t leaves_d = slot;
    for (uint64_t n = std::min<uint64_t>(executed, 2); n > 0; n--) {
        const Recent& entry = recent[(executed - n) % RECENT], &last = recent[(executed - 1) % RECENT];
        if (last.slot + 1 == slot && last.d->is(flag::div | flag::cfu) && last.m_stalls) return true;  // it waits longer anyway
        if (entry.slot + 2 != slot || !entry.d->is(flag::memory) || !entry.d->is(flag::store)) continue;
        if (memory_of(entry.address)->kind != Memory::bus) slot++;
    }
    if (TELLS) telling.bubbles(Cause::tcm, leaves_d, slot);
    return slot == leaves_d || is_quiet(behind(d, pc));
}

// A load misses: it waits in W for its line and is done again, and its new slot is when it leaves D for good.
template <bool TELLS>
inline bool Fast<TELLS>::load_line(const Decoded* d, uint32_t pc, uint32_t address, const Memory& memory, uint64_t& slot) {
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
    const uint64_t first = slot, waits = slot + leaves - in_w;
    slot = last_end + 1 - m_stalls - w_stalls;
    if (TELLS) telling.bubbles(Cause::store, first, waits), telling.bubbles(Cause::dcache, waits, slot);
    return true;
}

// The I$ misses in `slot`: all fetches wait until it has the line. False, and nothing is done, unless the data side has nothing to do
// and nothing behind D waits meanwhile.
template <bool TELLS>
inline bool Fast<TELLS>::load_code(uint32_t pc, uint64_t& slot) {
    const Memory* const memory = memory_of(pc);
    if (!core.p.icache_bytes || !memory || memory->kind != Memory::bus) return false;
    for (uint64_t n = 1; n <= std::min<uint64_t>(executed, 2); n++) {
        const Recent& entry = recent[(executed - n) % RECENT];
        if (entry.slot + 2 >= slot && entry.d->is(flag::div | flag::cfu) && entry.m_stalls) return false;
    }
    if (accesses_made && accesses[(accesses_made - 1) % 8].slot + 3 >= slot) return false;
    advance_bus(slot);
    const uint64_t missed = slot + m_stalls + w_stalls;
    if (last_end >= missed) return false;
    const uint64_t granted = missed + (data_side ? 2 : 1);
    uint64_t last = granted - 1;
    for (uint32_t n = 0; n < LINE_WORDS; n++) last = core.bus.ends(*memory, last + 1, (pc & ~(LINE_BYTES - 1)) + 4 * n, false);
    data_side = false, core.line_address = pc;
    core.icache.fill(pc, &word_at(pc & ~(LINE_BYTES - 1)), true);
    const uint64_t first = slot;
    slot = last + 4 - m_stalls - w_stalls;  // the last word is written, and three stages fetch
    if (TELLS) telling.bubbles(Cause::icache, first, slot);
    return true;
}
