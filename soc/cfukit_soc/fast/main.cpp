// Runs firmware on the model of the SoC until it writes the exit register, hangs, faults, or a limit is reached. Command line,
// memory image, trace and result are those of the RTL's harness.
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <array>
#include <csignal>

#include "gdb_server.h"
#include "interpret.h"
#include "lint.h"
#include "progress.h"
#include "stack.h"
#include "waiting.h"

static constexpr uint64_t TELL_CYCLES = 1 << 20;  // between two notes of how far the run is
static constexpr uint32_t LOAD = 0x03, STORE = 0x23, JALR = 0x67, JAL = 0x6F;

static constexpr const char *AGAIN = "again", *KILLED = "killed";  // what gdb has asked for, instead of an end

struct Issued {
    uint32_t function, a, b, pc, instruction;
};

// TELLS: a trace or the causes of cycles are wanted.
template <bool TELLS>
class Simulation {
    const Options options;
    const Parameters parameters;
    Core core;
    const ProgressFile progress;
    Debugger* const debugger;  // or null
    Counts counts;
    const Tracing trace;
    const bool counting;
    std::unique_ptr<Fast<TELLS>> fast;
    std::unique_ptr<Linter> lint;  // or null
    CodeWait code_wait;
    CfuWait cfu_wait;
    uint64_t next_tell = 0;
    uint64_t last_retired_cycle = 0;
    Retired last{};                     // the newest retired instruction
    StackWatch stack;
    Stores stores;
    std::array<Issued, 8> commands{};   // ring of accepted CFU commands
    uint64_t accepted = 0, answered = 0;
    std::string fault;  // further members of the result, or ""
    bool found = false;
    uint32_t found_pc = 0, found_instruction = 0;

public:
    Simulation(const Options& given, Debugger* debugger_)
        : options(given), parameters(read_parameters(given.parameters)), core(parameters, given.cfu),
          progress(given.progress), debugger(debugger_), counts(given.counts),
          trace(given.trace, given.trace_cycles, given.trace_causes, given.trace_begin, given.trace_end, counts), counting(!given.counts.empty()),
          stack(given.stack_bottom, given.stack_top) {
        core.cfu.always = core.has_ports || (options.autonomous && core.cfu.exists()), core.tells_causes = counting;
        if (options.lint) lint = std::make_unique<Linter>(core, options.stack_bottom, options.stack_top);
        load_image();
        fast = std::make_unique<Fast<TELLS>>(core, options, trace, counting ? &counts : nullptr);
    }

