// The registers of the pipeline, its caches' loaders, its buffers and its CFU port, as they are between two clock edges.
#pragma once
#include "bubbles.h"
#include "cfu.h"
#include "cfu_dma.h"
#include "cfu_memory.h"
#include "execute.h"
#include "icache.h"
#include "write_through.h"

inline const Decoded NOTHING{}, UNWRITTEN = decode(0, DecodeOptions{});

struct Stage {
    bool valid = false;
    uint32_t pc = 0;
    const Decoded* d = &NOTHING;
    bool is(uint32_t flags) const { return valid && d->is(flags); }
};

// What one cycle showed to the outside.
struct Seen {
    bool retired = false, writes = false, cfu_command = false, cfu_response = false;
    bool store_answer = false, bus_error = false, exception = false, fetch_fault = false;
    bool trap = false;  // the next instruction is the first of the trap handler
    uint32_t value = 0;
    bool memory_access = false, memory_collision = false, memory_outside = false, dma_outside = false;  // of the CFU
    bool read = false;  // the bus answers a load or loads a word of a line
    uint32_t read_address = 0;
    Cause cause = Cause::unknown;
};

struct Pipeline {
    // F
    bool inc = false, booted = false, f_valid = false, f_hit = false;
    const Decoded* f_d = &NOTHING;
    // D
    Stage D;
    bool d_hit = false;
    // E
    Stage E;
    uint32_t e_a = 0, e_b = 0, e_result = 0, e_target = 0, e_remade = 0;
    bool e_jumps = false;
    // M
    Stage M;
    uint32_t m_result = 0, m_store = 0, m_remade = 0;
    bool m_hit = false, m_collides = false, m_cfu = false;
    int div_count = 0;
    bool div_done = false;
    // W
    Stage W;
    uint32_t w_result = 0, w_address = 0, w_store = 0, w_mask = 0;  // address: of a load or store; mask: its bytes
    bool w_hit = false, w_collides = false;
    // Without D$ and traps: what the bus carried in the last cycle, and its address then. A store that is no instruction shows it.
    uint32_t seen_word = 0, seen_address = 0;
    // The register written in the cycle before, and what the register file's ports read in it for D.
    bool buffer_valid = false;
    uint32_t buffer_rd = 0, buffer_value = 0, port_a = 0, port_b = 0;

    // At the beginning of the last step; and what a fault was about
    Stage before_w, before_m, before_e;
    Stage loads;  // what the D$ loads a line for
    uint32_t error_address = 0, retired_target = 0;
    uint32_t undo_register = 0, undo_value = 0;  // what the last step wrote over
    // I$ loader
    bool line_loading = false, line_sent = false, flush_pending = true, flush_was_done = false;
    uint32_t line_address = 0, line_index = 0, flush_count = 0, beat = 0;
    bool line_answer = false;
    uint32_t line_answer_word = 0, line_words[LINE_WORDS] = {};
    // D$
    bool command_sent = false, loading = false, was_loading = false, data_answer = false;
    uint32_t load_beat = 0, load_count = 0, load_address = 0;
    bool dflush_start = true, dflush_wait = false;
    uint32_t dflush_count = 0;
    // The way to the bus: r behind p
    struct Command {
        bool valid = false, write = false, line = false;
        uint32_t address = 0, mask = 0, data = 0, old = 0;
    } r, b;
    // CFU port
    bool hold = false, fired = false, answer_kept = false;
    uint32_t kept_answer = 0;
    int outstanding = 0;
    CfuInputs cfu_in;
    CfuOutputs cfu_out;
    // The CFU's other ports
    CfuMemory cfu_memory;
    CfuDma cfu_dma;
    CfuPortInputs port_in;
    CfuPortOutputs port_out;
    uint32_t m_word = 0, w_word = 0;  // what a load from the memory that the CFU shares has read
    uint32_t dma_word[4] = {};        // what the command that was taken reads
    WriteThroughCache::Other dram_read;  // in this cycle
    // Traps
    bool pending_d = false, pending_e = false, pending_m = false, pending_w = false, had_exception = false;
    uint32_t context_code = 0, context_value = 0;
    bool interrupt = false, liberator[3] = {}, wake = false;
    uint32_t interrupt_code = 0;

    bool m_keeps_bank = false;           // M has a load from the memory of code
    uint32_t old_word = 0;               // what the last store wrote over
    uint32_t new_a = 0, new_b = 0;       // operands of what enters E
    uint32_t x[32] = {};

    // A register's value in D, as the bypasses give it: also where D holds nothing, or waits.
    uint32_t operand(uint32_t number, uint32_t port, uint32_t e_value, uint32_t m_value, uint32_t w_value) const {
        if (E.is(flag::writes) && E.d->rd == number && E.d->is(flag::early)) return e_value;
        if (M.is(flag::writes) && M.d->rd == number && M.d->is(flag::middle)) return m_value;
        if (W.is(flag::writes) && W.d->rd == number) return w_value;
        return buffer_valid && buffer_rd == number ? buffer_value : port;
    }
    // Of the instruction that goes from D to E, with its operands.
    void enter_execute() {
        const Decoded& d = *D.d;
        e_jumps = false;
        if (d.is(flag::memory) && d.is(flag::legal)) {
            e_result = e_a + static_cast<uint32_t>(d.immediate);
            return;
        }
        e_result = compute(d, e_a, e_b, D.pc);
        if (d.is(flag::remade)) e_remade = compute_in_memory(d, e_a, e_b, D.pc);
        if (!d.is(flag::jumps)) return;
        const bool taken = !d.is(flag::branch) || branch_condition(d, e_a, e_b, D.pc);
        const uint32_t immediate = static_cast<uint32_t>(d.immediate);
        e_target = (d.is(flag::predicted) ? D.pc + 4 : (d.is(flag::jalr) ? e_a : D.pc) + immediate) & ~1u;
        const bool misaligned = taken && ((d.is(flag::jalr) ? immediate ^ e_a : immediate) & 2);
        e_jumps = taken != d.is(flag::predicted) || misaligned;
    }
    bool itcm_taken(bool stores, bool loads) const {
        return (stores && (w_address >> 19) == (0x20000000u >> 19)) || (loads && (e_result >> 19) == (0x20000000u >> 19));
    }
};
