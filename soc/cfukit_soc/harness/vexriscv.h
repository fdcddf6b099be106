// The CPU as the harness sees it: what retires, and if nothing does, why. Together with the .vlt files beside it, this is the only
// place that knows VexRiscv's signals; another CPU has another class `Cpu`.
#pragma once
#include "Vsoc___024root.h"
#include "causes.h"
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
    // The cause of each cycle. Call `cause` once per cycle, from the first one on.
    //
    // Stages are rigid: a stage that waits holds all stages in front of it, and a bubble is never filled. So a cycle without a
    // retirement was lost where the bubble arose that is now in the last stage. Each bubble carries its cause from there.
    // `unknown`: no rule holds, or the stages hold something else than the rules foresaw in the cycle before.
    Cause cause();

private:
    // After reset there is no instruction anywhere.
    struct {
        Cause fetch = Cause::icache, decode = Cause::icache, execute = Cause::icache, memory = Cause::icache,
              write_back = Cause::icache;
    } bubble;
    uint32_t foreseen = 0;  // the stages that hold an instruction in this cycle, by the rules

    Cause write_back_waits() const;
    Cause memory_waits() const;
    Cause execute_waits() const;
    Cause decode_waits() const;
    Cause fetch_waits() const;
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
    enum : uint32_t { FETCH = 1, DECODE = 2, EXECUTE = 4, MEMORY = 8, WRITE_BACK = 16, ALL = 31 };
    const uint32_t holds = CPU(_zz_IBusCachedPlugin_iBusRsp_stages_0_output_ready_2) * FETCH |
                           CPU(_zz_IBusCachedPlugin_iBusRsp_stages_1_output_m2sPipe_valid) * DECODE |
                           CPU(execute_arbitration_isValid) * EXECUTE | CPU(memory_arbitration_isValid) * MEMORY |
                           CPU(writeBack_arbitration_isValid) * WRITE_BACK;
    if (VL_UNLIKELY(holds != foreseen)) return Cause::unknown;
    const bool flushed = CPU(writeBack_arbitration_flushNext);  // what is behind writeBack
    const bool write_back_halts = CPU(writeBack_arbitration_haltItself), memory_halts = CPU(memory_arbitration_haltItself);
    const bool execute_halts = CPU(execute_arbitration_haltItself) | CPU(execute_arbitration_haltByOther);
    const bool decode_halts = CPU(decode_arbitration_haltByOther);
    const bool execute_traps = CPU(_zz_when_1), jumps = CPU(BranchPlugin_jumpInterface_valid);
    const bool decode_traps = CPU(_zz_when), predicted = CPU(IBusCachedPlugin_predictionJumpInterface_valid);
    // An instruction in decode is not there yet, or must not be: the cache misses, or the fetch is an error.
    const bool absent = CPU(when_IBusCachedPlugin_l267);
    const bool no_fetch = CPU(IBusCachedPlugin_cache_io_cpu_prefetch_haltIt) | CPU(IBusCachedPlugin_fetcherHalt) |
                          !CPU(IBusCachedPlugin_fetchPc_booted);
    const bool moves = !(flushed | write_back_halts | memory_halts | execute_halts | decode_halts | execute_traps | jumps |
                         decode_traps | predicted | absent | no_fetch);
    const bool retires = CPU(lastStageIsFiring);
    if (moves) {  // every stage passes on what it holds
        const Cause now = retires ? Cause::executing : bubble.write_back;
        bubble = {Cause::none, bubble.fetch, bubble.decode, bubble.execute, bubble.memory};
        foreseen = (holds << 1 | FETCH) & ALL;
        return now;
    }

    const bool missed = CPU(IBusCachedPlugin_rsp_redoFetch);
    const Cause flush = CPU(DBusCachedPlugin_redoBranch_valid) ? Cause::dcache : Cause::trap;
    Cause now = Cause::executing;
    if (!retires) now = !(holds & WRITE_BACK) ? bubble.write_back : flushed ? flush : write_back_waits();
    const bool memory_holds = write_back_halts | memory_halts, execute_holds = memory_holds | execute_halts;
    const bool decode_holds = execute_holds | decode_halts;

    // From the last stage to the first, so that each takes what is still in the stage in front of it.
    if (flushed) bubble.write_back = flush;
    else if (!write_back_halts) bubble.write_back = memory_halts ? memory_waits() : bubble.memory;

    if (flushed) bubble.memory = flush;
    else if (!memory_holds) {
        bubble.memory = execute_traps                       ? Cause::trap
                        : execute_halts && holds & EXECUTE ? execute_waits()
                                                           : bubble.execute;
    }

    // What flushes decode and the fetch stages.
    Cause refetch = flushed ? flush : execute_traps ? Cause::trap : jumps ? Cause::branch : Cause::none;
    if (flushed || execute_traps || !execute_holds) {
        if (refetch != Cause::none) bubble.execute = refetch;
        else if (decode_traps) bubble.execute = Cause::trap;
        else if (decode_halts) bubble.execute = decode_waits();
        else if (absent) bubble.execute = missed ? Cause::icache : Cause::trap;
        else bubble.execute = bubble.decode;
    }
    if (refetch == Cause::none) {
        if (decode_traps) refetch = Cause::trap;
        else if (predicted && !decode_holds) refetch = Cause::branch;
        else if (missed) refetch = Cause::icache;
    }
    const bool fetch_moves = !decode_holds && !absent;
    if (refetch != Cause::none) bubble.decode = refetch;
    else if (fetch_moves) bubble.decode = bubble.fetch;

    if (fetch_moves) bubble.fetch = no_fetch ? fetch_waits() : Cause::none;
    else if (refetch != Cause::none) bubble.fetch = refetch;

    const auto full = [](Cause stage) { return static_cast<uint32_t>(stage == Cause::none); };
    foreseen = full(bubble.fetch) * FETCH | full(bubble.decode) * DECODE | full(bubble.execute) * EXECUTE |
               full(bubble.memory) * MEMORY | full(bubble.write_back) * WRITE_BACK;
    return now;
}
#endif
