// The clock edge between the pipeline and the bus: requests, stores, buffers, and the loaders of both caches.
#pragma once
#include "core.h"

// Requests to the bus are of this cycle, so they come before the edge.
STAGE Core::requests(Signals& s, BusRequest& instruction, BusRequest& data, BusRequest& dma) {
    instruction.cyc = (line_loading && !line_sent) || beat != 0;
    instruction.address = (line_address & ~31u) | beat << 2;
    instruction.mask = 15;
    if (p.direct_bus) {
        data.cyc = s.command;
        data.write = s.w_write;
        data.address = w_address & ~3u;
        data.mask = s.w_write ? w_mask : 15;
        if (s.w_write) data.data = w_store;
    } else {
        data.cyc = b.valid;
        data.write = b.write;
        data.address = b.line ? (b.address & ~31u) | load_beat << 2 : b.address & ~3u;
        data.mask = b.write ? b.mask : 15;
        data.data = b.data;
    }
    if (shows_bus()) {
        seen_word = bus.error() ? 0xFFFFFFFFu : word_on_lines(seen_address);
        seen_address = bus.data_side ? data.address : instruction.address;
    }
    if (cfu_dma.asks_bus()) dma.cyc = true, dma.address = cfu_dma.bus_address(), dma.mask = 15;
    if (s.dma_ack) dma_word[0] = bus_word(dma.address);
    s.answer_word = s.i_ack ? bus_word(instruction.address) : 0;
    s.data_last = data.write || !b.line || load_beat == 7;
    s.i_takes = instruction.cyc && s.i_ack, s.data_acknowledged = data.cyc && s.d_ack;
    s.data_done = s.data_acknowledged && s.data_last;  // the command leaves
    s.data_answers = s.data_acknowledged && !data.write;

    seen.store_answer = s.data_acknowledged && data.write;
    seen.read = s.data_answers, seen.read_address = data.address;
    if (seen.bus_error) error_address = data.address;
}

// Stores act where they leave.
STAGE Core::act_stores(Signals& s) {
    if (s.w_write && s.w_fires) store_now();
    const bool colliding = s.writes_cache && !s.w_unaligned;
    const uint32_t written_word = w_address >> 2, written_mask = colliding ? w_mask : 0;
    const uint32_t word_mask = dmask << 3 | 7;
    const auto collides = [&](const Decoded& d, uint32_t address) {
        return colliding && ((address >> 2 ^ written_word) & word_mask) == 0 && (size_mask(d, address) & written_mask);
    };
    s.m_now_collides = m_collides || (M.d->is(flag::memory) && collides(*M.d, m_result));
    s.e_collides = E.d->is(flag::memory) && collides(*E.d, e_result);
}

// The buffers between the pipeline and the bus.
STAGE Core::data_buffers(Signals& s) {
    if (!p.direct_bus) {
        Command given;
        given.address = w_address;
        if (s.command) {
            given.valid = true;
            given.write = s.w_write;
            given.line = !s.w_io && !s.w_write;
            given.mask = w_mask;
            given.data = w_store;
            given.old = old_word;
        }
        const bool passes = !b.valid || s.data_done;
        const bool offered = s.command || r.valid;
        const Command first = r.valid ? r : given;
        if (!r.valid) {
            r = given;  // data is captured while it is free
            r.valid = s.command;
        }
        if (passes) {
            b = first;
            b.valid = offered;
            r.valid = false;
        }
        if (s.data_acknowledged) load_beat = s.data_last ? 0 : load_beat + 1;
    }
    const bool command_fires = s.command && s.ready;
    if (command_fires) command_sent = true;
    if (!s.w_stuck) command_sent = false;
}

// The D$ loader: an answer arrives one cycle after its acknowledge.
STAGE Core::load_data_line(Signals& s) {
    const bool loads_word = loading && data_answer;
    was_loading = loading;
    if (s.loader_starts) loading = true, load_address = w_address, loads = before_w;
    if (loads_word) {
        if (load_count == 7) {
            loading = false;
            dtags[load_address / LINE_BYTES & dmask] = load_address / LINE_BYTES;
        }
        load_count = (load_count + 1) & 7;
    }
    data_answer = s.data_answers;
}

STAGE Core::flush_data(Signals& s) {
    const bool starts = !dflush_wait && !dflush_start && E.is(flag::flush_data) && !s.e_memory && !M.is(flag::memory) && !s.w_cached && !s.redo;
    if (s.dflush_ready) dflush_wait = false;
    if (!s.dflush_done) dflush_count++;
    if (dflush_start) {
        dflush_wait = true, dflush_count = 0;
        for (size_t n = 0; n < dtags.size(); n++) {
            if (dtags[n] != UINT32_MAX) flushed_dtags[n] = dtags[n];
            dtags[n] = UINT32_MAX;
        }
    }
    dflush_start = starts;
}

STAGE Core::load_code_line(Signals& s) {
    const bool i_fire = s.i_takes && line_loading && !line_sent;
    bool line_done = false;
    if (line_answer) {
        line_words[line_index] = line_answer_word;
        line_done = line_index == 7;
        line_index = (line_index + 1) & 7;
    }
    const bool starts_flush = flush_pending && !(line_loading || f_valid);
    if (line_done) {
        line_loading = false;
        icache.fill(line_address, line_words, s.flush_done);  // while lines are flushed, the tag is not written
    }
    if (s.d_miss) line_loading = true;
    if (s.fence) flush_pending = true;
    if (starts_flush) flush_pending = false;
    if (i_fire) line_sent = true;
    if (line_done) line_sent = false;
    if (s.d_miss) line_address = D.pc;
    flush_was_done = s.flush_done;
    if (!s.flush_done) flush_count++;
    if (starts_flush) {
        flush_count = 0;
        icache.flush();
    }
    line_answer = s.i_takes;
    line_answer_word = s.answer_word;
    if (line_answer) beat = (beat + 1) & 7;
}
