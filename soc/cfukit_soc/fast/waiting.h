// Cycles that need no step of the CPU, because each is like the one before.
#pragma once
#include "core.h"

// The CPU waits for a line of code from DRAM, and its pipeline is empty.
class CodeWait {
    static constexpr uint64_t SETTLES = 6;  // cycles until what was in the pipeline has left no trace in its registers
    uint64_t since = 0;  // the first cycle in which it was empty

public:
    // Goes on to the cycle before the L2's answer, but not beyond `limit`. The number of cycles that were skipped.
    uint64_t skip(Core& core, uint64_t limit) {
        if (!is_empty(core)) {
            since = core.cycle + 1;
            return 0;
        }
        if (core.cycle < since + SETTLES) return 0;
        const uint64_t until = std::min(core.bus.code_comes(core.cycle), limit);
        if (core.line_answer || until <= core.cycle) return 0;
        const uint64_t cycles = until - core.cycle;
        if (!core.bus.wait(cycles)) return 0;
        core.cycle += cycles;
        return cycles;
    }

private:
    static bool is_empty(const Core& c) {
        if (!c.line_loading || c.D.valid || c.f_valid || c.E.valid || c.M.valid || c.W.valid || c.b.valid || c.r.valid) return false;
        if (c.loading || c.was_loading || c.data_answer || c.flush_pending || !c.flush_was_done) return false;
        if (c.dflush_start || c.dflush_wait || c.dflush_count < c.dflush_top) return false;
        if (c.pending_d || c.pending_e || c.pending_m || c.pending_w || c.had_exception || c.interrupt) return false;
        if (c.csrs.lines_before || c.csrs.mip_external || c.csrs.mip_software || c.registers.uart.can_interrupt()) return false;
        return c.cfu_rests() && !c.hold && !c.fired && !c.answer_kept && !c.outstanding && !c.m_cfu;
    }
};

// The CPU waits for the answer of a CFU that is always clocked, and nothing else is under way.
class CfuWait {
    static constexpr uint64_t SETTLES = 6;
    uint64_t since = 0;  // the first cycle in which it waited

public:
    // Goes on to the cycle of the answer, but not beyond `limit`. The number of cycles that were skipped; accesses: of the memory port.
    uint64_t skip(Core& core, uint64_t limit, uint64_t& accesses) {
        if (!waits(core)) {
            since = core.cycle + 1;
            return 0;
        }
        return core.cycle < since + SETTLES ? 0 : core.run_cfu(limit, accesses);
    }

private:
    static bool waits(const Core& c) {
        if (!c.cfu.always || !c.m_cfu || !c.M.valid || c.W.valid || c.answer_kept || c.hold || c.fired || c.cfu_in.cmd_valid) return false;
        if (c.E.is(flag::cfu) && !c.p.cfu_waits) return false;
        if (c.b.valid || c.r.valid || c.line_loading || c.line_answer || c.beat || c.flush_pending || !c.flush_was_done) return false;
        if (c.loading || c.was_loading || c.data_answer || c.dflush_start || c.dflush_wait || c.dflush_count < c.dflush_top) return false;
        if (c.pending_d || c.pending_e || c.pending_m || c.pending_w || c.had_exception || c.interrupt || c.liberator[0]) return false;
        if (c.csrs.lines_before || c.csrs.mip_external || c.csrs.mip_software || c.registers.uart.can_interrupt()) return false;
        return c.cycle >= c.cfu.until && !c.bus.works_through();
    }
};
