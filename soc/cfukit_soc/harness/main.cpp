// Runs firmware on the verilated SoC until it writes the exit register, hangs, faults, or a limit is reached.
// `memories.h`, which system.h includes, is generated beside the verilated sources.
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <array>
#include <csignal>

#include "image.h"
#include "line.h"
#include "options.h"
#include "progress.h"
#include "stack.h"
#include "stores.h"
#include "system.h"
#include "tracing.h"
#include "waves.h"

static constexpr int RESET_CYCLES = 16;
static constexpr uint64_t LIVE_CYCLES = 512;  // between two looks at the line; a power of two
static constexpr uint32_t LOAD = 0x03, STORE = 0x23, JALR = 0x67, JAL = 0x6F;

struct Command {
    uint32_t function, a, b, pc, instruction;
};

class Simulation {
    const Options options;
    System system;
    Line uart;
    Waves waves;
    const ProgressFile progress;
    uint64_t cycle = 0, instructions = 0, last_retired_cycle = 0;
    Retired last{};  // the newest retired instruction
    StackWatch stack;
    Stores stores;
    Counts counts;
    const Tracing trace;
    std::array<Command, 8> commands{};  // ring of accepted CFU commands
    uint64_t accepted = 0, answered = 0;
    std::string fault;  // further members of the result, or ""

public:
    explicit Simulation(const Options& given)
        : options(given),
          uart(given.live),
          waves(system.top, given),
          progress(given.progress),
          stack(given.stack_bottom, given.stack_top),
          counts(given.counts),
          trace(given.trace, given.trace_cycles, given.trace_causes, given.trace_begin, given.trace_end, counts) {
        load_image(system, options.image);
    }

    // Runs to the end; gives "exit" or the kind of fault.
    const char* run() {
        system.top.serial_source_ready = 1;
        system.top.serial_sink_valid = 0;
        system.top.sys_rst = 1;
        for (int i = 0; i < RESET_CYCLES; i++) {
            system.rise();
            system.fall();
        }
        system.top.sys_rst = 0;
        offer_input();
        system.fall();
        system.begin_fast();
        waves.dump(0, 0);
#ifdef TELLS_CAUSES
        if (!options.counts.empty()) return loop<true>();
#else
        if (!options.counts.empty()) fail("this simulator was built without causes", options.counts);
#endif
        return loop<false>();
    }

private:
    Cpu& cpu = system.cpu;

