// The CPU as the harness sees it: what retires, and if nothing does, why. Together with the .vlt files beside it, this is the only
// place that knows VexRiscv's signals; another CPU has another class `Cpu`.
#pragma once
#include "Vsoc___024root.h"
#include "bubbles.h"
#include "memories.h"
#include "retired.h"
#include "verilated.h"

#define CPU(name) root.soc__DOT__VexRiscv__DOT__##name

class Cpu {
    Vsoc___024root& root;

public:
    explicit Cpu(Vsoc___024root& verilated) : root(verilated) {}

    // Retirement, in the cycle in which an instruction leaves the last stage.
    bool retires() const { return CPU(lastStageIsFiring); }
    Retired retired() const { return {CPU(lastStagePc), CPU(lastStageInstruction)}; }
    bool register_write() const { return CPU(lastStageRegFileWrite_valid); }
    uint32_t register_written() const { return CPU(lastStageRegFileWrite_payload_address); }
    uint32_t register_value() const { return CPU(lastStageRegFileWrite_payload_data); }
    uint32_t x(int index) const { return CPU(RegFilePlugin_regFile)[index]; }

    // The oldest instruction that has not retired; false if there is none.
    bool oldest(Retired& found) const {
        if (CPU(writeBack_arbitration_isValid)) found = retired();
        else if (CPU(memory_arbitration_isValid)) found = {CPU(execute_to_memory_PC), CPU(execute_to_memory_INSTRUCTION)};
        else if (CPU(execute_arbitration_isValid)) found = executed();
        else return false;
        return true;
    }
    // The instruction that offers a command to the CFU.
    Retired executed() const { return {CPU(decode_to_execute_PC), CPU(decode_to_execute_INSTRUCTION)}; }

    // A fetch outside the instruction TCM that is not speculative: no instruction is in front of it.
#ifdef FETCHES_FROM_TCM_ONLY
    bool fetch_fault() const {
        return CPU(IBusCachedPlugin_cache_io_cpu_decode_isValid) && CPU(IBusCachedPlugin_cache_io_cpu_decode_error) &&
               !CPU(execute_arbitration_isValid) && !CPU(memory_arbitration_isValid) && !CPU(writeBack_arbitration_isValid);
    }
    uint32_t fetch_pc() const { return CPU(IBusCachedPlugin_iBusRsp_stages_2_input_payload); }
#else
    bool fetch_fault() const { return false; }
    uint32_t fetch_pc() const { return 0; }
#endif

    // Exceptions.
    bool exception() const { return CPU(CsrPlugin_hadException); }
    uint32_t trap_vector() const { return CPU(CsrPlugin_mtvec_base) << 2; }
    uint32_t trap_pc() const { return CPU(CsrPlugin_mepc); }
    uint32_t trap_cause() const { return CPU(CsrPlugin_mcause_exceptionCode); }
    uint32_t trap_value() const { return CPU(CsrPlugin_mtval); }

#ifdef TELLS_CAUSES
    // The cause of each cycle (see Bubbles).
    Cause cause();

    // What a stage waits for.
    Cause write_back_waits() const;
    Cause memory_waits() const;
    Cause execute_waits() const;
    Cause decode_waits() const;
    Cause fetch_waits() const;
    Cause flush() const { return CPU(DBusCachedPlugin_redoBranch_valid) ? Cause::dcache : Cause::trap; }

private:
    Bubbles bubbles;
#endif
};

#ifdef TELLS_CAUSES

// An access in writeBack waits for the data side.
inline Cause Cpu::write_back_waits() const {
    const bool cached = !CPU(dataCache_1__DOT__stageB_mmuRsp_isIoAccess);
    const bool store = CPU(dataCache_1__DOT__stageB_request_wr);
    if (CPU(dataCache_1_io_mem_cmd_valid) && !CPU(dataCache_1_io_mem_cmd_ready)) {
#ifdef NO_STORE_BUFFER
        return Cause::uncached;
#else
        return Cause::store;
#endif
    }
    if (cached && !store) return Cause::dcache;
    if (!cached && !store) return Cause::uncached;
    return Cause::unknown;
}

