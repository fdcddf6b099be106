// How the fast path takes over from the slow model.
#pragma once
#include "fast.h"

// Whether the pipeline holds nothing but what this model knows.
template <bool TELLS>
inline bool Fast<TELLS>::can_enter() const {
    const Core& c = core;
    if (!usable || !c.D.valid || !c.d_hit || !c.f_valid || c.line_loading || c.loading) return false;
    if (c.pc_reg != c.D.pc + 4 || !c.inc || c.line_answer || c.beat || c.flush_pending || !c.flush_was_done) return false;
    if (c.was_loading || c.data_answer || c.dflush_start || c.dflush_wait || c.dflush_count < c.dflush_top) return false;
    if (c.cycle < c.cfu.until || (c.has_ports && !c.cfu_rests()) || c.bus.dma_side) return false;
    if (c.hold || c.fired || c.answer_kept || c.outstanding || c.m_cfu || !knows_bus() || c.command_sent) return false;
    if (c.pending_d || c.pending_e || c.pending_m || c.pending_w || c.had_exception || c.interrupt || c.liberator[0]) return false;
    if (c.registers.uart.can_interrupt() || c.csrs.lines_before || c.csrs.mip_external || c.csrs.mip_software) return false;
    if (c.registers.exits_at != UINT64_MAX || c.cycle + 2 * MARGIN > options.max_cycles || !begins_here(c.D.d->fast)) return false;
    const bool wraps = !c.p.icache_bytes && !c.p.traps;
    for (const Stage* stage : {&c.E, &c.M, &c.W}) {
        if (stage->valid && stage->d->wd == 2) return false;  // the stack watch sees it retire
        if (stage->valid && !stage->d->is(flag::legal)) return false;
        if (wraps && stage->is(flag::jal | flag::jalr)) return false;  // whether it leaves the code is seen when it retires
    }
    constexpr uint32_t NEVER = flag::div | flag::cfu | flag::xret | flag::wfi | flag::ecall | flag::flush_data;
    if (c.E.valid) {
        if (c.E.is(NEVER | flag::csr | flag::fence_i) || c.e_jumps) return false;
        if (c.E.is(flag::memory) && !plain(*c.E.d, c.e_result, hits(c.e_result))) return false;
    }
    if (c.M.valid) {
        if (c.M.is(NEVER) || c.div_count || c.div_done) return false;
        if (c.M.is(flag::memory) && (!plain(*c.M.d, c.m_result, c.m_hit) || c.m_collides)) return false;
    }
    if (c.W.valid) {
        if (c.W.is(NEVER)) return false;
        if (c.W.is(flag::memory) && (!plain(*c.W.d, c.w_address, c.w_hit) || c.w_collides)) return false;
        if (c.W.is(flag::memory) && c.w_result != c.w_address) return false;  // the answer to a second command
        if (c.W.is(flag::memory) && c.W.d->is(flag::store) && c.w_hit) {  // collisions are the slow model's
            if (c.M.is(flag::memory) && (c.m_result ^ c.w_address) < 4) return false;
            if (c.E.is(flag::memory) && (c.e_result ^ c.w_address) < 4) return false;
        }
    }
    if (c.p.single_ported && c.W.is(flag::memory) && c.W.d->is(flag::store) && c.E.is(flag::memory)) return false;
    if (c.M.is(flag::memory) && c.E.is(flag::memory) && c.M.d->is(flag::store) && (c.m_result ^ c.e_result) < 4) return false;
    return is_current(c.D.pc, *c.D.d) && (!c.f_hit || is_current(c.pc_reg, *c.f_d));
}

// Whether what was fetched is still there: a store may have changed it since.
template <bool TELLS>
inline bool Fast<TELLS>::is_current(uint32_t pc, const Decoded& fetched) const {
    const DecodedLine* const line = code(pc);
    return line && line->instructions[pc / 4 % LINE_WORDS].word == fetched.word;
}

template <bool TELLS>
inline void Fast<TELLS>::enter() {
    Core& c = core;
    std::memcpy(x, c.x, sizeof c.x);
    x[NONE] = 0;
    std::fill(ready, ready + 33, 0);
    m_stalls = w_stalls = 0;
    executed = 0;
    for (Recent& entry : recent) entry.slot = 0, entry.d = &NOTHING;
    accesses_made = accesses_done = 0;
    last_end = end_before = 0;
    data_side = c.bus.data_side;
    const uint64_t now = c.cycle;
    begun = now, buffered = c.buffer_valid, buffered_register = c.buffer_rd;
    if (c.b.valid) take_store(c.b);
    if (c.r.valid) take_store(c.r);
    const std::array<Cause, 3> bubbles = c.bubbles.behind_decode();
    seed(c.W, bubbles[0], now - 3, c.w_result, c.w_store);
    seed(c.M, bubbles[1], now - 2, c.m_result, c.m_store);
    seed(c.E, bubbles[2], now - 1, c.e_result, c.E.d->is(flag::store) ? store_lanes(*c.E.d, c.e_b) : 0);
}
// A store that is on the bus already, or the next one there.
template <bool TELLS>
inline void Fast<TELLS>::take_store(const Core::Command& command) {
    Access& taken = accesses[accesses_made++ % 8];
    accesses_done++;
    taken = Access{};
    taken.command = command, taken.memory = memory_of(command.address);
    const uint64_t now = core.cycle;
    taken.begins = accesses_made > 1 ? last_end + 1 : data_side ? core.bus.began(now) : now;
    taken.granted = taken.begins + (data_side ? 0 : 1);
    taken.ends = core.bus.known_end(*taken.memory, now, taken.granted, command.address, true);
    data_side = true, end_before = last_end, last_end = taken.ends;
}
// An instruction that is in the pipeline already.
template <bool TELLS>
inline void Fast<TELLS>::seed(const Stage& stage, Cause bubble, uint64_t slot, uint32_t result, uint32_t data) {
    if (!stage.valid) {
        if (TELLS) telling.bubbles(bubble, slot, slot + 1);
        return;
    }
    const Decoded& d = *stage.d;
    if (d.is(flag::memory)) {
        if (d.is(flag::store)) {
            store(&d, stage.pc, slot, result, data);
            return;
        }
        write(&d, stage.pc, slot, loaded(d, word_at(result), result), result);
    } else {
        write(&d, stage.pc, slot, result, 0);
    }
    const uint64_t wait = d.is(flag::early) ? 0 : d.is(flag::middle) ? 2 : 3;
    ready[d.wd] = std::max(ready[d.wd], slot + wait);
}
