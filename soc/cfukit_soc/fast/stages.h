// What the registers' values mean in a cycle, stage by stage from the last to the first.
#pragma once
#include "core.h"

STAGE Core::write_back(Signals& s) {
    const bool w_memory = W.is(flag::memory);
    s.w_write = w_memory && W.d->is(flag::store);
    s.w_tcm = w_memory && in_tcm(w_address), s.w_cached = w_memory && !s.w_tcm;
    s.w_io = !p.dcache_bytes || w_address >> 31;
    s.w_unaligned = w_memory && p.alignment_check && is_unaligned(*W.d, w_address);
    // The request of an access that waits in W goes straight to the bus, where there are no buffers.
    s.command = false, s.w_stuck = false, s.loader_starts = false, s.redo = false, s.writes_cache = false;
    s.ready = p.direct_bus ? s.d_ack : !r.valid;
    if (s.w_cached) {
        // A load that may have read what a store has just changed begins anew, a misaligned one too, before it raises its exception.
        s.redo = !s.w_io && !s.w_write && w_hit && w_collides;
        if (!s.w_unaligned) {
            if (s.w_io) {
                s.command = !command_sent;
                s.w_stuck = s.w_write ? !s.ready : !data_answer;
            } else if (s.w_write) {
                s.command = true;
                s.writes_cache = w_hit;
                s.w_stuck = !s.ready;
            } else if (!w_hit) {
                s.command = !command_sent;
                s.loader_starts = s.ready;
                s.w_stuck = true;
            }
        }
        if (loading && !was_loading) s.redo = true;
    }
    s.exception_w = s.w_unaligned && p.traps && !s.redo;
    const bool liberated = liberator[2] && !(pending_w || pending_m || pending_e) && !had_exception;
    s.interrupt_jump = interrupt && liberated;
    s.trap_jump = had_exception || s.interrupt_jump;
    s.returns = p.traps && W.is(flag::xret);
    s.flush_w = s.redo || s.exception_w || s.trap_jump || s.returns;
    s.w_removed = s.exception_w || s.redo;
    s.w_fires = W.valid && !s.w_stuck && !s.w_removed;
    s.w_value = w_result;
    if (w_memory && s.w_fires && (!s.w_write || W.is(flag::writes))) s.w_value = load_value();
}

STAGE Core::cfu_port(Signals& s) {
    s.e_cfu = E.is(flag::cfu);
    s.hazard_cfu = p.cfu_waits && (W.is(flag::side_effect) || M.is(flag::side_effect));
    s.schedule = s.e_cfu && !s.hazard_cfu;
    s.load_waits = s.w_tcm && s.w_write && (p.single_ported || in_itcm(w_address)) && E.is(flag::memory) && !E.d->is(flag::store);
    s.cfu_active = cfu.always || s.e_cfu || hold || outstanding || m_cfu;
    if (s.cfu_active) {
        cfu_in.cmd_valid = (s.schedule || hold) && !fired;
        cfu_in.rsp_ready = !answer_kept;
        cfu_in.function = (E.d->word >> 25 & 0x7F) << 3 | (E.d->word >> 12 & 7);
        cfu_in.a = e_a, cfu_in.b = e_b;
        if (has_ports) ported_cfu(s);
        else cfu_out = cfu.at(cycle, cfu_in);
    } else {
        cfu_in.cmd_valid = false;
        cfu_out.rsp_valid = false, cfu_out.cmd_ready = true;
    }
    s.cfu_command = cfu_in.cmd_valid && cfu_out.cmd_ready;
    s.answered = cfu_out.rsp_valid || answer_kept;
    s.takes_answer = m_cfu && !s.w_stuck;
}

STAGE Core::memory(Signals& s) {
    s.m_flushed = s.flush_w;
    s.m_div = M.is(flag::div);
    s.m_waits = (s.m_div && !div_done) || (m_cfu && !s.answered);
    s.m_stuck = s.w_stuck || s.m_waits;
    s.m_value = m_result;
    if (m_cfu) s.m_value = answer_kept ? kept_answer : cfu_out.result;
}

STAGE Core::execute(Signals& s) {
    s.e_memory = E.is(flag::memory), s.e_write = E.d->is(flag::store);
    s.dflush_done = dflush_count >= dflush_top, s.dflush_ready = dflush_wait && s.dflush_done;
    s.e_csr = E.is(flag::csr);
    s.tcm_waits = s.load_waits;
    s.csr_waits = s.e_csr && (M.valid || W.valid);
    s.e_waits = (E.is(flag::flush_data) && !s.dflush_ready) || !s.dflush_done || (E.is(flag::wfi) && !wake) || s.csr_waits ||
                (s.e_cfu && s.hazard_cfu) || (cfu_in.cmd_valid && !cfu_out.cmd_ready) || (loading && E.valid) || s.tcm_waits;
    s.e_stuck = s.m_stuck || s.e_waits;
    s.jump_e = E.valid && e_jumps;
    s.exception_branch = p.alignment_check && s.jump_e && (e_target & 2);
    s.csr_number = E.d->word >> 20;
    s.csr_reads = (E.d->word >> 7 & 0x7F) != 0x20, s.csr_writes = !((E.d->word >> 13 & 1) && !(E.d->word >> 15 & 31));
    const bool exception_self = p.traps && ((s.e_csr && !csrs.allows(s.csr_number, s.csr_reads)) || E.is(flag::ecall));
    s.exception_e = s.exception_branch || exception_self;
    s.flush_e = s.jump_e || s.exception_e, s.e_flushed = s.flush_w, s.e_removed = s.exception_e || s.e_flushed;
    s.e_value = e_result;
    if (s.e_csr) s.e_value = csrs.read(s.csr_number, cycle, instructions);
}

