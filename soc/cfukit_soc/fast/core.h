// VexRiscv and its system, cycle by cycle. Stages by their letters: F1 (the I$ was read), D, E, M, W. One call of `step` is one
// clock: first what the registers' values mean (stages.h), then the edge (sides.h, edge.h).
#pragma once
#include "bus.h"
#include "cfu.h"
#include "csrs.h"
#include "execute.h"
#include "icache.h"
#include "pipeline.h"
#include "signals.h"

// A part of `step`, which is its only caller.
#define STAGE __attribute__((always_inline)) inline void

class Core : public Pipeline {
    static constexpr uint32_t SMALLEST = 512;  // the flush of an absent D$ is that of the smallest one

public:
    const Parameters& p;
    Memories memories;
    Registers registers;
    Bus bus;
    CfuPort cfu;
    Csrs csrs;
    InstructionCache icache;
    uint64_t cycle = p.starts_at, instructions = 0;
    Seen seen;

    uint32_t pc_reg;
    std::vector<uint32_t> dtags, flushed_dtags;  // by line: address / LINE_BYTES, or UINT32_MAX
    uint32_t dmask, dflush_top, iflush_top;  // of the caches' flushes

    Core(const Parameters& parameters, const std::string& cfu_library)
        : p(parameters), memories(parameters), registers(parameters), bus(memories, registers, parameters),
          cfu(cfu_library), csrs(parameters),
          icache(parameters.icache_bytes, {parameters.multiplier, parameters.divider, parameters.prediction,
                                           !parameters.csrs.empty(), parameters.traps}),
          pc_reg(parameters.reset_address), dtags((parameters.dcache_bytes ? parameters.dcache_bytes : SMALLEST) / LINE_BYTES, UINT32_MAX),
          flushed_dtags(dtags),
          dmask(static_cast<uint32_t>(dtags.size()) - 1), dflush_top(static_cast<uint32_t>(dtags.size())),
          iflush_top(icache.mask + 1) {
        for (Memory& memory : memories.all()) {
            if (memory.kind != Memory::itcm) continue;
            itcm = &memory;
            itcm_lines.resize(memory.bytes / LINE_BYTES);
        }
        attach_ports();
        cfu.until = p.starts_at;  // it is in reset too
    }

    bool cfu_enabled() const { return p.cfu_enabled || csrs.mask >> 31; }
    static bool in_tcm_region(uint32_t address) { return (address >> 19) == (0x20000000u >> 19) || (address >> 19) == (0x30000000u >> 19); }
    bool in_tcm(uint32_t address) {
        if (!in_tcm_region(address)) return false;
        const Memory& memory = memories.at(address);
        return memory.bytes && (memory.kind == Memory::itcm || memory.kind == Memory::dtcm);
    }
    bool in_itcm_bytes(uint32_t address) const { return itcm && itcm->has(address); }
    // What is left of a program counter where all code lies in one region.
    uint32_t wrapped(uint32_t pc) const { return !p.icache_bytes && !p.traps ? (pc & 0xFFFFF) | 0x20000000 : pc; }
    // A line of the instruction TCM as it is now.
    const DecodedLine* itcm_line(uint32_t pc) {
        const DecodedLine*& line = itcm_lines[(pc - itcm->base) / LINE_BYTES];
        if (!line) line = icache.line_of(pc / LINE_BYTES, &itcm->word(pc & ~(LINE_BYTES - 1)));
        return line;
    }
    bool in_itcm(uint32_t address) {
        return (address >> 19) == (0x20000000u >> 19) && memories.at(address).bytes && memories.at(address).kind == Memory::itcm;
    }

    void step();  // one clock (step.h)

    // The CFU has a memory port or a DMA port, so it is always clocked.
    bool has_ports = false;
    // Nothing happens in the CFU and at its ports until it gets a command.
    bool cfu_rests() const { return !cfu.always || (cfu.still && cfu_dma.idle()); }
    // Where the CPU only waits for the answer, the CFU and its memories run alone (ports.h).
    uint64_t run_cfu(uint64_t limit, uint64_t& accesses);