    // Why it ended: "exit" or the kind of fault; AGAIN if it must run again. Cycles are counted from the release of reset.
    const char* run() {
        if (!debugger) return run_to_end();
        core.registers.uart.line.begin_anew();
        debugger->begin(core);
        watch_pages();
        const char* const end = run_to_end();
        if (end == AGAIN || end == KILLED) return end;
        const char* const wish = obeyed(debugger->ends(core, signal_of(end), core.registers.code));
        return wish ? wish : end;
    }

private:
    const char* run_to_end() {
        const char* const end = ends_in_reset();
        if (TELLS && counting && core.cycle) counts.waiting(Cause::icache, core.cycle);  // all wait for the first instruction
        if (end) return end;
        for (;;) {
            if (debugger) {
                const char* const wish = obeyed(debugger->turn(core));
                if (wish) return wish;
            }
            if (core.cycle + Fast<TELLS>::MARGIN > next_tell) tell_progress();
            if (fast->can_enter() && (!debugger || debugger->lets_run(core, Fast<TELLS>::MARGIN))) {
                run_fast();
                if (debugger && fast->retired_now) continue;
            }
            if (!options.exact) skip_waiting();
            const uint64_t cycle = core.cycle;
            const Stage at = core.W, executes = core.E;
            const uint32_t stored_at = core.w_address;
            const Issued command{core.E.d->word >> 22 & 0x3F8, core.e_a, core.e_b, core.E.pc, core.E.d->word};
            core.step();
            const Seen& seen = core.seen;
            if (lint) lint->stepped(executes);
            if (core.registers.exits_at == cycle) {  // an instruction that leaves the last stage now does not count
                core.instructions -= seen.retired;
                return ended(cycle, "exit");
            }
            if (seen.retired) {
                if (!parameters.traps && leaves_code(at)) {  // it does not count
                    core.instructions--;
                    return ended(cycle, "fetch_fault");
                }
                if (retire(at, stored_at, cycle)) return ended(cycle, "stack_overflow");
            }
            if (seen.cfu_command) {
                commands[accepted % commands.size()] = command;
                commands[accepted++ % commands.size()].function |= command.instruction >> 12 & 7;
            }
            if (seen.cfu_response && ++answered > accepted) return ended(cycle, "cfu_protocol");
            if (TELLS && counting && seen.read && seen.read_address == options.counter) counts.end_segment(cycle, at.pc, mark(at));
            if ((seen.store_answer || seen.bus_error) && bus_answers()) return ended(cycle, "bus_error");
            if (seen.exception && !core.memories.has(core.csrs.mtvec & ~3u)) return unhandled_trap(cycle);
            if (seen.fetch_fault) {
                member("address", core.D.pc);
                return ended(cycle, "fetch_fault");
            }
            if (const char* const misuse = memory_misuse(at)) return ended(cycle, misuse);
            if (cycle >= options.max_cycles) return ended(cycle, "time_out");
            if (cycle - last_retired_cycle > options.hang_cycles) return ended(cycle, hang(command));
            if (TELLS && counting && !count(at)) return ended(cycle, "cause");
            if (debugger) debugger->stepped(core, at, stored_at);
        }
    }

public:
    void finish(const char* end) {
        core.registers.uart.advance(core.cycle);
        core.registers.uart.line.flush();
        trace.finish();
        FILE* const file = std::fopen(options.result.c_str(), "w");
        if (!file) fail("cannot write", options.result);
        find_stuck();
        std::fprintf(file, "{\"end\": \"%s\", \"exit_code\": %u, \"cycles\": %llu, \"instructions\": %llu", end,
                     core.registers.code, static_cast<unsigned long long>(core.cycle),
                     static_cast<unsigned long long>(core.instructions));
        // What a run that ends early was doing in its last cycle is not counted.
        const uint64_t counted = core.instructions - (core.instructions && last_retired_cycle == core.cycle);
        if (counting) counts.finish(file, core.cycle, counted, last.pc);
        std::fprintf(file, ", \"pc\": %u, \"instruction\": %u%s, \"registers\": [0", found_pc, found_instruction, fault.c_str());
        for (int n = 1; n < 32; n++) std::fprintf(file, ", %u", core.x[n]);
        std::fprintf(file, "]");
        if (lint) lint->finish(file);
        std::fprintf(file, "}\n");
        if (std::fclose(file)) fail("cannot write", options.result);
    }

private:
    // The model has made its step when something is seen: the run ends in the cycle before it.
    const char* ended(uint64_t cycle, const char* end) {
        core.cycle = cycle;
        core.x[core.undo_register] = core.undo_value;
        core.x[0] = 0;
        return end;
    }

    // Of a read in the last stage. The function that reads the counter for a region has its argument in a0 then.
    uint32_t mark(const Stage& at) const { return (at.pc & ~31u) == options.region_reader ? core.x[10] : 0; }

    // False if nothing explains the cycle.
    bool count(const Stage& at) {
        const Cause cause = core.seen.cause;
        if (cause == Cause::executing) counts.executing(at.pc);
        else if (cause < Cause::none) counts.waiting(cause);
        else return false;
        counts.busy(core.cfu_in.cmd_valid || accepted != answered, core.seen.memory_access, core.cfu_dma.take_asked());
        return true;
    }

    // The kind of fault if a limit comes before the CPU starts, or null.
    const char* ends_in_reset() {
        const bool hangs = options.hang_cycles + 1 < core.cycle && options.hang_cycles != UINT64_MAX;
        const uint64_t hung_at = hangs ? options.hang_cycles + 1 : core.cycle;
        if (options.max_cycles < core.cycle && options.max_cycles <= hung_at) return ended(options.max_cycles, "time_out");
        return hangs ? ended(hung_at, "hang") : nullptr;
    }

