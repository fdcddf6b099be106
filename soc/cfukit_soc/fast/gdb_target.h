// What a debugger sees of the core, and changes in it, between two instructions.
#pragma once
#include "core.h"
#include "gdb_line.h"

class GdbTarget {
    static constexpr int PC = 32, CYCLES = 33, INSTRUCTIONS = 34;
    struct Csr {
        const char* name;
        uint32_t number;
    };
    static constexpr Csr CSRS[] = {{"mstatus", 0x300}, {"mie", 0x304},   {"mtvec", 0x305}, {"mscratch", 0x340},
                                   {"mepc", 0x341},    {"mcause", 0x342}, {"mtval", 0x343}};
    static constexpr int COUNT = INSTRUCTIONS + 1 + static_cast<int>(sizeof CSRS / sizeof *CSRS);

public:
    Core& core;
    uint32_t pc;  // of the next instruction

    GdbTarget(Core& core_, uint32_t pc_) : core(core_), pc(pc_) {}

    static std::string description() {
        std::string text = "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
                           "<architecture>riscv:rv32</architecture><feature name=\"org.gnu.gdb.riscv.cpu\">";
        const auto add = [&](const std::string& name, const char* bits, const char* type, const char* group) {
            text += "<reg name=\"" + name + "\" bitsize=\"" + bits + "\" type=\"" + type + "\"" + group + "/>";
        };
        for (int n = 0; n < 32; n++) add("x" + std::to_string(n), "32", "int", "");
        add("pc", "32", "code_ptr", "");
        text += "</feature><feature name=\"cfukit.time\">";
        add("cycles", "64", "uint64", " group=\"general\"");
        add("instructions", "64", "uint64", " group=\"general\"");
        text += "</feature><feature name=\"org.gnu.gdb.riscv.csr\">";
        for (const Csr& csr : CSRS) add(csr.name, "32", "int", "");
        return text + "</feature></target>";
    }
    // The value of register `number` as the protocol has it, or "" if there is none.
    std::string read_register(int number) const {
        std::string text;
        if (number < 0 || number >= COUNT) return text;
        if (number < PC) hex::append(text, core.x[number], 4);
        else if (number == PC) hex::append(text, pc, 4);
        else if (number == CYCLES) hex::append(text, core.cycle, 8);
        else if (number == INSTRUCTIONS) hex::append(text, core.instructions, 8);
        else hex::append(text, core.csrs.read(CSRS[number - INSTRUCTIONS - 1].number, core.cycle, core.instructions), 4);
        return text;
    }
    std::string read_registers() const {
        std::string text;
        for (int n = 0; n < COUNT; n++) text += read_register(n);
        return text;
    }
    static bool can_write(int number) { return number >= 0 && number <= PC; }
    void write_register(int number, uint32_t value) {
        if (number == PC) pc = value & ~3u;
        else if (number) core.x[number] = value;
        begin_anew();
    }
    // The bytes from `address` on, as many as there are. Registers of the system are not memory: reading them has effects.
    std::string read_memory(uint32_t address, size_t bytes) const {
        std::string text;
        for (; bytes; bytes--, address++) {
            Memory& memory = core.memories.at(address);
            if (!memory.bytes) break;
            hex::append(text, static_cast<uint8_t>(memory.word(address) >> (8 * (address & 3))));
        }
        return text;
    }
    bool has(uint32_t address, size_t bytes) const {
        while (bytes && core.memories.has(address)) bytes--, address++;
        return !bytes;
    }
    // Also into code that the CPU has fetched already.
    void write_memory(uint32_t address, const std::string& bytes) {
        for (const char byte : bytes) {
            Memory& memory = core.memories.at(address);
            const uint32_t shift = 8 * (address & 3);
            uint32_t& word = memory.word(address);
            word = (word & ~(0xFFu << shift)) | static_cast<uint32_t>(static_cast<uint8_t>(byte)) << shift;
            core.icache.forget(address);
            if (&memory == core.itcm) core.itcm_lines[(address - memory.base) / LINE_BYTES] = nullptr;
            address++;
        }
        if (!is_busy()) begin_anew();
    }
    // The CFU has a command of an instruction that has not retired, so the pipeline cannot begin anew.
    bool is_busy() const {
        return core.hold || core.fired || core.outstanding || core.m_cfu || core.answer_kept || core.cycle < core.cfu.until || core.loading;
    }

private:
    // The CPU fetches the next instruction again: those in the pipeline know the old values.
    void begin_anew() {
        Core& c = core;
        c.D.valid = c.E.valid = c.M.valid = c.W.valid = c.f_valid = false;
        c.pc_reg = pc, c.inc = false, c.e_jumps = false;
        c.div_count = 0, c.div_done = false, c.command_sent = false, c.m_keeps_bank = false;
        c.pending_d = c.pending_e = c.pending_m = c.pending_w = c.had_exception = false;
        c.interrupt = c.liberator[0] = c.liberator[1] = c.liberator[2] = false;
        c.buffer_valid = false, c.undo_register = 0;
        c.bubbles.begin_anew();
    }
};
