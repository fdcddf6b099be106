// cfu_software() of cfu.h on the host: one command through the verilated CFU, clocked until it answers.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "VCfu.h"
#include "verilated.h"

static constexpr uint32_t PATIENCE_CYCLES = 10'000'000;

#ifdef MEMORY_BITS
// The data TCM is the section cfukit_dtcm of the program. A command is always accepted, and a read answered in the next cycle.
extern "C" uint8_t __start_cfukit_dtcm[] __attribute__((weak));
extern "C" uint8_t __stop_cfukit_dtcm[] __attribute__((weak));
static constexpr uint32_t ROW_BYTES = MEMORY_BITS / 8;

static bool answers = false;
static uint32_t answer[MEMORY_BITS / 32];

// What the CFU asks for in this cycle, before its clock edge.
static void access(VCfu& cfu) {
    answers = false;
    if (!cfu.mem_cmd_valid) return;
    const uint32_t address = cfu.mem_cmd_payload_addr;
    const uint32_t size = uint32_t(__stop_cfukit_dtcm - __start_cfukit_dtcm);
    if (address % ROW_BYTES || address >= size) {
        std::fprintf(stderr, "the CFU asked for offset 0x%x of the data TCM, which has %u bytes here\n", address, size);
        std::exit(1);
    }
    uint8_t row[ROW_BYTES] = {};
    const uint32_t bytes = size - address < ROW_BYTES ? size - address : ROW_BYTES;
    std::memcpy(row, __start_cfukit_dtcm + address, bytes);
    if (cfu.mem_cmd_payload_we) {
        uint8_t data[ROW_BYTES];
        std::memcpy(data, &cfu.mem_cmd_payload_data, ROW_BYTES);
        for (uint32_t n = 0; n < bytes; n++) {
            if (cfu.mem_cmd_payload_mask >> n & 1) __start_cfukit_dtcm[address + n] = data[n];
        }
    } else {
        answers = true;
        std::memcpy(answer, row, ROW_BYTES);
    }
}

static void answer_reads(VCfu& cfu) {
    cfu.mem_cmd_ready = 1;
    cfu.mem_rsp_valid = answers;
    std::memcpy(&cfu.mem_rsp_payload_data, answer, ROW_BYTES);
}
#else
static void access(VCfu&) {}
static void answer_reads(VCfu&) {}
#endif

static void tick(VCfu& cfu) {
    access(cfu);
    cfu.clk = 1;
    cfu.eval();
    answer_reads(cfu);
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
