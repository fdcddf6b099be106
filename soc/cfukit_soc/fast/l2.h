// The L2 cache in front of DRAM (LiteX's: direct-mapped, it writes a line back when it needs the place), its bridge to the controller,
// and in which cycle it answers the bus.
#pragma once
#include <vector>

#include "dram_step.h"

class L2Cache {
    struct Line {
        uint32_t tag = 0;  // no address of DRAM is 0
        bool dirty = false;
    };
    const DramParameters p;
    DramController controller;
    const uint32_t line_bytes, commands_per_line, base;
    std::vector<Line> lines;

public:
    L2Cache(const DramParameters& parameters, uint32_t base_)
        : p(parameters), controller(p, 1), line_bytes((p.port_bits > 32 ? p.port_bits : 32) / 8),
          commands_per_line(line_bytes * 8 / p.port_bits), base(base_), lines(p.l2_bytes / line_bytes) {}

    // The cycle that acknowledges an access which the bus begins in cycle `begins`.
    uint64_t answers(uint64_t begins, uint32_t address, bool write) {
        const uint32_t number = address / line_bytes;
        Line& line = lines[number % lines.size()];
        uint64_t at = begins + 1;
        if (line.tag != number) {
            if (line.dirty) at = transfer(at + 1, true, line.tag);
            at = transfer(at + 1, false, number) + 1;
            line = {number, false};
        }
        line.dirty |= write;
        return at;
    }

private:
    // The cycle in which a line that the cache offers or asks for in cycle `begins` is through.
    uint64_t transfer(uint64_t begins, bool write, uint32_t number) {
        const uint32_t first = (number - base / line_bytes) * commands_per_line;
        const bool converts = commands_per_line > 1;  // it keeps a command for a cycle, and what was read until it is a word
        controller.idle_until(begins + converts);
        DramCommand command{true, write, first};
        for (uint32_t through = 0;;) {
            if (write ? controller.write_goes(0) : controller.read_comes(0)) through++;
            if (through == commands_per_line) return controller.now + (converts && !write);
            if (controller.step(&command)) command.valid = ++command.address < first + commands_per_line;
            if (!command.valid) controller.skip(UINT64_MAX);
        }
    }
};
