// cfu_software() of cfu.h on the host: one command through the verilated CFU, clocked until it answers.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "VCfu.h"
#include "verilated.h"

static constexpr uint32_t PATIENCE_CYCLES = 10'000'000;

static void tick(VCfu& cfu) {
    cfu.clk = 1;
    cfu.eval();
    cfu.clk = 0;
    cfu.eval();
}

static VCfu& after_reset() {
    static VCfu cfu;
    static bool fresh = true;
    if (fresh) {
        fresh = false;
        cfu.cmd_valid = 0;
        cfu.rsp_ready = 1;
        cfu.reset = 1;
        cfu.clk = 0;
        cfu.eval();
        tick(cfu);
        tick(cfu);
        cfu.reset = 0;
        cfu.eval();
    }
    return cfu;
}

// The command's valid goes away once it is accepted: a pipelined CFU would take it twice.
extern "C" uint32_t cfu_software(uint32_t funct3, uint32_t funct7, uint32_t a, uint32_t b) {
    VCfu& cfu = after_reset();
    cfu.cmd_payload_function_id = (funct7 << 3) | funct3;
    cfu.cmd_payload_inputs_0 = a;
    cfu.cmd_payload_inputs_1 = b;
    cfu.cmd_valid = 1;
    for (uint32_t cycle = 0; cycle < PATIENCE_CYCLES; cycle++) {
        cfu.eval();
        const bool accepted = cfu.cmd_valid && cfu.cmd_ready;
        const bool answered = cfu.rsp_valid;
        const uint32_t result = cfu.rsp_payload_outputs_0;
        tick(cfu);
        if (accepted) cfu.cmd_valid = 0;
        if (answered) {
            cfu.cmd_valid = 0;
            cfu.eval();
            return result;
        }
    }
    std::fprintf(stderr, "the CFU never answered funct3=%u funct7=%u with operands 0x%08x, 0x%08x\n", funct3, funct7, a, b);
    std::exit(1);
}