STAGE Core::decode(Signals& s) {
    s.d_flushed = s.flush_w || s.flush_e;
    s.d_miss = p.icache_bytes && D.valid && !d_hit, s.d_error = !p.icache_bytes && D.valid && !d_hit;
    s.d_valid = D.valid && d_hit;
    const bool legal = D.d->is(flag::legal) && !(D.d->is(flag::cfu) && !cfu_enabled());
    s.exception_d = p.traps && ((s.d_valid && !legal) || s.d_error);
    s.d_removed = s.exception_d || s.d_flushed;
    s.predicts = s.d_valid && D.d->is(flag::predicted);
    s.flush_d = s.predicts || s.exception_d;
    s.liberating = interrupt && s.d_valid;
    s.return_waits = p.traps && (W.is(flag::xret) || M.is(flag::xret) || E.is(flag::xret));
    s.d_waits = (s.d_valid && hazard()) || s.liberating || s.return_waits;
    s.d_stuck = s.e_stuck || s.d_waits;
}

STAGE Core::fetch(Signals& s) {
    s.valid_d = (pending_d || s.exception_d) && !s.d_flushed, s.valid_e = (pending_e || s.exception_e) && !s.e_flushed;
    s.valid_m = pending_m && !s.m_flushed, s.valid_w = (pending_w || s.exception_w) && !s.redo;
    s.fetch_halted = s.valid_d || s.valid_e || s.valid_m || s.valid_w || s.trap_jump || s.returns;
    s.jumps = s.redo || s.trap_jump || s.returns || s.jump_e || s.predicts;
    s.pc = pc_reg + (inc ? 4 : 0);
    if (s.d_miss) s.pc = D.pc;
    if (s.redo) s.pc = W.pc;
    else if (s.returns) s.pc = csrs.mepc;
    else if (s.trap_jump) s.pc = csrs.mtvec;
    else if (s.jump_e) s.pc = e_target;
    else if (s.predicts) s.pc = D.pc + static_cast<uint32_t>(D.d->immediate);
    s.pc &= ~3u;
    s.pc = wrapped(s.pc);
    s.fence = s.d_valid && D.d->is(flag::fence_i);
    s.flush_done = flush_count >= iflush_top;
    s.fetch_waits = line_loading || flush_pending || !s.flush_done || !flush_was_done || s.fence;
    if (!p.icache_bytes) s.fetch_waits = false;
    // A single-ported memory of code: data goes first.
    if (p.single_ported && (itcm_taken(s.w_fires && s.w_write && s.w_tcm, s.e_memory && !s.e_write && !s.m_stuck && !s.tcm_waits) ||
                            (m_keeps_bank && !p.memory_port_bits && s.m_stuck))) {
        s.fetch_waits = true;
    }
    s.s2_ready = !s.d_stuck && !(s.d_miss || s.d_error), s.s0_ready = s.s2_ready && !s.fetch_waits;
    s.f0_valid = !s.fetch_halted && booted;
    s.fetches = s.f0_valid && s.s0_ready;
    // A CFU may get a command with what stands in D, whatever that is.
    if (s.s2_ready && p.icache_bytes && (s.cfu_active || D.d->is(flag::cfu) || f_d->is(flag::cfu) || shows_bus())) s.bank = bank_word(s.pc);
    s.fetch_flush = s.d_removed || (s.flush_d && !s.d_stuck) || s.d_miss;
}

// What the harness sees.
STAGE Core::show(Signals& s) {
    seen.retired = s.w_fires;
    seen.writes = s.w_fires && W.d->is(flag::writes);
    seen.value = s.w_value;
    seen.cfu_command = s.cfu_command;
    seen.cfu_response = cfu_out.rsp_valid && cfu_in.rsp_ready && s.cfu_active;
    seen.exception = had_exception, seen.trap = s.trap_jump;
    seen.bus_error = bus.error() && s.d_ack;
    seen.fetch_fault = !p.icache_bytes && !p.traps && s.d_error && !E.valid && !M.valid && !W.valid;
    if (s.w_fires) instructions++;
}

STAGE Core::interrupt_lines(Signals& s) {
    s.enabled = csrs.mie & ((csrs.mip_external ? 0x800u : 0) | (csrs.mip_software ? 8u : 0));
    s.wanted = csrs.mstatus_mie && s.enabled;
    s.line = 0;
    if (registers.uart.can_interrupt()) {
        registers.uart.advance(cycle);
        s.line = registers.uart.interrupt();
    }
}
