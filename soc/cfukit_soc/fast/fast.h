// The way through ordinary code: straight lines, jumps, loads that hit, stores. An instruction is executed at once, and its time
// follows from the rules of the pipeline. Anything else is left to `Core::step`, in the very cycle in which the instruction comes
// to decode.
//
// Time: an instruction has a slot, the cycle in which it would leave D if nothing behind D had ever stalled; bubbles have slots
// too. A stall in M or W freezes all stages before it, so it delays every later slot by the same time. It is kept apart
// (`m_stalls`, `w_stalls`), for it does not separate a producer from its consumer. W is reached 3 slots after D.
#pragma once
#include "step.h"
#include "stores.h"
#include "telling.h"

// TELLS: a trace or the causes of cycles are wanted.
template <bool TELLS>
class Fast {
public:
    static constexpr uint64_t MARGIN = 2000;

private:
    static constexpr uint32_t DIVISION = 33;  // cycles that a division waits in M
    static constexpr uint64_t CFU_WAIT = 200;  // longer commands are the slow model's
    static constexpr int NONE = 32;           // where results for x0 go
    static constexpr uint64_t WRITTEN = 5;    // slots from an instruction to one that takes its result from the register file
    static constexpr size_t RECENT = 32;      // a power of two

    // An executed instruction, with what undoes it: it may still be in the pipeline when the slow model takes over.
public:
    struct Recent {
        const Decoded* d = &NOTHING;
        uint64_t slot = 0;
        uint32_t pc = 0, value = 0;  // of a load: its word's part; of a store: unused
        uint32_t old = 0;            // the register or word of memory that it wrote over
        uint32_t address = 0, data = 0;  // of a CFU instruction: its operands
        uint32_t m_stalls = 0;           // of a division or a CFU instruction: its own
        bool kept = false;               // its answer came before it was in M
    };
private:
    struct Access {  // over the bus, that has not reached W, or not the bus
        uint64_t slot = 0, m_stalls = 0;
        const Memory* memory = nullptr;
        bool load = false;
        Retired instruction{};
        Core::Command command;
        uint64_t begins = 0, granted = 0, ends = 0;  // on the bus
    };

    Core& core;
    Telling telling;
    const Options& options;
    struct Page {  // of 4 KiB, all in one memory
        uint8_t* bytes;
        const Memory* memory;
    };
    Page* const pages = static_cast<Page*>(std::calloc(1 << 20, sizeof(Page)));
    Memory registers;  // how the bus answers for them
    std::vector<std::pair<uint32_t, const Memory*>> watched;  // pages that only the core accesses
    bool usable = true;

    uint32_t x[33];
    uint64_t ready[33] = {};  // the first slot in which a consumer may leave D
    uint64_t m_stalls = 0, w_stalls = 0;
    Recent recent[RECENT];
    uint64_t executed = 0;
    Access accesses[8];  // ring: the first ones wait for W, older ones are on the bus or done
    uint64_t accesses_made = 0, accesses_done = 0;
    uint64_t last_end = 0, end_before = 0;  // of the last two stores on the bus
    uint64_t begun = 0;  // the slot in which the fast path took over; the register that was written in the one before
    bool buffered = false;
    uint32_t buffered_register = 0;
    bool data_side = false;
    uint64_t cfu_answered = UINT64_MAX;  // the cycle of its last answer
    bool cfu_kept = false;               // and this was before the instruction came to M

public:
    uint64_t last_retired_cycle = 0, entries = 0;
    uint64_t limit = UINT64_MAX;  // `run` comes back about MARGIN cycles before this one

    Fast(Core& core_, const Options& options_, const Tracing& trace, Counts* counts)
        : core(core_), telling(trace, counts), options(options_) {
        registers.read_cycles = core.p.registered_csrs ? 3 : 2;
        usable = pages && !options.exact && !options.lint && options.hang_cycles > MARGIN;
        for (const Memory& memory : core.memories.all()) {
            usable &= memory.read_cycles < MARGIN / 20;
            const uint64_t first = -memory.base & 0xFFF;  // where the first whole page begins
            for (uint64_t at = first; at + 0x1000 <= memory.bytes; at += 0x1000) {
                pages[(memory.base + at) >> 12] = {reinterpret_cast<uint8_t*>(memory.words) + at, &memory};
            }
        }
    }
    ~Fast() { std::free(pages); }
    Fast(const Fast&) = delete;
    Fast& operator=(const Fast&) = delete;

