// The verilated SoC by the names that the harness uses. The .vlt file keeps these signals; memories.h is generated from
// soc.json: X(index, Verilog name, base address, bytes) for each memory.
#pragma once
#include "Vsoc.h"
#include "Vsoc___024root.h"
#include "memories.h"
#include "verilated.h"
#include "vexriscv.h"

void Vsoc___024root___eval(Vsoc___024root*);

#define SOC(name) root.soc__DOT__##name

class System {
    struct Context : VerilatedContext {
        Context() { traceEverOn(VM_TRACE); }
    } context;

public:
    Vsoc top{&context, ""};

private:
    Vsoc___024root& root = *top.rootp;

public:
    Cpu cpu{root};

    // Both edges of the clock, through the front door.
    void rise() {
        top.sys_clk = 1;
        top.eval();
    }
    void fall() {
        top.sys_clk = 0;
        top.eval();
    }
    // The same in 15 % less time. simulator.py defines RISING_EDGE_ONLY if the verilated code looks at nothing but the rising
    // edge of sys_clk. Then it is enough to make the code see that edge again: the falling edge and the bookkeeping of
    // eval() are left out.
#ifdef RISING_EDGE_ONLY
    void fast_rise() {
        root.__Vtrigprevexpr___TOP__sys_clk__0 = 0;
        Vsoc___024root___eval(&root);
    }
    void fast_fall() {}
    void begin_fast() { top.sys_clk = 1; }
#else
    void fast_rise() { rise(); }
    void fast_fall() { fall(); }
    void begin_fast() {}
#endif

    uint32_t* memory(uint32_t index) {
#define X(number, name, base, bytes) \
    if (index == number) return reinterpret_cast<uint32_t*>(&SOC(name)[0]);  /* rows of the CFU's memory port: words in order */
        SYSTEM_MEMORIES(X)
#undef X
        return nullptr;
    }
    static bool is_memory(uint32_t address) {
#define X(number, name, base, bytes) \
    if (address - base < bytes) return true;
        SYSTEM_MEMORIES(X)
#undef X
        return false;
    }

    // In a memory inside the CPU that is not reached over the bus.
    static bool is_tcm(uint32_t address) {
#define X(number, name, base, bytes) \
    if (address - base < bytes) return true;
        TCM_MEMORIES(X)
#undef X
        (void)address;
        return false;
    }

    // Whether the CPU may fetch from an address. A CPU with traps finds out by itself.
    static bool may_fetch(uint32_t address) {
#ifdef FETCHED_MEMORIES
#define X(number, name, base, bytes) \
    if (address - base < bytes) return true;
        FETCHED_MEMORIES(X)
#undef X
        return false;
#else
        (void)address;
        return true;
#endif
    }

    // The CFU's memory port: a load that leaves now collided with a write, or an access is out of range.
#ifdef HAS_MEMORY_PORT
    bool memory_collision() const { return SOC(cfu_mem_collides); }
    bool memory_outside() const { return SOC(cfu_mem_outside); }
    uint32_t memory_address() const { return SOC(cfu_mem_cmd_payload_addr); }
    bool memory_access() const { return SOC(cfu_mem_cmd_valid) & SOC(cfu_mem_cmd_ready); }
#else
    bool memory_collision() const { return false; }
    bool memory_outside() const { return false; }
    uint32_t memory_address() const { return 0; }
    bool memory_access() const { return false; }
#endif

    // The CFU's DMA port: a command is out of range; the bytes that one asks for.
#ifdef HAS_DMA
    bool dma_outside() const { return SOC(cfu_dma_outside); }
    uint32_t dma_address() const { return SOC(cfu_dma_read_cmd_payload_addr); }
    uint64_t dma_bytes() const {
        const bool asks = SOC(cfu_dma_read_cmd_valid) & SOC(cfu_dma_read_cmd_ready);
        return asks ? uint64_t(SOC(cfu_dma_read_cmd_payload_count)) * DMA_ELEMENT_BYTES : 0;
    }
#else
    bool dma_outside() const { return false; }
    uint32_t dma_address() const { return 0; }
    uint64_t dma_bytes() const { return 0; }
#endif

    // The CFU's port.
    bool cfu_offered() const { return SOC(cfu_cmd_valid); }
    bool cfu_command() const { return SOC(cfu_cmd_valid) & SOC(cfu_cmd_ready); }
    bool cfu_response() const { return SOC(cfu_rsp_valid) & SOC(cfu_rsp_ready); }
    uint32_t cfu_function() const { return SOC(cfu_cmd_function_id); }
    uint32_t cfu_a() const { return SOC(cfu_cmd_inputs_0); }
    uint32_t cfu_b() const { return SOC(cfu_cmd_inputs_1); }
};
