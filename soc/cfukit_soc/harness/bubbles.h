// The cause of each cycle of a pipeline of five rigid stages. Call `cause` once per cycle, from the first one on.
//
// A stage that waits holds all stages in front of it, and a bubble is never filled. So a cycle without a retirement was lost where
// the bubble arose that is now in the last stage. Each bubble carries its cause from there.
#pragma once
#include <array>

#include "causes.h"

namespace stage {
enum : uint32_t { FETCH = 1, DECODE = 2, EXECUTE = 4, MEMORY = 8, WRITE_BACK = 16, ALL = 31 };
}

// What moves in a cycle.
struct Moves {
    uint32_t holds;         // the stages that hold an instruction
    bool retires, flushed;  // flushed: what is behind writeBack
    bool write_back_halts, memory_halts, execute_halts, decode_halts;  // by themselves, not for a later stage
    bool execute_traps, jumps, decode_traps, predicted;  // jumps: out of execute; predicted: out of decode
    bool absent, missed;    // an instruction in decode is not there yet, or must not be; it is not in the cache
    bool no_fetch;          // no fetch begins
};

class Bubbles {
    // After reset there is no instruction anywhere.
    Cause fetch = Cause::icache, decode = Cause::icache, execute = Cause::icache, memory = Cause::icache,
          write_back = Cause::icache;
    uint32_t foreseen = 0;  // the stages that hold an instruction in this cycle, by the rules

public:
    // why: what each stage waits for, asked only of one that waits. `unknown`: no rule holds, or the stages hold something else
    // than the rules foresaw in the cycle before.
    template <class Why>
    Cause cause(const Moves& m, const Why& why) {
        using namespace stage;
        if (__builtin_expect(m.holds != foreseen, 0)) return Cause::unknown;
        const bool moves = !(m.flushed | m.write_back_halts | m.memory_halts | m.execute_halts | m.decode_halts | m.execute_traps |
                             m.jumps | m.decode_traps | m.predicted | m.absent | m.no_fetch);
        if (moves) {  // every stage passes on what it holds
            const Cause now = m.retires ? Cause::executing : write_back;
            write_back = memory, memory = execute, execute = decode, decode = fetch, fetch = Cause::none;
            foreseen = (m.holds << 1 | FETCH) & ALL;
            return now;
        }

        const Cause flush = m.flushed ? why.flush() : Cause::none;
        Cause now = Cause::executing;
        if (!m.retires) now = !(m.holds & WRITE_BACK) ? write_back : m.flushed ? flush : why.write_back_waits();
        const bool memory_holds = m.write_back_halts | m.memory_halts, execute_holds = memory_holds | m.execute_halts;
        const bool decode_holds = execute_holds | m.decode_halts;

        // From the last stage to the first, so that each takes what is still in the stage in front of it.
        if (m.flushed) write_back = flush;
        else if (!m.write_back_halts) write_back = m.memory_halts ? why.memory_waits() : memory;

        if (m.flushed) memory = flush;
        else if (!memory_holds) {
            memory = m.execute_traps                         ? Cause::trap
                     : m.execute_halts && m.holds & EXECUTE ? why.execute_waits()
                                                             : execute;
        }

        // What flushes decode and the fetch stages.
        Cause refetch = m.flushed ? flush : m.execute_traps ? Cause::trap : m.jumps ? Cause::branch : Cause::none;
        if (m.flushed || m.execute_traps || !execute_holds) {
            if (refetch != Cause::none) execute = refetch;
            else if (m.decode_traps) execute = Cause::trap;
            else if (m.decode_halts) execute = why.decode_waits();
            else if (m.absent) execute = m.missed ? Cause::icache : Cause::trap;
            else execute = decode;
        }
        if (refetch == Cause::none) {
            if (m.decode_traps) refetch = Cause::trap;
            else if (m.predicted && !decode_holds) refetch = Cause::branch;
            else if (m.missed) refetch = Cause::icache;
        }
        const bool fetch_moves = !decode_holds && !m.absent;
        if (refetch != Cause::none) decode = refetch;
        else if (fetch_moves) decode = fetch;

        if (fetch_moves) fetch = m.no_fetch ? why.fetch_waits() : Cause::none;
        else if (refetch != Cause::none) fetch = refetch;

        const auto full = [](Cause of) { return static_cast<uint32_t>(of == Cause::none); };
        foreseen = full(fetch) * FETCH | full(decode) * DECODE | full(execute) * EXECUTE | full(memory) * MEMORY |
                   full(write_back) * WRITE_BACK;
        return now;
    }

    // The last three stages, the last one first; `none` where there is an instruction.
    std::array<Cause, 3> behind_decode() const { return {write_back, memory, execute}; }
    // All stages are empty, as after a trap.
    void begin_anew() {
        fetch = decode = execute = memory = write_back = Cause::trap;
        foreseen = 0;
    }
    // As if the pipeline had come here by itself, with instructions in decode and fetch.
    void resume(const std::array<Cause, 3>& causes) {
        write_back = causes[0], memory = causes[1], execute = causes[2], decode = fetch = Cause::none;
        foreseen = stage::FETCH | stage::DECODE;
        for (int n = 0; n < 3; n++) foreseen |= causes[n] == Cause::none ? stage::WRITE_BACK >> n : 0;
    }
};
