// The verilated CFU as a shared library: two functions, see cfu.h. The clock is low while inputs settle.
#include <memory>

#include "VCfu.h"
#include "VCfu___024root.h"
#include "verilated.h"

void VCfu___024root___eval(VCfu___024root*);  // what eval() does, without its bookkeeping

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

EXPORT void cfukit_cfu_cycle(Device* device, const CfuInputs* inputs, CfuOutputs* outputs) {
    VCfu& cfu = *device->cfu;
    cfu.clk = 0;
    cfu.cmd_valid = inputs->cmd_valid;
    cfu.rsp_ready = inputs->rsp_ready;
    cfu.cmd_payload_function_id = static_cast<SData>(inputs->function);
    cfu.cmd_payload_inputs_0 = inputs->a;
    cfu.cmd_payload_inputs_1 = inputs->b;
    VCfu___024root___eval(cfu.rootp);
    outputs->cmd_ready = cfu.cmd_ready;
    outputs->rsp_valid = cfu.rsp_valid;
    outputs->result = cfu.rsp_payload_outputs_0;
    cfu.clk = 1;
    VCfu___024root___eval(cfu.rootp);
}

EXPORT Device* cfukit_cfu_create() {
    Device* const device = new Device;
    VCfu& cfu = *device->cfu;
    const CfuInputs idle{false, true, 0, 0, 0};
    CfuOutputs outputs;
    cfu.clk = 0;
    cfu.reset = 1;
    cfu.eval();  // the first time through the front door
    for (int n = 0; n < RESET_CYCLES; n++) {
        cfukit_cfu_cycle(device, &idle, &outputs);
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