    bool can_enter() const;
    // All pages are this model's again, and then those not that `each_page` tells.
    template <class EachPage>
    void watch(const EachPage& each_page) {
        for (const auto& [page, memory] : watched) pages[page].memory = memory;
        watched.clear();
        each_page([this](uint32_t page) {
            if (pages[page].memory) watched.emplace_back(page, pages[page].memory);
            pages[page].memory = nullptr;
        });
    }
    // Runs from the state of the core to an instruction that it leaves to it.
    void run() {
        entries++;
        enter();
        interpret();
    }

private:
    // The last cycles before a limit are stepped: more than a line of code takes.
    bool near_end(uint64_t slot) const { return slot + m_stalls + w_stalls + MARGIN > limit; }
    static bool begins_here(Op op) { return op <= Op::remu || op == Op::cfu || op == Op::stack; }
    bool hits(uint32_t address) const { return core.dtags[address / LINE_BYTES & core.dmask] == address / LINE_BYTES; }
    // Whether this model knows an access: a load from the bus only if it hits.
    bool plain(const Decoded& d, uint32_t address, bool hit) const {
        const Memory* const memory = memory_of(address);
        if (!memory || is_unaligned(d, address)) return false;
        switch (memory->kind) {
        case Memory::bus: return d.is(flag::store) || hit;
        case Memory::itcm: return !d.is(flag::store) && !core.p.single_ported;
        case Memory::dtcm: return true;
        default: return false;
        }
    }
    // Nothing is on the bus or waits for it but stores to memories.
    bool knows_bus() const {
        const auto is_store = [&](const Core::Command& command) {
            const Memory* const memory = memory_of(command.address);
            return command.write && memory && memory->kind == Memory::bus;
        };
        const Core& c = core;
        if (!c.b.valid) return !c.r.valid && c.bus.idle();
        return (c.bus.data_side || c.bus.idle()) && is_store(c.b) && (!c.r.valid || is_store(c.r));
    }
    const Memory* memory_of(uint32_t address) const { return pages[address >> 12].memory; }
    uint32_t& word_at(uint32_t address) const {
        return *reinterpret_cast<uint32_t*>(pages[address >> 12].bytes + (address & 0xFFC));
    }
    // The line with the instruction at `pc`, or null if it is not where the CPU could take it from at once.
    const DecodedLine* code(uint32_t pc) const { return core.in_itcm_bytes(pc) ? core.itcm_line(pc) : core.icache.find(pc); }

    void write(const Decoded* d, uint32_t pc, uint64_t slot, uint32_t value, uint32_t address) {
        Recent& entry = recent[executed++ % RECENT];
        entry.d = d, entry.slot = slot, entry.pc = pc, entry.value = value, entry.old = x[d->wd], entry.address = address;
        x[d->wd] = value;
        if (TELLS) telling.instruction(d, pc, slot, m_stalls, value);
    }
    void store(const Decoded* d, uint32_t pc, uint64_t slot, uint32_t address, uint32_t lanes) {
        uint32_t& word = word_at(address);
        const uint32_t mask = size_mask(*d, address);
        Recent& entry = recent[executed++ % RECENT];
        entry.d = d, entry.slot = slot, entry.pc = pc, entry.old = word, entry.address = address, entry.data = lanes;
        const Memory* const memory = memory_of(address);
        if (memory->kind == Memory::bus) {
            Access& made = access(*memory, slot, address, false);
            made.instruction = {pc, d->word};
            made.command = {true, true, false, address, mask, lanes, word};
        }
        word = merged(word, mask, lanes);
        if (TELLS) telling.instruction(d, pc, slot, m_stalls, 0);
    }

    Access& access(const Memory& memory, uint64_t slot, uint32_t address, bool load) {
        Access& made = accesses[accesses_made++ % 8];
        made.slot = slot, made.m_stalls = m_stalls, made.memory = &memory, made.load = load, made.command.address = address;
        return made;
    }

    bool is_current(uint32_t pc, const Decoded& fetched) const;
    void enter();
    void take_store(const Core::Command& command);
    void seed(const Stage& stage, Cause bubble, uint64_t slot, uint32_t result, uint32_t data);
    void advance_bus(uint64_t slot);
    uint64_t written(const Decoded& d, uint64_t slot, bool& spared) const;
    uint64_t passed_by(uint64_t slot, uint64_t number) const;
    bool is_free(const Decoded& d, uint64_t slot) const;
    uint64_t wait_for_registers(const Decoded& d, uint64_t& arrived);
    void fill_buffer(uint64_t slot, uint64_t retired);
    void leave(uint64_t slot, uint32_t pc);
    void undo(const Recent& entry);
    void place(const Recent& entry, uint64_t slot);
    void leave_bus(uint64_t now);
    bool can_load(const Decoded& d, uint32_t address, uint64_t slot) const;
    const Decoded* behind(const Decoded* d, uint32_t pc) const;
    bool can_command(const Decoded* d, uint32_t pc, uint64_t& slot);
    bool command(const Decoded* d, uint32_t pc, uint64_t& slot);
    bool other_load(const Decoded* d, uint32_t pc, uint32_t address, uint64_t& slot);
    bool load_register(const Decoded* d, uint32_t address, uint64_t slot, uint32_t& word);
    bool load_line(const Decoded* d, uint32_t pc, uint32_t address, const Memory& memory, uint64_t& slot);
    bool load_code(uint32_t pc, uint64_t& slot);
    bool yields_to_stores(const Decoded* d, uint32_t pc, uint64_t& slot);
    bool is_quiet(const Decoded* d) const;
    bool is_quiet_behind(const Decoded* d, uint32_t pc) const;
    bool can_jump_late(const Decoded* d, uint32_t pc, uint64_t slot) const;
    void interpret();

public:
    uint64_t retired_now = 0;
    Recent waiting;  // the CFU instruction that waits for its answer
    Retired last_retired() const {
        const Recent& entry = recent[(retired_now - 1) % RECENT];
        return {entry.pc, entry.d->word};
    }
    // Those that have retired and that the bus has not answered.
    Stores waiting_stores() const {
        Stores waiting;
        for (uint64_t n = accesses_done > 2 ? accesses_done - 2 : 0; n < accesses_done; n++) {
            if (accesses[n % 8].ends >= core.cycle) waiting.retire(accesses[n % 8].instruction);
        }
        return waiting;
    }
};
