// The command line: words "key=value", as of the RTL's harness. Numbers are decimal.
#pragma once
#include "words.h"

struct Options {
    std::string parameters;        // the system (see parameters.h)
    std::string image;             // what is in the memories at reset
    std::string result;            // JSON, written at the end
    std::string progress;          // how far the run is (see progress.h); "" = not told
    std::string trace;             // one line per retired instruction; "" = none
    bool trace_cycles = false;     // each line of the trace begins with the cycle of retirement
    bool trace_causes = false;     // each line ends with causes; needs `counts`
    uint64_t trace_begin = 0, trace_end = UINT64_MAX;  // cycles: begin <= cycle < end
    std::string counts;            // cycles by cause and instruction; "" = none
    uint32_t counter = 0;          // address of the low word of the cycle counter, whose reads are the borders in `counts`
    uint32_t region_reader = 1;    // a function of at most 32 bytes, aligned to 32: its reads have a mark. No address at 1
    bool exact = false;            // step every cycle: the model that the fast path is compared with
    bool lint = false;             // tell what the program should not do; steps every cycle too
    uint32_t stack_bottom = 0, stack_top = 0;  // a function's frame that begins in this stack and ends below it ends the run
    uint64_t max_cycles = UINT64_MAX / 2;
    uint64_t hang_cycles = UINT64_MAX;  // without a retired instruction
    bool autonomous = false;       // the CFU is clocked in every cycle
    int gdb = -1;                  // file descriptor of the socket where gdb connects; -1: there is no debugger
    std::string cfu;               // shared library of the CFU; "" = every instruction answers 0
};

inline Options parse_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; i++) {
        const Word word(argv[i]);
        const std::string &key = word.key, &value = word.value;
        const auto number = [&] { return word.number(); };
        if (key == "parameters") options.parameters = value;
        else if (key == "image") options.image = value;
        else if (key == "result") options.result = value;
        else if (key == "progress") options.progress = value;
        else if (key == "trace") options.trace = value;
        else if (key == "trace_cycles") options.trace_cycles = number() != 0;
        else if (key == "trace_causes") options.trace_causes = number() != 0;
        else if (key == "trace_begin") options.trace_begin = number();
        else if (key == "trace_end") options.trace_end = number();
        else if (key == "counts") options.counts = value;
        else if (key == "counter") options.counter = static_cast<uint32_t>(number());
        else if (key == "region_reader") options.region_reader = static_cast<uint32_t>(number());
        else if (key == "exact") options.exact = number() != 0;
        else if (key == "lint") options.lint = number() != 0;
        else if (key == "stack_bottom") options.stack_bottom = static_cast<uint32_t>(number());
        else if (key == "stack_top") options.stack_top = static_cast<uint32_t>(number());
        else if (key == "max_cycles") options.max_cycles = number();
        else if (key == "hang_cycles") options.hang_cycles = number();
        else if (key == "autonomous") options.autonomous = number() != 0;
        else if (key == "gdb") options.gdb = static_cast<int>(number());
        else if (key == "cfu") options.cfu = value;
        else word.refuse();
    }
    return options;
}
