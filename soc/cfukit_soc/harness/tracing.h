// The trace has a line for each retired instruction: "[CYCLE ]PC INSTRUCTION[ xN=VALUE]". That of a window of cycles goes on with the
// causes of the cycles since the instruction before, " CAUSE=CYCLES" each.
#pragma once
#include "counts.h"
#include "retired.h"

class Tracing {
    FILE* file = nullptr;
    const std::string path;
    const bool cycles;
    const uint64_t begin, end;
    Counts& counts;
    const bool causes;

public:
    // path: "" = no trace. causes: `counts` must count.
    Tracing(const std::string& path_, bool cycles_, bool causes_, uint64_t begin_, uint64_t end_, Counts& counts_)
        : path(path_), cycles(cycles_), begin(begin_), end(end_), counts(counts_), causes(causes_) {
        if (path.empty()) return;
        file = std::fopen(path.c_str(), "w");
        if (!file) fail("cannot write", path);
    }
    bool is_on() const { return file; }

    // The instruction retires in `cycle`. rd: the register that it writes, 0 = none.
    void write(uint64_t cycle, Retired instruction, uint32_t rd, uint32_t value) const {
        const auto since = causes ? counts.take_since() : Counts::Cycles{};
        if (cycle < begin || cycle >= end) return;
        int length = cycles ? std::fprintf(file, "%llu ", static_cast<unsigned long long>(cycle)) : 0;
        length |= std::fprintf(file, "%08x %08x", instruction.pc, instruction.instruction);
        if (rd) length |= std::fprintf(file, " x%u=%08x", rd, value);
        for (int n = 0; causes && n < CAUSE_COUNT; n++) {
            if (since[n]) length |= std::fprintf(file, " %s=%llu", CAUSE_NAMES[n], static_cast<unsigned long long>(since[n]));
        }
        length |= std::fputc('\n', file);
        if (length < 0) fail("cannot write", path);
    }
    void finish() const {
        if (file && std::fclose(file)) fail("cannot write", path);
    }
};
