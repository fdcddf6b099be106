// VCD of a window of cycles, each one period of the clock long; the unit is 1 ps. Without VM_TRACE_VCD this is empty and costs nothing.
#pragma once
#include "options.h"

#if VM_TRACE_VCD
#include "verilated_vcd_c.h"

class CheckedFile final : public VerilatedVcdFile {
    std::string name;

public:
    bool open(const std::string& path) override {
        name = path;
        return VerilatedVcdFile::open(path);
    }
    ssize_t write(const char* data, ssize_t length) override {
        const ssize_t count = VerilatedVcdFile::write(data, length);
        if (count < 0 && errno != EAGAIN && errno != EINTR) fail("cannot write", name);
        return count;
    }
};

class Waves {
    CheckedFile file;
    VerilatedVcdC vcd{&file};
    uint64_t begin, end, period_ps;
    std::string path;

public:
    template <typename Top>
    Waves(Top& top, const Options& options)
        : begin(options.waves_begin), end(options.waves_end), period_ps(options.clock_period_ps), path(options.waves) {
        top.contextp()->timeunit(-12);
        top.contextp()->timeprecision(-12);
        if (path.empty()) begin = end = 0;
        else top.trace(&vcd, 99);
    }
    // half: 0 after the rising edge that begins `cycle`, 1 after the falling one.
    void dump(uint64_t cycle, int half) {
        if (cycle < begin || cycle >= end) {
            if (cycle == end && vcd.isOpen()) vcd.close();
            return;
        }
        if (!vcd.isOpen()) {
            vcd.open(path.c_str());
            if (!vcd.isOpen()) fail("cannot write", path);
        }
        vcd.dump(cycle * period_ps + half * (period_ps / 2));
    }
    ~Waves() {
        if (vcd.isOpen()) vcd.close();
    }
};
#else
class Waves {
public:
    template <typename Top>
    Waves(Top&, const Options& options) {
        if (!options.waves.empty()) fail("this simulator was built without waves", options.waves);
    }
    void dump(uint64_t, int) {}
};
#endif
