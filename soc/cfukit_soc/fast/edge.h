// The clock edge inside the CPU: CSRs, registers, CFU port, divider, and what moves from stage to stage.
#pragma once
#include "core.h"

// CSRs and traps.
STAGE Core::edge_of_csrs(Signals& s) {
    if (s.trap_jump) {
        csrs.mstatus_mpie = csrs.mstatus_mie, csrs.mstatus_mie = 0, csrs.mstatus_mpp = 3;
        csrs.mcause = had_exception ? context_code : 0x80000000u | interrupt_code;
        csrs.mepc = W.pc;
        if (had_exception) csrs.mtval = context_value;
    }
    if (s.returns) csrs.mstatus_mpp = 0, csrs.mstatus_mie = csrs.mstatus_mpie, csrs.mstatus_mpie = 1;
    if (p.interrupts) {
        if (s.liberating) {
            if (!s.w_stuck) liberator[2] = liberator[1];
            if (!s.m_stuck) liberator[1] = liberator[0];
            if (!s.e_stuck) liberator[0] = true;
        }
        if (!s.liberating || s.d_removed) liberator[0] = liberator[1] = liberator[2] = false;
        interrupt = s.wanted && !s.interrupt_jump;
        if (s.wanted) interrupt_code = s.enabled & 0x800 ? 11 : 3;
        wake = s.enabled != 0;
        csrs.mip_external = (csrs.mask & csrs.lines_before) != 0;
        csrs.mip_software = false;
        csrs.lines_before = s.line;
    }
    if (s.e_csr && s.csr_writes && !s.e_stuck) {
        const uint32_t source = E.d->word >> 14 & 1 ? E.d->rs1 : e_a, kind = E.d->word >> 12 & 3;
        const uint32_t value = kind == 1 ? source : kind == 2 ? s.e_value | source : s.e_value & ~source;
        csrs.write(s.csr_number, value, cycle, instructions, p.interrupts);
    }
    if (s.exception_d) context_code = s.d_error ? 1 : 2, context_value = s.d_error ? D.pc & ~3u : D.d->word;
    if (s.exception_e) {
        context_code = s.exception_branch ? 0 : E.is(flag::ecall) && !(s.e_csr && !csrs.allows(s.csr_number, s.csr_reads)) ? 11 : 2;
        context_value = s.exception_branch ? e_target : E.d->word;
    }
    if (s.exception_w) context_code = s.w_write ? 6 : 4, context_value = w_result;
    had_exception = s.valid_w;
    pending_w = !s.w_stuck && s.valid_m && !s.m_stuck;
    pending_m = !s.m_stuck ? s.valid_e && !s.e_stuck : s.valid_m;
    pending_e = !s.e_stuck ? s.valid_d && !s.d_stuck : s.valid_e;
    pending_d = s.d_stuck && s.valid_d;
}

STAGE Core::edge_of_cfu(Signals& s) {
    if (s.cfu_active) {
        outstanding += static_cast<int>(s.cfu_command) - static_cast<int>(cfu_out.rsp_valid && cfu_in.rsp_ready);
        if (outstanding < 0) outstanding = 0;
    }
    s.in_flight = s.schedule || hold || fired;
    if (!answer_kept) kept_answer = cfu_out.result;
    if (cfu_out.rsp_valid && s.cfu_active) answer_kept = true;
    if (s.takes_answer) answer_kept = false;
    if (p.stock ? s.schedule : cfu_in.cmd_valid) hold = true;
    if (cfu_out.cmd_ready) hold = false;
    if (s.cfu_command) fired = true;
    if (!s.e_stuck) fired = false;
}

STAGE Core::edge_of_divider(Signals& s) {
    const bool divides = s.m_div && !div_done;
    if (div_count == 0x20) div_done = true;
    if (divides) div_count++;
    if (!s.m_stuck) div_count = 0, div_done = false;
}

