// The CFU at its port. `evaluate` settles the outputs for the inputs of this cycle, `clock` is the edge.
#pragma once
#include <dlfcn.h>

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
    using Evaluate = void (*)(void*, const CfuInputs*, CfuOutputs*);
    using Clock = void (*)(void*);
    void* instance = nullptr;
    Evaluate evaluate_library = nullptr;
    Clock clock_library = nullptr;

public:
    explicit Cfu(const std::string& library) {
        if (library.empty()) return;
        void* const handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!handle) {
            std::fprintf(stderr, "%s\n", ::dlerror());
            std::exit(3);
        }
        const auto create = reinterpret_cast<void* (*)()>(::dlsym(handle, "cfukit_cfu_create"));
        evaluate_library = reinterpret_cast<Evaluate>(::dlsym(handle, "cfukit_cfu_evaluate"));
        clock_library = reinterpret_cast<Clock>(::dlsym(handle, "cfukit_cfu_clock"));
        if (!create || !evaluate_library || !clock_library) {
            std::fprintf(stderr, "%s: not a CFU\n", library.c_str());
            std::exit(3);
        }
        instance = create();
    }
    bool present() const { return instance != nullptr; }
    CfuOutputs evaluate(const CfuInputs& inputs) {
        CfuOutputs outputs;
        if (instance) {
            evaluate_library(instance, &inputs, &outputs);
            return outputs;
        }
        outputs.cmd_ready = waiting != 2;
        outputs.rsp_valid = inputs.cmd_valid || waiting != 0;
        return outputs;
    }
    void clock(const CfuInputs& inputs, const CfuOutputs& outputs) {
        if (instance) return clock_library(instance);
        waiting += static_cast<int>(inputs.cmd_valid && outputs.cmd_ready) - static_cast<int>(outputs.rsp_valid && inputs.rsp_ready);
    }
};
