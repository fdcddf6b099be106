// The verilated CFU as a shared library, see cfu.h. The clock is low while inputs settle.
#include <cstring>
#include <memory>
#include <vector>

#include "VCfu.h"
#include "VCfu___024root.h"
#include "VCfu__Syms.h"
#include "cfu_signals.h"
#include "verilated.h"

void VCfu___024root___eval(VCfu___024root*);  // what eval() does, without its bookkeeping
// EDGE_ALONE: the parts of that for a clock edge, without what follows from the other inputs, which have settled.
bool VCfu___024root___eval_phase__act(VCfu___024root*);
bool VCfu___024root___eval_phase__nba(VCfu___024root*);
// ONE_EDGE: what follows from the inputs, and what the registers do when the clock rises. Nothing else looks at the clock.
void VCfu___024root___eval_ico(VCfu___024root*);
void VCfu___024root___eval_nba(VCfu___024root*);

static constexpr int RESET_CYCLES = 16;  // as the harness of the RTL

using Model = VCfu___024root;  // the ports and all that follows from them

struct Device {
    VerilatedContext context;
    std::unique_ptr<VCfu> cfu{new VCfu{&context, "cfu"}};
    Model& model = *cfu->rootp;
    std::vector<unsigned char> before = std::vector<unsigned char>(sizeof(VCfu__Syms));  // its state, to compare with
};

template <typename To, typename From>
static void copy(To& to, const From& from) {
    std::memcpy(&to, &from, sizeof to < sizeof from ? sizeof to : sizeof from);
}
// An input. True if it changes.
template <typename To, typename From>
static bool give(To& to, const From& from) {
    const To before = to;
    copy(to, from);
    return std::memcmp(&before, &to, sizeof to) != 0;
}
// A port that the CFU has is the first overload, one that it lacks the second.
template <typename Cfu>
static auto give_memory(Cfu& cfu, const CfuPortInputs& in, int) -> decltype(cfu.mem_cmd_ready, bool()) {
    return give(cfu.mem_cmd_ready, in.memory_ready) | give(cfu.mem_rsp_valid, in.memory_answers) |
           give(cfu.mem_rsp_payload_data, in.memory_data);
}
template <typename Cfu>
static bool give_memory(Cfu&, const CfuPortInputs&, long) { return false; }
template <typename Cfu>
static auto take_memory(Cfu& cfu, CfuPortOutputs& out, int) -> decltype(cfu.mem_cmd_ready, void()) {
    out.memory_asks = cfu.mem_cmd_valid, out.memory_writes = cfu.mem_cmd_payload_we;
    out.memory_address = cfu.mem_cmd_payload_addr, out.memory_mask = cfu.mem_cmd_payload_mask;
    copy(out.memory_data, cfu.mem_cmd_payload_data);
}
template <typename Cfu>
static void take_memory(Cfu&, CfuPortOutputs&, long) {}
template <typename Cfu>
static auto give_dma(Cfu& cfu, const CfuPortInputs& in, int) -> decltype(cfu.dma_read_cmd_ready, bool()) {
    return give(cfu.dma_read_cmd_ready, in.dma_ready) | give(cfu.dma_read_rsp_valid, in.dma_answers) |
           give(cfu.dma_read_rsp_payload_data, in.dma_data);
}
template <typename Cfu>
static bool give_dma(Cfu&, const CfuPortInputs&, long) { return false; }
template <typename Cfu>
static auto take_dma(Cfu& cfu, CfuPortOutputs& out, int) -> decltype(cfu.dma_read_cmd_ready, void()) {
    out.dma_asks = cfu.dma_read_cmd_valid, out.dma_takes = cfu.dma_read_rsp_ready;
    out.dma_address = cfu.dma_read_cmd_payload_addr, out.dma_count = cfu.dma_read_cmd_payload_count;
}
template <typename Cfu>
static void take_dma(Cfu&, CfuPortOutputs&, long) {}

#ifdef ONE_EDGE
// The clock stays low: its edges are told to the model, and not found by it.
static void follow_inputs(Model& cfu) {
    cfu.__VicoTriggered[0] = 1;
    VCfu___024root___eval_ico(&cfu);
}
static void turn_clock(Model& cfu, int level) {
    if (!level) return;
    cfu.__VnbaTriggered[0] = 1;
    VCfu___024root___eval_nba(&cfu);
}
#else
static void follow_inputs(Model& cfu) {
    cfu.clk = 0;
    VCfu___024root___eval(&cfu);
}
// The clock goes to the other level, and nothing else changes.
static void turn_clock(Model& cfu, int level) {
    cfu.clk = static_cast<CData>(level);
#ifdef EDGE_ALONE
    constexpr int MOST_TRIES = 10'000;
    for (int tries = 0; tries < MOST_TRIES; tries++) {
        if (VCfu___024root___eval_phase__act(&cfu)) continue;
        if (!VCfu___024root___eval_phase__nba(&cfu)) return;
    }  // a combinational loop, which `eval` reports
#endif
    VCfu___024root___eval(&cfu);
}
#endif

