// The cause of a cycle: what each stage waits for, by the rules of the RTL's harness (vexriscv.h).
#pragma once
#include "core.h"

struct Why {
    const Core& core;
    const Signals& s;

    Cause flush() const { return s.redo ? Cause::dcache : Cause::trap; }
    Cause write_back_waits() const {
        if (s.command && !s.ready) return core.p.direct_bus ? Cause::uncached : Cause::store;
        if (s.w_write) return Cause::unknown;
        return s.w_io ? Cause::uncached : Cause::dcache;
    }
    Cause memory_waits() const { return core.m_cfu && !s.answered ? Cause::cfu_wait : Cause::muldiv; }
    Cause execute_waits() const {
        if (core.loading) return Cause::dcache;
        if (core.E.is(flag::flush_data) && !s.dflush_ready) return Cause::dcache;
        if (!s.dflush_done) return Cause::dcache;
        if (s.tcm_waits) return Cause::tcm;
        if (core.E.is(flag::wfi)) return Cause::trap;
        if (s.e_csr) return Cause::csr;
        return s.e_cfu || core.hold ? Cause::cfu_issue : Cause::unknown;
    }
    Cause decode_waits() const { return s.liberating || s.return_waits ? Cause::trap : Cause::hazard; }
    Cause fetch_waits() const {
        if (s.fetch_halted) return Cause::trap;
        if (!core.booted) return Cause::icache;
        if (s.fetch_waits) return core.p.icache_bytes ? Cause::icache : Cause::tcm;
        return Cause::unknown;
    }
};

inline Cause Core::cause(const Signals& s) {
    Moves m;
    m.holds = f_valid * stage::FETCH | D.valid * stage::DECODE | E.valid * stage::EXECUTE | M.valid * stage::MEMORY |
              W.valid * stage::WRITE_BACK;
    m.retires = s.w_fires, m.flushed = s.flush_w;
    m.write_back_halts = s.w_stuck, m.memory_halts = s.m_waits, m.execute_halts = s.e_waits, m.decode_halts = s.d_waits;
    m.execute_traps = s.exception_e, m.jumps = s.jump_e, m.decode_traps = s.exception_d, m.predicted = s.predicts;
    m.absent = s.d_miss || s.d_error, m.missed = s.d_miss;
    m.no_fetch = s.fetch_waits || s.fetch_halted || !booted;
    return bubbles.cause(m, Why{*this, s});
}
