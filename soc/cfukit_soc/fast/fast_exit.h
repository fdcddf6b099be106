// How the fast path hands over to the slow model.
#pragma once
#include "fast.h"

// The core's state when the instruction of `slot` at `pc` comes to D. What has not left W is undone and put into the stages.
template <bool TELLS>
inline void Fast<TELLS>::leave(uint64_t slot, uint32_t pc) {
    Core& c = core;
    pc = c.wrapped(pc);
    uint64_t newest = executed;
    const uint64_t kept = std::min<uint64_t>(executed, RECENT);
    uint64_t ghosts = 0;
    while (ghosts < kept && recent[(executed - 1 - ghosts) % RECENT].slot + 3 >= slot) ghosts++;
    const uint64_t retired = executed - ghosts;
    c.W.valid = c.M.valid = c.E.valid = false;
    while (newest != retired) {
        const Recent& entry = recent[--newest % RECENT];
        if (entry.d->is(flag::div | flag::cfu) && entry.slot + 2 >= slot) m_stalls -= entry.m_stalls;
        undo(entry);
    }
    if (TELLS) c.bubbles.resume(telling.leave(slot));
    while (accesses_made != accesses_done && accesses[(accesses_made - 1) % 8].slot + 3 >= slot) accesses_made--;
    advance_bus(slot);
    const uint64_t now = slot + m_stalls + w_stalls;
    if (TELLS) telling.finish(now, w_stalls);
    if (c.cfu.always) c.cfu.idle(now);
    for (uint64_t n = retired; n < executed; n++) place(recent[n % RECENT], slot);
    if (retired) last_retired_cycle = recent[(retired - 1) % RECENT].slot + 3 + m_stalls + w_stalls;
    retired_now = retired;
    c.instructions += retired;
    c.cycle = now;
    std::memcpy(c.x, x, sizeof c.x);
    c.x[0] = 0;
    c.undo_register = 0;
    // Fetch
    c.D.valid = true, c.D.pc = pc;
    c.read_code(pc);
    c.d_hit = c.f_hit, c.D.d = c.f_d;
    if (core.p.bypass || slot != begun) c.port_a = c.x[c.D.d->rs1], c.port_b = c.x[c.D.d->rs2];
    fill_buffer(slot, retired);
    c.pc_reg = pc + 4, c.inc = true, c.f_valid = true;
    c.read_code(pc + 4);
    c.e_jumps = false;
    c.div_count = 0, c.div_done = false;
    leave_bus(now);
}
// What the last stage has written in the cycle before. With bypasses nobody asks, for the register file has it too.
template <bool TELLS>
inline void Fast<TELLS>::fill_buffer(uint64_t slot, uint64_t retired) {
    Core& c = core;
    if (!core.p.bypass && slot == begun) return;
    c.buffer_valid = false;
    if (core.p.bypass || !retired) return;
    const Recent& last = recent[(retired - 1) % RECENT];
    if (last.slot + 4 != slot || last.d->wd == NONE) return;
    // It left W earlier if M waited.
    const Recent& next = recent[retired % RECENT];
    if (retired != executed && next.slot + 3 == slot && next.d->is(flag::div | flag::cfu) && next.m_stalls) return;
    c.buffer_valid = true, c.buffer_rd = last.d->wd, c.buffer_value = last.value;
    if (c.D.d->rs1 == c.buffer_rd) c.port_a = last.old;  // they were read before
    if (c.D.d->rs2 == c.buffer_rd) c.port_b = last.old;
}
template <bool TELLS>
inline void Fast<TELLS>::undo(const Recent& entry) {
    if (entry.d->is(flag::memory) && entry.d->is(flag::store)) word_at(entry.address) = entry.old;
    else x[entry.d->wd] = entry.old;
}
template <bool TELLS>
inline void Fast<TELLS>::place(const Recent& entry, uint64_t slot) {
    Core& c = core;
    const bool memory = entry.d->is(flag::memory), cfu = entry.d->is(flag::cfu);
    const uint32_t result = memory ? entry.address : entry.value;
    Stage stage;
    stage.valid = true, stage.pc = entry.pc, stage.d = entry.d;
    if (entry.slot + 1 == slot) {
        c.E = stage, c.e_result = result, c.e_b = entry.data;
        if (cfu) c.e_a = entry.address;
    } else if (entry.slot + 2 == slot) {
        c.M = stage, c.m_result = result, c.m_store = entry.data, c.m_collides = false;
        c.m_hit = memory && hits(entry.address);
        if (memory && c.cfu_memory.has(entry.address)) c.m_word = c.cfu_memory.word(entry.address);
        c.m_cfu = cfu;
        if (cfu && entry.kept) c.answer_kept = true, c.kept_answer = entry.value;
        else if (cfu) c.outstanding = 1, waiting = entry;
    } else {
        c.W = stage, c.w_result = c.w_address = result, c.w_store = entry.data, c.w_mask = size_mask(*entry.d, result), c.w_collides = false;
        c.w_hit = memory && hits(entry.address);
        if (memory && c.cfu_memory.has(entry.address)) c.w_word = c.cfu_memory.word(entry.address);
    }
}
// What the stores that have left W are doing in cycle `now`.
template <bool TELLS>
inline void Fast<TELLS>::leave_bus(uint64_t now) {
    Core& c = core;
    c.r.valid = c.b.valid = false;
    c.bus.reset(data_side);
    c.command_sent = false;
    if (!accesses_done) {
        return;
    }
    const uint64_t first = accesses_done > 2 ? accesses_done - 2 : 0;
    for (uint64_t n = first; n < accesses_done; n++) {
        const Access& entry = accesses[n % 8];
        if (entry.ends < now) continue;
        if (entry.granted > now) c.bus.promise(*entry.memory, entry.ends);
        if (entry.begins <= now) {
            c.b = entry.command;
            c.bus.resume(now, entry.granted, entry.ends);
        } else {
            (c.b.valid ? c.r : c.b) = entry.command;
        }
    }
}