inline Cause Cpu::memory_waits() const {
    if (CPU(memory_CfuPlugin_CFU_IN_FLIGHT) && CPU(when_CfuPlugin_l236)) return Cause::cfu_wait;
    if (CPU(when_MulDivIterativePlugin_l128) && CPU(when_MulDivIterativePlugin_l129)) return Cause::muldiv;
    return Cause::unknown;
}

inline Cause Cpu::execute_waits() const {
    if (CPU(when_DBusCachedPlugin_l363)) return Cause::dcache;                 // a line is loaded
    if (CPU(dataCache_1_io_cpu_flush_isStall)) return Cause::dcache;           // it flushes the cache
    if (CPU(dataCache_1__DOT__when_DataCache_l844)) return Cause::dcache;      // the cache is being flushed
    if (CPU(dataCache_1_io_cpu_execute_haltIt)) return Cause::tcm;             // what the caches have nothing to do with
    if (CPU(when_CsrPlugin_l1112)) return Cause::trap;                         // wfi
    if (CPU(when_CsrPlugin_l1184)) return Cause::csr;
    if (CPU(when_CfuPlugin_l193) || CPU(when_CfuPlugin_l200)) return Cause::cfu_issue;
    return Cause::unknown;
}

inline Cause Cpu::decode_waits() const {
    if (CPU(CsrPlugin_pipelineLiberator_active)) return Cause::trap;  // an interrupt waits for the instructions in front
    if (CPU(when_CsrPlugin_l1120)) return Cause::trap;                // mret is in front
    if (CPU(when_HazardSimplePlugin_l113)) return Cause::hazard;
    return Cause::unknown;
}

// No fetch begins.
inline Cause Cpu::fetch_waits() const {
    if (CPU(IBusCachedPlugin_fetcherHalt)) return Cause::trap;
    if (!CPU(IBusCachedPlugin_fetchPc_booted)) return Cause::icache;
#ifdef FETCHES_FROM_TCM
    if (CPU(IBusCachedPlugin_cache_io_cpu_prefetch_haltIt)) return Cause::tcm;
#else
    if (CPU(IBusCachedPlugin_cache_io_cpu_prefetch_haltIt)) return Cause::icache;
#endif
    return Cause::unknown;
}

inline Cause Cpu::cause() {
    Moves m;
    m.holds = CPU(_zz_IBusCachedPlugin_iBusRsp_stages_0_output_ready_2) * stage::FETCH |
              CPU(_zz_IBusCachedPlugin_iBusRsp_stages_1_output_m2sPipe_valid) * stage::DECODE |
              CPU(execute_arbitration_isValid) * stage::EXECUTE | CPU(memory_arbitration_isValid) * stage::MEMORY |
              CPU(writeBack_arbitration_isValid) * stage::WRITE_BACK;
    m.retires = CPU(lastStageIsFiring), m.flushed = CPU(writeBack_arbitration_flushNext);
    m.write_back_halts = CPU(writeBack_arbitration_haltItself), m.memory_halts = CPU(memory_arbitration_haltItself);
    m.execute_halts = CPU(execute_arbitration_haltItself) | CPU(execute_arbitration_haltByOther);
    m.decode_halts = CPU(decode_arbitration_haltByOther);
    m.execute_traps = CPU(_zz_when_1), m.jumps = CPU(BranchPlugin_jumpInterface_valid);
    m.decode_traps = CPU(_zz_when), m.predicted = CPU(IBusCachedPlugin_predictionJumpInterface_valid);
    // The cache misses, or the fetch is an error.
    m.absent = CPU(when_IBusCachedPlugin_l267), m.missed = CPU(IBusCachedPlugin_rsp_redoFetch);
    m.no_fetch = CPU(IBusCachedPlugin_cache_io_cpu_prefetch_haltIt) | CPU(IBusCachedPlugin_fetcherHalt) |
                 !CPU(IBusCachedPlugin_fetchPc_booted);
    return bubbles.cause(m, *this);
}
#endif
