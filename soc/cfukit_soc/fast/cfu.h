// The CFU at its port, one call per cycle: the outputs for the inputs of this cycle, and then the edge.
#pragma once
#include <dlfcn.h>

#include <array>

#include "options.h"

struct CfuInputs {
    bool cmd_valid = false, rsp_ready = true;
    uint32_t function = 0, a = 0, b = 0;
};

struct CfuOutputs {
    bool cmd_ready = true, rsp_valid = false;
    uint32_t result = 0;
};

class Cfu {
    int waiting = 0;  // of the one that answers 0
    using Cycle = void (*)(void*, const CfuInputs*, CfuOutputs*);
    void* instance = nullptr;
    Cycle library = nullptr;

public:
    explicit Cfu(const std::string& path) {
        if (path.empty()) return;
        void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!handle) {
            std::fprintf(stderr, "%s\n", ::dlerror());
            std::exit(3);
        }
        const auto create = reinterpret_cast<void* (*)()>(::dlsym(handle, "cfukit_cfu_create"));
        library = reinterpret_cast<Cycle>(::dlsym(handle, "cfukit_cfu_cycle"));
        if (!create || !library) {
            std::fprintf(stderr, "%s: not a CFU\n", path.c_str());
            std::exit(3);
        }
        instance = create();
    }
    CfuOutputs cycle(const CfuInputs& inputs) {
        CfuOutputs outputs;
        if (instance) {
            library(instance, &inputs, &outputs);
            return outputs;
        }
        outputs.cmd_ready = waiting != 2;
        outputs.rsp_valid = inputs.cmd_valid || waiting != 0;
        waiting += static_cast<int>(inputs.cmd_valid && outputs.cmd_ready) - static_cast<int>(outputs.rsp_valid && inputs.rsp_ready);
        return outputs;
    }
};

// The CFU in time. The fast path runs it ahead of the pipeline; where the slow model then goes through the same cycles, it gives the
// same inputs, so it is told what the CFU said.
class CfuPort {
    struct Said {
        uint64_t cycle = UINT64_MAX;
        CfuOutputs outputs;
    };
    Cfu cfu;
    std::array<Said, 1024> said;  // ring

public:
    uint64_t until = 0;  // the cycles before were clocked, or the CFU was idle in them

    explicit CfuPort(const std::string& library) : cfu(library) {}

    CfuOutputs at(uint64_t cycle, const CfuInputs& inputs) {
        if (cycle >= until) {
            until = cycle + 1;
            return cfu.cycle(inputs);
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
        for (; until < cycle; until++) cfu.cycle(CfuInputs{});
    }
};
