// What the fast path has to tell of its instructions: lines of the trace, and the causes of cycles. It executes ahead of the
// pipeline, so both wait here, in order, until their cycles are certain.
#pragma once
#include "bubbles.h"
#include "decode.h"
#include "tracing.h"

class Telling {
    struct Event {
        enum Kind : uint8_t { instruction, bubbles, stall } kind;
        Cause cause;
        uint64_t slot;    // of an instruction; the last one of bubbles; for a stall that of the instruction that waits in M
        uint64_t cycles;  // of bubbles and stalls
        const Decoded* d;
        uint64_t m_stalls;
        uint32_t pc, value;
    };
    const Tracing& trace;
    Counts* const counts;
    std::vector<Event> events;
    uint64_t busy_begin = 0, busy_end = 0;  // the cycles in which the CFU has its newest command

public:
    Telling(const Tracing& trace_, Counts* counts_) : trace(trace_), counts(counts_) {}

    void instruction(const Decoded* d, uint32_t pc, uint64_t slot, uint64_t m_stalls, uint32_t value) {
        events.push_back({Event::instruction, Cause::none, slot, 0, d, m_stalls, pc, value});
    }
    // The slots from `first` to the one before `end` hold no instruction.
    void bubbles(Cause cause, uint64_t first, uint64_t end) {
        if (first < end) events.push_back({Event::bubbles, cause, end - 1, end - first, nullptr, 0, 0, 0});
    }
    void stall_in_memory(Cause cause, uint64_t slot, uint64_t cycles) {
        if (cycles) events.push_back({Event::stall, cause, slot, cycles, nullptr, 0, 0, 0});
    }
    // The instruction whose turn it is waits in W.
    void stall_in_write_back(Cause cause, uint64_t cycles) {
        if (counts && cycles) counts->waiting(cause, cycles);
    }
    void cfu_busy(uint64_t begin, uint64_t end) {
        if (counts) counts->busy(busy_end - busy_begin, 0, 0);
        busy_begin = begin, busy_end = end;
    }

    // All before slot `slot`.
    void tell(uint64_t slot, uint64_t w_stalls) {
        size_t n = 0;
        for (; n < events.size() && events[n].slot < slot; n++) {
            const Event& event = events[n];
            if (event.kind == Event::instruction) {
                if (counts) counts->executing(event.pc);
                if (trace.is_on()) write(event, w_stalls);
            } else if (counts) {
                counts->waiting(event.cause, event.cycles);
            }
        }
        events.erase(events.begin(), events.begin() + static_cast<long>(n));
    }

    // The pipeline as it is when `slot` comes to D: what it says of W, M and E. What is still there is not told.
    std::array<Cause, 3> leave(uint64_t slot) {
        std::array<Cause, 3> stages{Cause::unknown, Cause::unknown, Cause::unknown};
        std::vector<Event> certain;
        while (!events.empty() && events.back().slot + 3 >= slot) {
            Event event = events.back();
            events.pop_back();
            if (event.kind == Event::instruction) {
                if (event.slot < slot) stages[event.slot + 3 - slot] = Cause::none;
            } else if (event.kind == Event::stall) {
                if (event.slot + 3 == slot) certain.push_back(event);
            } else {
                for (; event.cycles && event.slot + 3 >= slot; event.slot--, event.cycles--) {
                    if (event.slot < slot) stages[event.slot + 3 - slot] = event.cause;
                }
                if (event.cycles) certain.push_back(event);
            }
        }
        events.insert(events.end(), certain.rbegin(), certain.rend());
        return stages;
    }
    // The rest, when the slow model goes on in cycle `now`.
    void finish(uint64_t now, uint64_t w_stalls) {
        tell(UINT64_MAX, w_stalls);
        if (counts) counts->busy(std::max(std::min(busy_end, now), busy_begin) - busy_begin, 0, 0);
        busy_begin = busy_end = 0;
    }

private:
    void write(const Event& line, uint64_t w_stalls) const {
        const uint64_t cycle = line.slot + 3 + line.m_stalls + w_stalls;
        trace.write(cycle, {line.pc, line.d->word}, line.d->is(flag::writes) ? line.d->rd : 0, line.value);
    }
};