    void skip_waiting() {
        uint64_t accesses = 0;
        const uint64_t alone = cfu_wait.skip(core, next_limit(), accesses);
        if (TELLS && counting && alone) {
            counts.waiting(Cause::cfu_wait, alone);
            counts.busy(accepted != answered ? alone : 0, accesses, core.cfu_dma.take_asked());
        }
        const uint64_t cycles = code_wait.skip(core, next_limit());
        if (TELLS && counting && cycles) counts.waiting(Cause::icache, cycles);
    }

    // The last cycle that may be skipped to: a limit comes next.
    uint64_t next_limit() const {
        return std::min(options.max_cycles, options.hang_cycles < UINT64_MAX / 2 ? last_retired_cycle + options.hang_cycles : UINT64_MAX);
    }

    // Shows what there is so far, and makes the fast model come back in time for the next such moment.
    void tell_progress() {
        if (debugger) debugger->look();
        progress.write(core.cycle, core.instructions, last.pc);
        core.registers.uart.advance(core.cycle);
        core.registers.uart.line.flush();
        next_tell = core.cycle + TELL_CYCLES;
        fast->limit = std::min(options.max_cycles, next_tell);
    }

    void run_fast() {
        if (debugger) fast->limit = std::min({options.max_cycles, next_tell, debugger->limit()});
        fast->run();
        const uint64_t retired = fast->retired_now;
        if (debugger) debugger->ran_fast(core, retired);
        if (core.outstanding) {
            const typename Fast<TELLS>::Recent& waits = fast->waiting;
            commands[accepted++ % commands.size()] = {waits.d->word >> 22 & 0x3F8, waits.address, waits.data, waits.pc, waits.d->word};
        }
        stores = fast->waiting_stores();
        if (!retired) return;
        last_retired_cycle = fast->last_retired_cycle;
        last = fast->last_retired();
        stack.resume(core.x[2]);
    }

    // What gdb has asked for: an end of the run, or null.
    const char* obeyed(Debugger::Verdict verdict) {
        if (debugger->points_changed()) watch_pages();
        if (verdict == Debugger::Verdict::killed) return KILLED;
        return verdict == Debugger::Verdict::again ? AGAIN : nullptr;
    }
    void watch_pages() {
        fast->watch([this](const auto& each) { debugger->each_watched_page(each); });
    }
    // What a fault is for gdb, whose protocol has signal numbers of its own; 0: the program has ended by itself.
    static int signal_of(const std::string& end) {
        constexpr int ILL = 4, BUS = 10, SEGV = 11, ALRM = 14, XCPU = 24;
        static const std::map<std::string, int> signals = {{"exit", 0}, {"trap", ILL}, {"bus_error", BUS}, {"time_out", XCPU}};
        const auto found = signals.find(end);
        if (found != signals.end()) return found->second;
        return end == "hang" || end == "cfu_hang" ? ALRM : SEGV;
    }

    void load_image() {
        FILE* const file = std::fopen(options.image.c_str(), "rb");
        if (!file) fail("cannot read the memory image", options.image);
        uint32_t header[3];
        while (std::fread(header, sizeof header, 1, file) == 1) {
            uint32_t* const memory = core.memories.memory(header[0]);
            if (!memory || (header[2] && std::fread(memory + header[1] / 4, header[2], 1, file) != 1)) {
                fail("the memory image is truncated", options.image);
            }
            if (lint) lint->load(header[0], header[1], header[2]);
        }
        std::fclose(file);
    }

    // False, unless the instruction overflows the stack.
    bool retire(const Stage& at, uint32_t stored_at, uint64_t cycle) {
        const uint32_t instruction = at.d->word;
        last = {at.pc, instruction};
        last_retired_cycle = cycle;
        if (lint) lint->retired(at, stored_at);
        if ((instruction & 0x7F) == STORE && !core.in_tcm(stored_at)) stores.retire(last);
        if (trace.is_on()) trace.write(cycle, last, core.seen.writes ? at.d->rd : 0, core.seen.value);
        if (!core.seen.writes || at.d->rd != 2) return false;
        if (!stack.overflows(core.instructions, instruction, core.seen.value)) return false;
        member("address", core.seen.value);
        found = true, found_pc = at.pc, found_instruction = instruction;
        return true;
    }

