// The command line of a simulator: words "key=value". Numbers are decimal.
#pragma once
#include "words.h"

struct Options {
    std::string image;   // what is in the memories at reset (see image.h)
    std::string result;  // JSON, written at the end
    std::string progress;  // how far the run is (see progress.h); "" = not told
    std::string trace;   // one line per retired instruction; "" = none
    bool trace_cycles = false;  // each line begins with the cycle of retirement
    bool trace_causes = false;     // each line ends with causes; needs `counts`
    uint64_t trace_begin = 0, trace_end = UINT64_MAX;  // cycles: begin <= cycle < end
    std::string counts;  // cycles by cause and instruction; "" = none
    uint32_t counter = 0;  // address of the low word of the cycle counter, whose reads are the borders in `counts`
    uint32_t region_reader = 1;  // a function of at most 32 bytes, aligned to 32: its reads have a mark. No address at 1
    std::string waves;   // VCD; "" = none
    uint64_t waves_begin = 0, waves_end = UINT64_MAX;  // cycles: begin <= cycle < end
    uint32_t stack_bottom = 0, stack_top = 0;  // a function's frame that begins in this stack and ends below it ends the run
    uint64_t clock_period_ps = 10000;  // of the waves
    uint64_t max_cycles = UINT64_MAX;
    uint64_t hang_cycles = UINT64_MAX;  // without a retired instruction
    bool live = false;  // like a board: input is taken as it comes, only its end ends the run, instructions are not counted
};

inline Options parse_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; i++) {
        const Word word(argv[i]);
        const std::string &key = word.key, &value = word.value;
        const auto number = [&] { return word.number(); };
        if (key == "image") options.image = value;
        else if (key == "result") options.result = value;
        else if (key == "progress") options.progress = value;
        else if (key == "trace") options.trace = value;
        else if (key == "trace_cycles") options.trace_cycles = number();
        else if (key == "trace_causes") options.trace_causes = number();
        else if (key == "trace_begin") options.trace_begin = number();
        else if (key == "trace_end") options.trace_end = number();
        else if (key == "counts") options.counts = value;
        else if (key == "counter") options.counter = number();
        else if (key == "region_reader") options.region_reader = number();
        else if (key == "waves") options.waves = value;
        else if (key == "waves_begin") options.waves_begin = number();
        else if (key == "waves_end") options.waves_end = number();
        else if (key == "stack_bottom") options.stack_bottom = number();
        else if (key == "stack_top") options.stack_top = number();
        else if (key == "clock_period_ps") options.clock_period_ps = number();
        else if (key == "max_cycles") options.max_cycles = number();
        else if (key == "live") options.live = number();
        else if (key == "hang_cycles") options.hang_cycles = number();
        else word.refuse();
    }
    return options;
}
