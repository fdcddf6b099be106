// The L2 cache of a system whose CFU reads DRAM too (see l2.py): it writes through. Cycle by cycle, because both ask the controller.
#pragma once
#include <vector>

#include "dram_step.h"

class WriteThroughCache {
    static constexpr uint32_t WRITES = 4;  // that wait for the chip
    enum State : uint8_t { idle, test, write_line, fill };
    const DramParameters p;
    DramController controller;
    const uint32_t line_bytes, beats, base;
    std::vector<uint32_t> tags;  // number of the line; none is 0
    State state = idle;
    bool writes = false;
    uint32_t number = 0;  // of the line of the access
    uint32_t part = 0, come = 0;          // of the line: asked for, come
    uint32_t waiting = 0, gone = 0;       // lines that wait to be written, and the parts of the first that have gone

public:
    // What a CFU asks for in a cycle, and what happened then.
    struct Other {
        bool asks = false;
        uint32_t address = 0;
        bool taken = false, comes = false;
    };

    WriteThroughCache(const DramParameters& parameters, uint32_t base_)
        : p(parameters), controller(p, 2), line_bytes((p.port_bits > 32 ? p.port_bits : 32) / 8), beats(line_bytes * 8 / p.port_bits),
          base(base_), tags(p.l2_bytes / line_bytes) {}

    bool busy() const { return state != idle; }
    uint64_t now() const { return controller.now; }  // the cycle that comes next
    // The bus asks, and the cache is idle.
    void ask(uint32_t address, bool write) { state = test, number = address / line_bytes, writes = write; }

    // One cycle, in which the CFU may ask too. Whether the access is acknowledged.
    bool cycle(Other& other) {
        const bool comes = controller.read_comes(0), goes = controller.write_goes(0);
        uint32_t& tag = tags[number % tags.size()];
        const bool hit = tag == number;
        const bool asks = (state == test && !writes && !hit) || state == write_line;
        const bool room = waiting != WRITES;
        const DramCommand commands[DramController::PORTS] = {{asks, state == write_line, (number - base / line_bytes) * beats + part},
                                                             {other.asks && !asks, false, other.address}};
        other.comes = controller.read_comes(1);
        uint32_t accepted = 0;
        if (commands[0].valid || commands[1].valid) accepted = controller.step(commands);
        else controller.idle_until(controller.now + 1);
        other.taken = accepted & 2;
        const bool asked = (accepted & 1) && part == beats - 1;
        if (accepted & 1) part = asked ? 0 : part + 1;
        const bool filled = comes && come == beats - 1;
        if (comes) come = filled ? 0 : come + 1;
        if (goes && waiting && ++gone == beats) waiting--, gone = 0;
        bool acknowledged = false;
        switch (state) {
        case test:
            if (writes && room) waiting++, state = write_line;
            else if (!writes && hit) acknowledged = true;
            else if (!writes && asked) state = fill;
            break;
        case write_line: acknowledged = asked; break;
        case fill:
            acknowledged = filled;
            if (filled) tag = number;
            break;
        case idle: break;
        }
        if (acknowledged) state = idle;
        return acknowledged;
    }
    // Up to `cycle` nobody asks.
    void idle_until(uint64_t until) {
        Other none;
        while (waiting && controller.now < until) {
            controller.skip(until);
            if (controller.now < until) cycle(none);
        }
        controller.idle_until(until);
    }
    // The cycle that acknowledges the access; the CFU asks for nothing meanwhile.
    uint64_t finish() {
        Other none;
        for (;;) {
            if (state == fill) controller.skip(UINT64_MAX);
            if (cycle(none)) return controller.now - 1;
        }
    }
    // The same of an access which the bus begins in cycle `begins`.
    uint64_t answers(uint64_t begins, uint32_t address, bool write) {
        idle_until(begins + 1);
        ask(address, write);
        return finish();
    }
};