    template <bool COUNTS>
    const char* loop() {
        uint64_t pause = 0;
        for (;;) {  // here begins cycle `cycle`, counted from the release of reset
            if (system.top.serial_source_valid) uart.put(system.top.serial_source_data);
            if (VL_UNLIKELY(system.top.harness_exit_valid) && !options.live) return "exit";
            if (cpu.retires()) {
                if (VL_UNLIKELY(leaves_code())) return "fetch_fault";
                if (VL_UNLIKELY(retire())) return "stack_overflow";
            }
            if (system.cfu_command()) commands[accepted++ % commands.size()] = command();
            if (system.cfu_response() && VL_UNLIKELY(++answered > accepted)) return "cfu_protocol";
            if (VL_UNLIKELY(options.live) && cycle % LIVE_CYCLES == 0 && !look_at_line()) return "closed";
            if (COUNTS && counter_is_read()) counts.end_segment(cycle, cpu.retired().pc, mark());
            if (system.top.harness_bus_data_side & (system.top.harness_bus_we | system.top.harness_bus_error)) {
                if (VL_UNLIKELY(bus_answers())) return "bus_error";
            }
            if (VL_UNLIKELY(cpu.exception()) && !system.is_memory(cpu.trap_vector())) return unhandled_trap();
            if (VL_UNLIKELY(cpu.fetch_fault())) return fetch_fault();
            if (VL_UNLIKELY(system.memory_collision())) return memory_collision();
            if (VL_UNLIKELY(system.memory_outside())) return memory_outside();
            if (VL_UNLIKELY(system.dma_outside())) return dma_outside();
            if (VL_UNLIKELY(cycle >= pause)) {
                if (cycle >= options.max_cycles) return "time_out";
                pause = tell_progress();
            }
            if (VL_UNLIKELY(cycle - last_retired_cycle > options.hang_cycles)) return hang();
            if (COUNTS && VL_UNLIKELY(!count())) return "cause";
            const bool input_taken = system.top.serial_sink_valid && system.top.serial_sink_ready;
            system.fast_rise();
            cycle++;
            waves.dump(cycle, 0);
            if (input_taken) {
                uart.take_input();
                offer_input();
            }
            system.fast_fall();
            waves.dump(cycle, 1);
        }
    }

public:
    void finish(const char* end) {
        uart.flush();
        trace.finish();
        FILE* const file = std::fopen(options.result.c_str(), "w");
        if (!file) fail("cannot write", options.result);
        std::fprintf(file, "{\"end\": \"%s\", \"exit_code\": %u, \"cycles\": %llu, \"instructions\": %llu", end,
                     system.top.harness_exit_code, (unsigned long long)cycle, (unsigned long long)instructions);
        // What a run that ends early was doing in its last cycle is not counted.
        const uint64_t counted = instructions - (instructions && last_retired_cycle == cycle);
        if (!options.counts.empty()) counts.finish(file, cycle, counted, last.pc);
        std::fprintf(file, ", \"pc\": %u, \"instruction\": %u%s, \"registers\": [0", stuck().pc, stuck().instruction,
                     fault.c_str());
        for (int i = 1; i < 32; i++) std::fprintf(file, ", %u", cpu.x(i));
        std::fprintf(file, "]}\n");
        if (std::fclose(file)) fail("cannot write", options.result);
    }

private:
    void offer_input() {
        system.top.serial_sink_valid = uart.has_input();
        system.top.serial_sink_data = uart.has_input() ? uart.next_input() : 0;
    }

    // Shows what there is so far; the next cycle that wants attention.
    uint64_t tell_progress() {
        progress.write(cycle, instructions, last.pc);  // first: whoever stops the run when the output comes wants to know it
        uart.flush();
        return std::min(options.max_cycles, cycle + ProgressFile::PERIOD_CYCLES);
    }

    bool look_at_line() {
        uart.flush();
        if (system.top.serial_sink_valid) return true;
        const bool open = uart.poll();
        offer_input();
        return open || uart.has_input();
    }

    // Whether the instruction that retires overflows the stack.
    bool retire() {
        last = cpu.retired();
        const uint32_t instruction = last.instruction;
        instructions++;
        if ((instruction & 0x7F) == STORE && !System::is_tcm(store_address(instruction))) stores.retire(last);
        last_retired_cycle = cycle;
        system.top.harness_instret = options.live ? 0 : (uint32_t)instructions;
        if (VL_UNLIKELY(trace.is_on())) {
            trace.write(cycle, last, cpu.register_write() ? cpu.register_written() : 0, cpu.register_value());
        }
        if (cpu.register_written() != 2 || !cpu.register_write()) return false;
        if (!stack.overflows(instructions, instruction, cpu.register_value())) return false;
        member("address", cpu.register_value());
        found = true, place = last;
        return true;
    }

    // The address of the store in the last stage, whose operands are in the register file.
    uint32_t store_address(uint32_t instruction) const {
        const uint32_t offset = ((int32_t)instruction >> 25 << 5) | (instruction >> 7 & 0x1F);
        return cpu.x(instruction >> 15 & 0x1F) + offset;
    }

    // The bus answers a store, or gives up a data access that nothing answers; then this is true. Fetches do not count, because they
    // may be speculative: the CPU reads all ones, an illegal instruction.
    bool bus_answers() {
        const bool store = system.top.harness_bus_we;
        const Retired* const which = store ? stores.answer() : nullptr;
        if (VL_LIKELY(!system.top.harness_bus_error)) return false;
        member("address", system.top.harness_bus_address << 2);
        fault += store ? ", \"access\": \"store\"" : ", \"access\": \"load\"";
        const Retired at = which ? *which : cpu.retired();  // the latter is in the last stage
        found = (at.instruction & 0x7F) == (store ? STORE : LOAD);
        place = at;
        return true;
    }