    // For the causes of cycles (why.h).
    bool tells_causes = false;
    Bubbles bubbles;

    Memory* itcm = nullptr;
    std::array<Decoded, 8> loaded_words;  // ring: at most one in each stage
    size_t next_loaded = 0;
    std::vector<const DecodedLine*> itcm_lines;  // null: not decoded since the last store there
    const DecodedLine* line_before = nullptr;    // what a store changes in this cycle: a fetch in it still reads that
    uint32_t changed_word = 0;

    bool hazard() const {
        const Decoded& d = *D.d;
        const auto meets = [&](const Stage& stage) {
            return stage.is(flag::writes) && ((d.is(flag::use1) && d.rs1 == stage.d->rd) || (d.is(flag::use2) && d.rs2 == stage.d->rd));
        };
        if (!p.bypass) {
            if (meets(E) || meets(M) || meets(W)) return true;
            return buffer_valid && ((d.is(flag::use1) && d.rs1 == buffer_rd) || (d.is(flag::use2) && d.rs2 == buffer_rd));
        }
        return (!E.d->is(flag::early) && meets(E)) || (!M.d->is(flag::middle) && meets(M));
    }
    // The bytes are chosen by the low bits of what W holds as result, which is the address (unless a CFU's answer came to a load).
    uint32_t load_value() {
        Memory& memory = memories.at(w_address);
        uint32_t word = memory.bytes ? memory.word(w_address) : 0xFFFFFFFFu;
        if (W.d->is(flag::store)) word = p.dcache_bytes ? word_in_place_of(w_address) : seen_word;
        if (Registers::has(w_address)) word = bus.answer;
        if (cfu_memory.has(w_address)) word = w_word;
        const uint32_t first = word >> (8 * (w_result & 3)) & 0xFF, second = word >> (8 * ((w_result & 2) | 1)) & 0xFF;
        return loaded(*W.d, (word & 0xFFFF0000) | second << 8 | first, 0);
    }
    // Whether a store that is no instruction gives what the bus carries. That may be at an address which nobody asks for, even a bubble's.
    bool shows_bus() const { return !p.traps && !p.dcache_bytes; }
    // What the bus carries while its address is this one, whoever asks.
    uint32_t word_on_lines(uint32_t address) {
        Memory& memory = memories.at(address);
        if (Registers::has(address)) return bus.acknowledged ? bus.answer : 0;
        return memory.bytes && memory.kind == Memory::bus ? memory.word(address) : 0;
    }
    // What the D$ has in the place of a word. A store that is no instruction may give it as result.
    uint32_t word_in_place_of(uint32_t address) {
        const uint32_t index = address / LINE_BYTES & dmask, line = dtags[index] != UINT32_MAX ? dtags[index] : flushed_dtags[index];
        Memory& memory = memories.at(line * LINE_BYTES);
        return line != UINT32_MAX && memory.bytes ? memory.word(line * LINE_BYTES | (address & (LINE_BYTES - 4))) : 0;
    }
    // Where an access in M goes whose address is replaced there. The D$ has the first one.
    uint32_t remade_address() {
        if (!in_tcm(m_result)) return p.direct_bus ? m_remade : m_result;
        const Memory& memory = memories.at(m_result);
        return memory.base + (m_remade & (memory.bytes - 1));
    }
    uint32_t final_mask() {
        const bool all = (M.d->word >> 12 & 3) == 3 && in_tcm(m_result);
        return all ? 15u << (m_result & 3) & 15 : size_mask(*M.d, m_result);
    }
    void store_now() {
        Memory& memory = memories.at(w_address);
        if (!memory.bytes || memory.kind == Memory::boot_rom || memory.kind == Memory::flash) return;
        uint32_t& word = memory.word(w_address);
        old_word = word;
        if (&memory == itcm) line_before = itcm_line(w_address), changed_word = w_address >> 2;
        word = merged(word, w_mask, w_store);
        if (&memory == itcm) itcm_lines[(w_address - itcm->base) / LINE_BYTES] = nullptr;
        if (cfu_memory.has(w_address) && (m_result ^ w_address) < 4) m_word = merged(m_word, w_mask, w_store);
    }
    // A word of code as the bus reads it now: stores that wait are not yet there.
    uint32_t bus_word(uint32_t address) {
        Memory& memory = memories.at(address);
        if (Registers::has(address)) return bus.answer;
        if (!memory.bytes || (memory.kind != Memory::bus && memory.kind != Memory::flash)) return 0xFFFFFFFFu;
        uint32_t word = memory.word(address);
        if (r.valid && r.write && r.address >> 2 == address >> 2) word = r.old;
        if (b.valid && b.write && b.address >> 2 == address >> 2) word = b.old;
        return word;
    }
    // What the I$ has in the place of an instruction.
    const Decoded* bank_word(uint32_t pc) {
        const uint32_t word = pc / 4 % LINE_WORDS;
        const bool same = (pc / LINE_BYTES & icache.mask) == (line_address / LINE_BYTES & icache.mask);
        if (line_loading && same && word < line_index) {
            next_loaded = (next_loaded + 1) % loaded_words.size();
            loaded_words[next_loaded] = icache.decoded_word(line_words[word]);
            return &loaded_words[next_loaded];
        }
        const DecodedLine* const line = icache.in_place_of(pc);
        return line ? &line->instructions[word] : &UNWRITTEN;
    }
    void read_code(uint32_t pc) {
        if (in_tcm_region(pc) || memories.at(pc).kind == Memory::boot_rom) {
            Memory& memory = memories.at(pc);
            f_hit = memory.bytes && memory.kind != Memory::dtcm && memory.kind != Memory::bus;
            if (f_hit) {
                const uint32_t line = pc / LINE_BYTES;
                if (&memory == itcm) {
                    const bool meets = line_before && pc >> 2 == changed_word;
                    f_d = &(meets ? line_before : itcm_line(pc))->instructions[pc / 4 % LINE_WORDS];
                    return;
                }
                f_d = &icache.line_of(line, &memory.word(line * LINE_BYTES))->instructions[pc / 4 % LINE_WORDS];
                return;
            }
        }
        const DecodedLine* const line = icache.find(pc);
        f_hit = line != nullptr;
        f_d = line ? &line->instructions[pc / 4 % LINE_WORDS] : p.icache_bytes ? bank_word(pc) : &NOTHING;
    }

private:
    // The parts of `step`, in order: what the values mean, then the edge.
    void write_back(Signals& s);
    void cfu_port(Signals& s);
    void ported_cfu(Signals& s);
    void memory(Signals& s);
    void execute(Signals& s);
    void decode(Signals& s);
    void fetch(Signals& s);
    void show(Signals& s);
    void interrupt_lines(Signals& s);
    Cause cause(const Signals& s);
    void requests(Signals& s, BusRequest& instruction, BusRequest& data, BusRequest& dma);
    void act_stores(Signals& s);
    void edge_of_ports(Signals& s);
    bool ports_outside() const;
    void clock_ports(bool held, bool bus_answers);
    void attach_ports();
    void look_ahead();
    void data_buffers(Signals& s);
    void load_data_line(Signals& s);
    void flush_data(Signals& s);
    void load_code_line(Signals& s);
    void edge_of_csrs(Signals& s);
    void edge_of_cfu(Signals& s);
    void edge_of_divider(Signals& s);
    void read_operands(Signals& s);
    void edge_of_registers(Signals& s);
    void edge_of_stages(Signals& s);
    void edge_of_fetch(Signals& s);
};
