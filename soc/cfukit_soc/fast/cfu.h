// The CFU at its port, one call per cycle: the outputs for the inputs of this cycle, and then the edge.
#pragma once
#include <dlfcn.h>

#include <array>

#include "cfu_signals.h"
#include "options.h"

class Cfu {
    int waiting = 0;  // of the one that answers 0
    void* instance = nullptr;
    void* handle = nullptr;
    void (*cycle_of)(void*, const CfuInputs*, CfuOutputs*) = nullptr;
    void (*settle_of)(void*, const CfuInputs*, const CfuPortInputs*, CfuOutputs*, CfuPortOutputs*) = nullptr;
    void (*clock_of)(void*) = nullptr;
    bool (*still_of)(void*) = nullptr;
    void (*destroy_of)(void*) = nullptr;

    template <typename Function>
    void find(Function& function, const char* name, const std::string& path) {
        function = reinterpret_cast<Function>(::dlsym(handle, name));
        if (function) return;
        std::fprintf(stderr, "%s: not a CFU\n", path.c_str());
        std::exit(3);
    }

public:
    explicit Cfu(const std::string& path) {
        if (path.empty()) return;
        handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!handle) {
            std::fprintf(stderr, "%s\n", ::dlerror());
            std::exit(3);
        }
        void* (*create)() = nullptr;
        find(create, "cfukit_cfu_create", path);
        find(cycle_of, "cfukit_cfu_cycle", path);
        find(settle_of, "cfukit_cfu_settle", path);
        find(clock_of, "cfukit_cfu_clock", path);
        find(still_of, "cfukit_cfu_still", path);
        find(destroy_of, "cfukit_cfu_destroy", path);
        instance = create();
    }
    ~Cfu() {
        if (instance) destroy_of(instance);
        if (handle) ::dlclose(handle);
    }
    Cfu(const Cfu&) = delete;
    Cfu& operator=(const Cfu&) = delete;
    bool exists() const { return instance; }
    CfuOutputs cycle(const CfuInputs& inputs) {
        CfuOutputs outputs;
        if (instance) {
            cycle_of(instance, &inputs, &outputs);
            return outputs;
        }
        outputs.cmd_ready = waiting != 2;
        outputs.rsp_valid = inputs.cmd_valid || waiting != 0;
        waiting += static_cast<int>(inputs.cmd_valid && outputs.cmd_ready) - static_cast<int>(outputs.rsp_valid && inputs.rsp_ready);
        return outputs;
    }
    CfuOutputs settle(const CfuInputs& inputs, const CfuPortInputs& ports, CfuPortOutputs& asks) {
        CfuOutputs outputs;
        settle_of(instance, &inputs, &ports, &outputs, &asks);
        return outputs;
    }
    void clock() { clock_of(instance); }
    bool is_still() { return still_of(instance); }
};

// The CFU in time. The fast path runs it ahead of the pipeline; where the slow model then goes through the same cycles, it gives the
// same inputs, so it is told what the CFU said.
//
// A CFU that works on its own is clocked in every cycle, until a cycle without a command leaves it as it was: then it is still, and is not
// clocked before the next command.
class CfuPort {
    static constexpr uint32_t FIRST_LOOK = 16, LONGEST_LOOK = 4096;  // cycles without traffic before it may be still
    struct Said {
        uint64_t cycle = UINT64_MAX;
        CfuOutputs outputs;
    };
    Cfu cfu;
    std::array<Said, 1024> said;  // ring
    uint32_t quiet = 0, next_look = FIRST_LOOK;  // cycles without traffic

    // A cycle is over. Nothing is asked or answered in a quiet one.
    void note(bool is_quiet) {
        if (!is_quiet) {
            quiet = 0, next_look = FIRST_LOOK;
        } else if (++quiet == next_look) {
            still = cfu.is_still();
            next_look = std::min(4 * next_look, quiet + LONGEST_LOOK);
        }
    }

public:
    uint64_t until = 0;   // the cycles before were clocked, or the CFU was idle in them
    bool always = false;  // it works on its own
    bool still = false;

    explicit CfuPort(const std::string& library) : cfu(library) {}

    bool exists() const { return cfu.exists(); }
    __attribute__((always_inline)) CfuOutputs at(uint64_t cycle, const CfuInputs& inputs) {
        if (cycle >= until) {
            until = cycle + 1;
            if (!always) return cfu.cycle(inputs);
            if (still && !inputs.cmd_valid) return CfuOutputs{};
            still = false;
            const CfuOutputs outputs = cfu.cycle(inputs);
            note(!inputs.cmd_valid && !outputs.rsp_valid);
            return outputs;
        }
        const Said& entry = said[cycle % said.size()];
        return entry.cycle == cycle ? entry.outputs : CfuOutputs{};
    }
    CfuOutputs ahead(uint64_t cycle, const CfuInputs& inputs) {
        const CfuOutputs outputs = at(cycle, inputs);
        said[cycle % said.size()] = {cycle, outputs};
        return outputs;
    }
    // A CFU that works on its own does so up to `cycle`.
    void idle(uint64_t cycle) {
        while (until < cycle && !still) at(until, CfuInputs{});
        until = std::max(until, cycle);
    }
    // The same with other ports, in two parts: the outputs, and then the edge.
    CfuOutputs settle(const CfuInputs& inputs, const CfuPortInputs& ports, CfuPortOutputs& asks) {
        return cfu.settle(inputs, ports, asks);
    }
    void clock(uint64_t cycle, bool is_quiet) {
        until = cycle + 1, still = false;
        cfu.clock();
        note(is_quiet);
    }
};
