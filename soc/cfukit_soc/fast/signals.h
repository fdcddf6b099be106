// What the parts of one clock tell each other. A name begins with its stage. `waits`: the
// stage waits by itself; `stuck`: it keeps what it holds.
#pragma once
#include "bus.h"

struct Signals {
    bool d_ack = false, i_ack = false;  // the bus answers the data side, or the instruction side

    bool w_write = false, w_tcm = false, w_cached = false, w_io = false, w_unaligned = false;
    bool command = false, ready = false;  // an access asks for the bus, and gets it
    bool loader_starts = false, redo = false, writes_cache = false;  // of the D$
    bool w_stuck = false, w_fires = false, w_removed = false, flush_w = false;
    bool exception_w = false, interrupt_jump = false, trap_jump = false, returns = false;

    bool e_cfu = false, hazard_cfu = false, schedule = false, cfu_active = false;
    bool load_waits = false, bus_stores = false, ports_rest = true, dma_held = false, dma_ack = false;
    bool cfu_command = false, answered = false, takes_answer = false, in_flight = false;

    bool m_div = false, m_waits = false, m_stuck = false, m_flushed = false;

    bool e_memory = false, e_write = false, e_csr = false, csr_reads = false, csr_writes = false;
    bool dflush_done = false, dflush_ready = false, tcm_waits = false, csr_waits = false, jump_e = false;
    bool e_waits = false, e_stuck = false, e_removed = false, e_flushed = false, flush_e = false;
    bool exception_branch = false, exception_e = false;

    bool d_valid = false, d_miss = false, d_error = false, predicts = false, liberating = false;
    bool enters_e = false, d_waits = false, return_waits = false, d_stuck = false, d_removed = false, d_flushed = false, flush_d = false, exception_d = false;

    bool valid_d = false, valid_e = false, valid_m = false, valid_w = false;  // an exception is known there
    bool jumps = false, fence = false, flush_done = false, fetch_waits = false, fetch_halted = false;
    bool s2_ready = false, s0_ready = false, f0_valid = false, fetches = false, fetch_flush = false;

    bool wanted = false;  // an interrupt
    bool i_takes = false, data_acknowledged = false;  // an answer reaches who asked
    bool data_last = false, data_done = false, data_answers = false, m_now_collides = false, e_collides = false;
    const Decoded* bank = nullptr;  // what F reads of a line that is not there
    uint32_t w_value = 0, m_value = 0, e_value = 0, csr_number = 0, pc = 0;
    uint32_t enabled = 0, line = 0;  // interrupts
    uint32_t answer_word = 0;
};