    // The bus answers a store, or gives up a data access that nothing answers; then this is true. Fetches do not count, because they
    // may be speculative: the CPU reads all ones, an illegal instruction.
    bool bus_answers() {
        const bool store = core.seen.store_answer;
        const Retired* const which = store ? stores.answer() : nullptr;
        if (!core.seen.bus_error) return false;
        member("address", core.error_address);
        fault += store ? ", \"access\": \"store\"" : ", \"access\": \"load\"";
        const Stage& access = core.loading ? core.loads : core.before_w;
        const Retired waiting = {access.pc, access.d->word};
        const Retired at = which ? *which : waiting;
        found_pc = at.pc, found_instruction = at.instruction;
        found = (at.instruction & 0x7F) == (store ? STORE : LOAD);
        return true;
    }

    // The kind of fault if the CFU uses its memory or main memory wrongly, or null. Where the CPU is then says nothing about that.
    const char* memory_misuse(const Stage& at) {
        if (core.seen.memory_collision) {
            found = true, found_pc = at.pc, found_instruction = at.d->word;
            return "memory_collision";
        }
        if (core.seen.memory_outside) {
            member("address", core.port_out.memory_address);
            return "memory_range";
        }
        if (core.seen.dma_outside) {
            member("address", core.port_out.dma_address);
            return "dma_range";
        }
        return nullptr;
    }

    // The instruction that retires lies, or jumps to, where the CPU has no code.
    bool leaves_code(const Stage& at) {
        const uint32_t word = at.d->word;
        uint32_t target = at.pc;
        if (may_fetch(at.pc)) {
            if ((word & 0x7F) == JALR) target = core.retired_target;
            if ((word & 0x7F) == JAL) target = at.pc + static_cast<uint32_t>(at.d->immediate);
            if (may_fetch(target)) return false;
            found = true, found_pc = at.pc, found_instruction = word;
        }
        member("address", target);
        return true;
    }
    bool may_fetch(uint32_t address) {
        const Memory& memory = core.memories.at(address);
        if (!memory.bytes) return false;
        if (parameters.icache_bytes) return memory.kind != Memory::dtcm;
        return memory.kind == Memory::itcm || memory.kind == Memory::boot_rom;
    }

    const char* unhandled_trap(uint64_t cycle) {
        member("cause", core.csrs.mcause & 15);
        member("value", core.csrs.mtval);
        member("vector", core.csrs.mtvec & ~3u);
        found = true, found_pc = core.csrs.mepc, found_instruction = core.csrs.mtval;
        return ended(cycle, "trap");
    }

    const char* hang(const Issued& now) {
        const bool waiting = accepted != answered;
        if (!waiting && !core.cfu_in.cmd_valid) return "hang";
        const Issued at = waiting ? commands[answered % commands.size()] : now;
        fault += waiting ? ", \"accepted\": true" : ", \"accepted\": false";
        member("funct3", at.instruction >> 12 & 7);
        member("funct7", at.instruction >> 25);
        member("a", at.a);
        member("b", at.b);
        found = true, found_pc = at.pc, found_instruction = at.instruction;
        return "cfu_hang";
    }

    // The oldest instruction in the pipeline, which waits; with an empty pipeline the last one that retired.
    void find_stuck() {
        if (found) return;
        found = true;
        const Stage* const stages[] = {&core.before_w, &core.before_m, &core.before_e};
        for (const Stage* stage : stages) {
            if (!stage->valid) continue;
            found_pc = stage->pc, found_instruction = stage->d->word;
            return;
        }
        found_pc = last.pc, found_instruction = last.instruction;
    }
    void member(const char* name, uint32_t value) { fault += std::string(", \"") + name + "\": " + std::to_string(value); }
};

template <bool TELLS>
static int simulate(const Options& options) {
    const bool files = !options.trace.empty() || !options.counts.empty();
    const std::unique_ptr<Debugger> debugger = options.gdb < 0 ? nullptr : std::make_unique<Debugger>(options.gdb, !files);
    for (;;) {
        Simulation<TELLS> simulation{options, debugger.get()};
        const char* const end = simulation.run();
        if (end == AGAIN) continue;
        simulation.finish(end);
        return 0;
    }
}

int main(int argc, char** argv) {
#ifdef __linux__
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a parent that was killed can clean up nothing
#endif
    const Options options = parse_options(argc, argv);
    return options.trace.empty() && options.counts.empty() ? simulate<false>(options) : simulate<true>(options);
}