STAGE Core::read_operands(Signals& s) {
    s.enters_e = !s.d_stuck && !s.d_removed && s.d_valid;
    if (!s.enters_e && !hold && !shows_bus()) return;
    new_a = p.bypass ? operand(D.d->rs1, port_a, s.e_value, s.m_value, s.w_value) : port_a;
    new_b = p.bypass ? operand(D.d->rs2, port_b, s.e_value, s.m_value, s.w_value) : port_b;
}

STAGE Core::edge_of_registers(Signals& s) {
    if (s.w_fires && W.d->is(flag::jalr)) retired_target = (x[W.d->rs1] + static_cast<uint32_t>(W.d->immediate)) & ~1u;
    const Decoded& next = s.d_stuck ? *D.d : *f_d;  // what will be in D
    port_a = x[next.rs1], port_b = x[next.rs2];
    undo_register = 0;
    if (seen.writes) undo_register = W.d->rd, undo_value = x[undo_register], x[undo_register] = s.w_value;
    buffer_valid = s.w_fires && W.d->is(flag::writes), buffer_rd = W.d->rd, buffer_value = s.w_value;
}

// From the last stage to the first.
STAGE Core::edge_of_stages(Signals& s) {
    if (!s.w_stuck && !s.valid_w) W.pc = M.pc;
    if (!s.w_stuck) {
        W.d = M.d;
        w_result = M.is(flag::mul) ? m_result : s.m_value;  // a product comes from W
        w_address = M.is(flag::memory) && M.is(flag::remade) ? remade_address() : m_result;
        w_mask = M.is(flag::memory) ? final_mask() : 0;
        w_store = m_store, w_hit = m_hit, w_collides = s.m_now_collides;
    }
    if (!s.w_stuck || s.w_removed) W.valid = false;
    if (!s.m_stuck && !s.m_flushed) W.valid = M.valid;
    if (!s.m_stuck) {
        M.pc = E.pc, M.d = E.d;
        m_result = E.is(flag::csr) && E.is(flag::remade) ? e_result : s.e_value, m_store = store_lanes(*E.d, e_b);
        m_remade = e_remade;
        m_hit = s.e_memory && dtags[e_result / LINE_BYTES & dmask] == e_result / LINE_BYTES;
        m_collides = s.e_collides;
        m_cfu = s.in_flight && !s.e_stuck;
        m_keeps_bank = s.e_memory && !s.e_write && (e_result >> 19) == (0x20000000u >> 19) && !s.tcm_waits;
    }
    if (!s.m_stuck || s.m_flushed) M.valid = false;
    if (!s.e_stuck && !s.e_removed) M.valid = E.valid;
    if (!s.e_stuck) {
        if (s.enters_e) {
            e_a = new_a, e_b = new_b;
            enter_execute();
        } else {
            if (shows_bus()) e_a = new_a, e_b = new_b, enter_execute();
            e_jumps = false;
            if (hold) e_a = new_a, e_b = new_b;  // a command that is held takes what stands there
        }
        E.pc = D.pc, E.d = D.d;
    }
    if (!s.e_stuck || s.e_removed) E.valid = false;
    if (!s.d_stuck && !s.d_removed) E.valid = s.d_valid;
}

STAGE Core::edge_of_fetch(Signals& s) {
    if (s.fetch_flush) D.valid = false;
    if (s.s2_ready) {
        D.valid = f_valid && !s.fetch_flush;
        D.pc = pc_reg, d_hit = f_hit, D.d = f_d;
    }
    if (s.fetch_flush) f_valid = false;
    if (s.s2_ready) f_valid = s.fetches;
    if (s.fetches) read_code(s.pc);
    if (s.bank && !(s.fetches && f_hit)) f_d = s.bank;
    const bool correction = s.d_miss || s.jumps;
    if (booted && (s.s0_ready || correction || s.s2_ready)) pc_reg = s.pc;
    if (correction || s.s2_ready) inc = false;
    if (s.fetches) inc = true;
    if (!s.f0_valid && s.s0_ready) inc = false;
    booted = true;
}