// changed: inputs other than these.
static void settle(Model& cfu, const CfuInputs& in, CfuOutputs& out, bool changed) {
    const auto function = static_cast<SData>(in.function);
    changed |= cfu.cmd_valid != in.cmd_valid || cfu.rsp_ready != in.rsp_ready || cfu.cmd_payload_function_id != function ||
               cfu.cmd_payload_inputs_0 != in.a || cfu.cmd_payload_inputs_1 != in.b;
    if (changed) {
        cfu.cmd_valid = in.cmd_valid;
        cfu.rsp_ready = in.rsp_ready;
        cfu.cmd_payload_function_id = function;
        cfu.cmd_payload_inputs_0 = in.a;
        cfu.cmd_payload_inputs_1 = in.b;
        follow_inputs(cfu);
    } else {
        turn_clock(cfu, 0);
    }
    out.cmd_ready = cfu.cmd_ready;
    out.rsp_valid = cfu.rsp_valid;
    out.result = cfu.rsp_payload_outputs_0;
}

#define EXPORT extern "C" __attribute__((visibility("default")))

// A cycle of a CFU without other ports.
EXPORT void cfukit_cfu_cycle(Device* device, const CfuInputs* in, CfuOutputs* out) {
    settle(device->model, *in, *out, false);
    turn_clock(device->model, 1);
}

// The outputs for these inputs, as often as wanted before the edge.
EXPORT void cfukit_cfu_settle(Device* device, const CfuInputs* in, const CfuPortInputs* ports, CfuOutputs* out, CfuPortOutputs* asks) {
    Model& cfu = device->model;
    const bool changed = give_memory(cfu, *ports, 0) | give_dma(cfu, *ports, 0);
    settle(cfu, *in, *out, changed);
    take_memory(cfu, *asks, 0);
    take_dma(cfu, *asks, 0);
}

EXPORT void cfukit_cfu_clock(Device* device) { turn_clock(device->model, 1); }

// Whether no cycle without a command and without an answer changes anything in it, whoever is ready: it then stays as it is. The
// state is all that Verilator keeps for it, memories included.
EXPORT bool cfukit_cfu_still(Device* device) {
    VCfu__Syms* const state = device->model.vlSymsp;
    CfuOutputs out;
    CfuPortOutputs asks;
    const auto cycle = [&](int ready) {
        CfuInputs in;
        CfuPortInputs ports;
        in.rsp_ready = ready & 1, ports.memory_ready = ready & 2, ports.dma_ready = ready & 4;
        cfukit_cfu_settle(device, &in, &ports, &out, &asks);
        return !out.rsp_valid && !asks.memory_asks && !asks.dma_asks;
    };
    if (!cycle(0)) return false;
    std::memcpy(device->before.data(), static_cast<void*>(state), sizeof *state);
    // What a cycle leaves of inputs and of what follows from them is the same before each comparison.
    const auto same = [&](int ready) {
        if (!cycle(ready)) return false;
        turn_clock(device->model, 1);
        return cycle(0) && std::memcmp(device->before.data(), static_cast<void*>(state), sizeof *state) == 0;
    };
    for (int ready = 0; ready < 8; ready++) {
        if (same(ready)) continue;
        std::memcpy(static_cast<void*>(state), device->before.data(), sizeof *state);
        return false;
    }
    return true;
}

EXPORT Device* cfukit_cfu_create() {
    Device* const device = new Device;
    Model& cfu = device->model;
    const CfuInputs idle{false, true, 0, 0, 0};
    CfuOutputs outputs;
    cfu.clk = 0;
    cfu.reset = 1;
    device->cfu->eval();  // the first time through the front door
    for (int n = 0; n < RESET_CYCLES; n++) {
        cfukit_cfu_cycle(device, &idle, &outputs);
    }
    cfu.reset = 0;
    follow_inputs(cfu);  // not `eval`, which would do the last edge again where that was told to the model
    return device;
}

EXPORT void cfukit_cfu_destroy(Device* device) { delete device; }

// Verilator's own would write to standard output, which is the UART's, and abort.
void vl_fatal(const char* file, int line, const char*, const char* message) {
    std::fprintf(stderr, "%s:%d: %s\n", file, line, message);
    std::_Exit(3);
}
void vl_finish(const char*, int, const char*) { std::_Exit(3); }
void vl_stop(const char* file, int line, const char* hierarchy) { vl_fatal(file, line, hierarchy, "$stop"); }