    // Whether the instruction that retires lies where the CPU has no code, or jumps there. A narrow program counter would wrap, so a jump
    // is checked before it is taken. Branches do not reach far enough to wrap.
    bool leaves_code() {
        const auto [pc, word] = cpu.retired();
        uint32_t target = pc;
        if (system.may_fetch(pc)) {
            if ((word & 0x7F) == JALR) target = (cpu.x(word >> 15 & 0x1F) + ((int32_t)word >> 20)) & ~1u;
            if ((word & 0x7F) == JAL) {
                target = pc + (((int32_t)word >> 31 << 20) | (word & 0xFF000) | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1);
            }
            if (system.may_fetch(target)) return false;
            found = true, place = {pc, word};
        }
        member("address", target);
        return true;
    }

    const char* fetch_fault() {
        member("address", cpu.fetch_pc());
        return "fetch_fault";  // at the last instruction that retired
    }

    // The place is the load.
    const char* memory_collision() {
        found = true, place = cpu.retired();
        return "memory_collision";
    }

    // The place is where the CPU happens to be: the CFU works on its own.
    const char* memory_outside() {
        member("address", system.memory_address());
        return "memory_range";
    }

    const char* dma_outside() {
        member("address", system.dma_address());
        return "dma_range";
    }

    const char* unhandled_trap() {
        // mepc and mcause are written in the cycle after the exception is seen.
        system.fast_rise();
        member("cause", cpu.trap_cause());
        member("value", cpu.trap_value());
        member("vector", cpu.trap_vector());
        found = true, place = {cpu.trap_pc(), cpu.trap_value()};
        return "trap";
    }

    const char* hang() {
        const bool waiting = accepted != answered;
        if (!waiting && !system.cfu_offered()) return "hang";
        const Command at = waiting ? commands[answered % commands.size()] : command();
        fault += waiting ? ", \"accepted\": true" : ", \"accepted\": false";
        member("funct3", at.function & 7);
        member("funct7", at.function >> 3);
        member("a", at.a);
        member("b", at.b);
        found = true, place = {at.pc, at.instruction};
        return "cfu_hang";
    }

    // The CFU command that is offered now: the CPU issues it from its execute stage.
    Command command() const {
        const auto [pc, instruction] = cpu.executed();
        return {system.cfu_function(), system.cfu_a(), system.cfu_b(), pc, instruction};
    }

    // Counts cycle `cycle`; false if nothing explains it.
    bool count() {
#ifdef TELLS_CAUSES
        const Cause cause = cpu.cause();
        if (cause == Cause::executing) counts.executing(cpu.retired().pc);
        else if (VL_LIKELY(cause < Cause::none)) counts.waiting(cause);
        else return false;
        counts.busy(system.cfu_offered() | (accepted != answered), system.memory_access(), system.dma_bytes());
        return true;
#else
        return false;
#endif
    }
    bool counter_is_read() const {
        return system.top.harness_bus_data_side & !system.top.harness_bus_we &
               (system.top.harness_bus_address << 2 == options.counter);
    }
    // Of the read in the last stage. The function that reads the counter for a region has its argument in a0 then.
    uint32_t mark() const { return (cpu.retired().pc & ~31u) == options.region_reader ? cpu.x(10) : 0; }
    // Where the run ended: at an instruction that a fault names, else at the oldest one in the pipeline, else at the last that retired.
    bool found = false;
    Retired place{};
    Retired stuck() {
        if (!found && !cpu.oldest(place)) place = last;
        found = true;
        return place;
    }
    void member(const char* name, uint32_t value) {
        fault += std::string(", \"") + name + "\": " + std::to_string(value);
    }
};

// Verilator's own vl_fatal() would abort, and write to standard output, which belongs to the UART.
void vl_fatal(const char* file, int line, const char*, const char* message) {
    std::fprintf(stderr, "%s:%d: %s\n", file, line, message);
    std::_Exit(3);
}

int main(int argc, char** argv) {
#ifdef __linux__
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a parent that was killed can clean up nothing
#endif
    const Options options = parse_options(argc, argv);
    Simulation simulation{options};
    simulation.finish(simulation.run());
    return 0;
}
