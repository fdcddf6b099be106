// The verilated CFU as a shared library: three functions, see cfu.h. The clock is low while inputs settle.
#include <memory>

#include "VCfu.h"
#include "verilated.h"

struct CfuInputs {
    bool cmd_valid, rsp_ready;
    uint32_t function, a, b;
};

struct CfuOutputs {
    bool cmd_ready, rsp_valid;
    uint32_t result;
};

static constexpr int RESET_CYCLES = 16;  // as the harness of the RTL

struct Device {
    VerilatedContext context;
    std::unique_ptr<VCfu> cfu{new VCfu{&context, "cfu"}};
};

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void cfukit_cfu_evaluate(Device* device, const CfuInputs* inputs, CfuOutputs* outputs) {
    VCfu& cfu = *device->cfu;
    cfu.clk = 0;
    cfu.cmd_valid = inputs->cmd_valid;
    cfu.rsp_ready = inputs->rsp_ready;
    cfu.cmd_payload_function_id = static_cast<SData>(inputs->function);
    cfu.cmd_payload_inputs_0 = inputs->a;
    cfu.cmd_payload_inputs_1 = inputs->b;
    cfu.eval();
    outputs->cmd_ready = cfu.cmd_ready;
    outputs->rsp_valid = cfu.rsp_valid;
    outputs->result = cfu.rsp_payload_outputs_0;
}

EXPORT void cfukit_cfu_clock(Device* device) {
    device->cfu->clk = 1;
    device->cfu->eval();
}

EXPORT Device* cfukit_cfu_create() {
    Device* const device = new Device;
    VCfu& cfu = *device->cfu;
    const CfuInputs idle{false, true, 0, 0, 0};
    CfuOutputs outputs;
    cfu.reset = 1;
    for (int n = 0; n < RESET_CYCLES; n++) {
        cfukit_cfu_evaluate(device, &idle, &outputs);
        cfukit_cfu_clock(device);
    }
    cfu.reset = 0;
    return device;
}

// Verilator's own would write to standard output, which is the UART's, and abort.
void vl_fatal(const char* file, int line, const char*, const char* message) {
    std::fprintf(stderr, "%s:%d: %s\n", file, line, message);
    std::_Exit(3);
}
void vl_finish(const char*, int, const char*) { std::_Exit(3); }
void vl_stop(const char* file, int line, const char* hierarchy) { vl_fatal(file, line, hierarchy, "$stop"); }
