// cfu_software() and cfu_software_address() of cfu.h on the host: commands go through the verilated CFU, clocked until it answers.
//
// MEMORY_BITS, DMA_BITS: widths of the CFU's ports, where it has them. Both memories accept and answer as fast as their rules allow.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "VCfu.h"
#include "verilated.h"

static constexpr uint32_t PATIENCE_CYCLES = 10'000'000;

// An address is the lower half of a pointer. The upper half is that of the pointer below it which became an address before.
static constexpr uint32_t PAGE_BITS = 12;
static std::map<uint32_t, uintptr_t> pages;  // by page of the address: page of the pointer

extern "C" uint32_t cfu_software_address(const void* pointer) {
    const auto at = reinterpret_cast<uintptr_t>(pointer);
    pages[uint32_t(at) >> PAGE_BITS] = at >> PAGE_BITS;
    return uint32_t(at);
}

#ifdef MEMORY_BITS
// The data TCM is the section cfukit_dtcm of the program. A command is always accepted, and a read answered in the next cycle.
extern "C" uint8_t __start_cfukit_dtcm[] __attribute__((weak));
extern "C" uint8_t __stop_cfukit_dtcm[] __attribute__((weak));
static constexpr uint32_t ROW_BYTES = MEMORY_BITS / 8;

static bool answers = false;
static uint32_t answer[MEMORY_BITS / 32];

// What the CFU asks for in this cycle, before its clock edge.
static void see_memory(const VCfu& cfu) {
    answers = false;
    if (!cfu.mem_cmd_valid) return;
    const uint32_t address = cfu.mem_cmd_payload_addr;
    const uint32_t size = uint32_t(__stop_cfukit_dtcm - __start_cfukit_dtcm);
    if (address % ROW_BYTES || address >= size) {
        std::fprintf(stderr, "the CFU asked for offset 0x%x of the data TCM, which has %u bytes here\n", address, size);
        std::exit(1);
    }
    uint8_t row[ROW_BYTES] = {};
    const uint32_t bytes = std::min(size - address, ROW_BYTES);
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

static void drive_memory(VCfu& cfu) {
    cfu.mem_cmd_ready = 1;
    cfu.mem_rsp_valid = answers;
    std::memcpy(&cfu.mem_rsp_payload_data, answer, ROW_BYTES);
}
#else
static void see_memory(const VCfu&) {}
static void drive_memory(VCfu&) {}
#endif

#ifdef DMA_BITS
// Main memory is what the program's pointers lead to. An element is there in each cycle after the command's.
static constexpr uint32_t ELEMENT_BYTES = DMA_BITS / 8, DMA_OUTSTANDING = 2;

static std::deque<std::pair<const uint8_t*, uint32_t>> bursts;  // next element, elements left

static bool is_mapped(uintptr_t begin, uintptr_t end) {
    const auto size = uintptr_t(sysconf(_SC_PAGESIZE));
    begin -= begin % size;
    std::vector<unsigned char> resident((end - begin + size - 1) / size);
    return mincore(reinterpret_cast<void*>(begin), end - begin, resident.data()) == 0;
}

static void accept_burst(uint32_t address, uint32_t count) {
    if (count && address % ELEMENT_BYTES == 0 && !pages.empty()) {
        auto below = pages.upper_bound(address >> PAGE_BITS);
        if (below == pages.begin()) below = pages.end();  // from an object across a multiple of 4 GiB
        --below;
        const uint32_t more = ((address >> PAGE_BITS) - below->first) & ((1u << (32 - PAGE_BITS)) - 1);
        const uintptr_t at = (below->second + more) << PAGE_BITS | (address & ((1u << PAGE_BITS) - 1));
        if (is_mapped(at, at + uintptr_t(count) * ELEMENT_BYTES)) {
            bursts.emplace_back(reinterpret_cast<const uint8_t*>(at), count);
            return;
        }
    }
    std::fprintf(stderr, "the CFU asked by DMA for %u elements of %u bytes at address 0x%08x; ", count, ELEMENT_BYTES, address);
    std::fprintf(stderr, "a burst has at least one, lies in memory and begins at a multiple of its element\n");
    std::exit(1);
}

static void see_dma(const VCfu& cfu) {
    if (cfu.dma_read_rsp_valid && cfu.dma_read_rsp_ready) {
        auto& [element, left] = bursts.front();
        element += ELEMENT_BYTES;
        if (--left == 0) bursts.pop_front();
    }
    if (cfu.dma_read_cmd_valid && cfu.dma_read_cmd_ready) {
        accept_burst(cfu.dma_read_cmd_payload_addr, cfu.dma_read_cmd_payload_count);
    }
}

static void drive_dma(VCfu& cfu) {
    cfu.dma_read_cmd_ready = bursts.size() < DMA_OUTSTANDING;
    cfu.dma_read_rsp_valid = !bursts.empty();
    if (!bursts.empty()) std::memcpy(&cfu.dma_read_rsp_payload_data, bursts.front().first, ELEMENT_BYTES);
}
#else
static void see_dma(const VCfu&) {}
static void drive_dma(VCfu&) {}
#endif

// The clock's edge, and the memories' answers to what the CFU asked for before it. The caller changes the command after it.
static void edge(VCfu& cfu) {
    if (!cfu.reset) {
        see_memory(cfu);
        see_dma(cfu);
    }
    cfu.clk = 1;
    cfu.eval();
    drive_memory(cfu);
    drive_dma(cfu);
    cfu.clk = 0;
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
        for (int cycle = 0; cycle < 2; cycle++) {
            cfu.eval();
            edge(cfu);
        }
        cfu.reset = 0;
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
        edge(cfu);
        if (accepted || answered) cfu.cmd_valid = 0;
        if (answered) return result;
    }
    std::fprintf(stderr, "the CFU never answered funct3=%u funct7=%u with operands 0x%08x, 0x%08x\n", funct3, funct7, a, b);
    std::exit(1);
}
