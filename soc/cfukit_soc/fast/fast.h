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

class Fast {
public:
    static constexpr uint64_t MARGIN = 2000;

private:
    static constexpr uint32_t DIVISION = 33;  // cycles that a division waits in M
    static constexpr uint64_t CFU_WAIT = 200;  // longer commands are the slow model's
    static constexpr int NONE = 32;           // where results for x0 go
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
    struct Traced {
        const Decoded* d;
        uint64_t slot, m_stalls;
        uint32_t pc, value;
    };

    Core& core;
    FILE* trace;
    const Options& options;
    struct Page {  // of 4 KiB, all in one memory
        uint8_t* bytes;
        const Memory* memory;
    };
    Page* const pages = static_cast<Page*>(std::calloc(1 << 20, sizeof(Page)));
    bool usable = true;

    uint32_t x[33];
    uint64_t ready[33] = {};  // the first slot in which a consumer may leave D
    uint64_t m_stalls = 0, w_stalls = 0;
    Recent recent[RECENT];
    uint64_t executed = 0;
    Access accesses[8];  // ring: the first ones wait for W, older ones are on the bus or done
    uint64_t accesses_made = 0, accesses_done = 0;
    uint64_t last_end = 0, end_before = 0;  // of the last two stores on the bus
    bool data_side = false;
    std::vector<Traced> traced;
    uint64_t cfu_answered = UINT64_MAX;  // the cycle of its last answer
    bool cfu_kept = false;               // and this was before the instruction came to M

public:
    uint64_t last_retired_cycle = 0, entries = 0;
    uint64_t limit = UINT64_MAX;  // `run` comes back about MARGIN cycles before this one

    Fast(Core& core_, FILE* trace_, const Options& options_) : core(core_), trace(trace_), options(options_) {
        usable = pages && core.p.bypass && !options.exact && options.hang_cycles > MARGIN;
        for (const Memory& memory : core.memories.all()) {
            usable &= memory.read_cycles < MARGIN / 20;
            for (uint64_t at = 0; at + 0x1000 <= memory.bytes; at += 0x1000) {
                if ((memory.base & 0xFFF) == 0) pages[(memory.base + at) >> 12] = {reinterpret_cast<uint8_t*>(memory.words) + at, &memory};
            }
        }
    }
    ~Fast() { std::free(pages); }
    Fast(const Fast&) = delete;
    Fast& operator=(const Fast&) = delete;

    // Whether the pipeline holds nothing but what this model knows.
    bool can_enter() const {
        const Core& c = core;
        if (!usable || !c.D.valid || !c.d_hit || !c.f_valid || c.line_loading || c.loading) return false;
        if (c.pc_reg != c.D.pc + 4 || !c.inc || c.line_answer || c.beat || c.flush_pending || !c.flush_was_done) return false;
        if (c.was_loading || c.data_answer || c.dflush_start || c.dflush_wait || c.dflush_count < c.dflush_top) return false;
        if (c.cycle < c.cfu.until) return false;
        if (c.hold || c.fired || c.answer_kept || c.outstanding || c.m_cfu || !knows_bus() || c.command_sent) return false;
        if (c.pending_d || c.pending_e || c.pending_m || c.pending_w || c.had_exception || c.interrupt || c.liberator[0]) return false;
        if (c.registers.uart.can_interrupt() || c.csrs.lines_before || c.csrs.mip_external || c.csrs.mip_software) return false;
        if (c.registers.exits_at != UINT64_MAX || c.cycle + 2 * MARGIN > options.max_cycles || !begins_here(c.D.d->fast)) return false;
        for (const Stage* stage : {&c.E, &c.M, &c.W}) {
            if (stage->valid && stage->d->wd == 2) return false;  // the stack watch sees it retire
        }
        constexpr uint32_t NEVER = flag::div | flag::cfu | flag::xret | flag::wfi | flag::ecall | flag::flush_data;
        if (c.E.valid) {
            if (c.E.is(NEVER | flag::csr | flag::fence_i) || c.e_jumps) return false;
            if (c.E.is(flag::memory) && !plain(*c.E.d, c.e_result, hits(c.e_result))) return false;
        }
        if (c.M.valid) {
            if (c.M.is(NEVER) || c.div_count || c.div_done) return false;
            if (c.M.is(flag::memory) && (!plain(*c.M.d, c.m_result, c.m_hit) || c.m_collides)) return false;
        }
        if (c.W.valid) {
            if (c.W.is(NEVER)) return false;
            if (c.W.is(flag::memory) && (!plain(*c.W.d, c.w_address, c.w_hit) || c.w_collides)) return false;
            if (c.W.is(flag::memory) && c.w_result != c.w_address) return false;  // the answer to a second command
            if (c.W.is(flag::memory) && c.W.d->is(flag::store) && c.w_hit) {  // collisions are the slow model's
                if (c.M.is(flag::memory) && (c.m_result ^ c.w_address) < 4) return false;
                if (c.E.is(flag::memory) && (c.e_result ^ c.w_address) < 4) return false;
            }
        }
        if (c.p.single_ported && c.W.is(flag::memory) && c.W.d->is(flag::store) && c.E.is(flag::memory)) return false;
        if (c.M.is(flag::memory) && c.E.is(flag::memory) && c.M.d->is(flag::store) && (c.m_result ^ c.e_result) < 4) return false;
        return true;
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

    void enter() {
        Core& c = core;
        std::memcpy(x, c.x, sizeof c.x);
        x[NONE] = 0;
        std::fill(ready, ready + 33, 0);
        m_stalls = w_stalls = 0;
        executed = 0;
        for (Recent& entry : recent) entry.slot = 0, entry.d = &NOTHING;
        accesses_made = accesses_done = 0;
        last_end = end_before = 0;
        data_side = c.bus.data_side;
        const uint64_t now = c.cycle;
        if (c.b.valid) take_store(c.b);
        if (c.r.valid) take_store(c.r);
        seed(c.W, now - 3, c.w_result, c.w_store);
        seed(c.M, now - 2, c.m_result, c.m_store);
        seed(c.E, now - 1, c.e_result, c.E.d->is(flag::store) ? store_lanes(*c.E.d, c.e_b) : 0);
    }
    // A store that is on the bus already, or the next one there.
    void take_store(const Core::Command& command) {
        Access& taken = accesses[accesses_made++ % 8];
        accesses_done++;
        taken = Access{};
        taken.command = command, taken.memory = memory_of(command.address);
        const uint64_t now = core.cycle;
        taken.begins = accesses_made > 1 ? last_end + 1 : data_side ? core.bus.began(now) : now;
        taken.granted = taken.begins + (data_side ? 0 : 1);
        taken.ends = core.bus.known_end(*taken.memory, now, taken.granted, command.address, true);
        data_side = true, end_before = last_end, last_end = taken.ends;
    }
    // An instruction that is in the pipeline already.
    void seed(const Stage& stage, uint64_t slot, uint32_t result, uint32_t data) {
        if (!stage.valid) return;
        const Decoded& d = *stage.d;
        if (d.is(flag::memory)) {
            if (d.is(flag::store)) {
                store(&d, stage.pc, slot, result, data);
                return;
            }
            write(&d, stage.pc, slot, loaded(d.op, word_at(result), result), result);
        } else {
            write(&d, stage.pc, slot, result, 0);
        }
        const uint64_t wait = d.is(flag::early) ? 0 : d.is(flag::middle) ? 2 : 3;
        ready[d.wd] = std::max(ready[d.wd], slot + wait);
    }
    void write(const Decoded* d, uint32_t pc, uint64_t slot, uint32_t value, uint32_t address) {
        Recent& entry = recent[executed++ % RECENT];
        entry.d = d, entry.slot = slot, entry.pc = pc, entry.value = value, entry.old = x[d->wd], entry.address = address;
        x[d->wd] = value;
        if (trace) traced.push_back({d, slot, m_stalls, pc, value});
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
        if (trace) traced.push_back({d, slot, m_stalls, pc, 0});
    }

    Access& access(const Memory& memory, uint64_t slot, uint32_t address, bool load) {
        Access& made = accesses[accesses_made++ % 8];
        made.slot = slot, made.m_stalls = m_stalls, made.memory = &memory, made.load = load, made.command.address = address;
        return made;
    }

    // Takes the accesses that have left W before slot `slot` is in D to the bus.
    void advance_bus(uint64_t slot) {
        while (accesses_done != accesses_made && accesses[accesses_done % 8].slot + 3 < slot) {
            Access& next = accesses[accesses_done++ % 8];
            if (trace) write_trace(next.slot);
            const uint64_t arrives = next.slot + 3 + next.m_stalls + w_stalls;
            const bool direct = core.p.direct_bus;
            uint64_t leaves = direct ? arrives : std::max(arrives, end_before + 1);
            next.begins = direct ? arrives : std::max(leaves, last_end) + 1;
            next.granted = next.begins + (data_side ? 0 : 1);
            data_side = true;
            next.ends = core.bus.ends(*next.memory, next.granted, next.command.address, !next.load);
            if (next.load) leaves = next.ends + 1;  // the word comes one cycle after it was acknowledged
            else if (direct) leaves = next.ends;
            w_stalls += leaves - arrives;
            end_before = next.load || direct ? next.ends : last_end, last_end = next.ends;
        }
        if (trace) write_trace(slot - 3);
    }
    // What retired before slot `slot` reached W.
    void write_trace(uint64_t slot) {
        size_t n = 0;
        for (; n < traced.size() && traced[n].slot < slot; n++) {
            const Traced& line = traced[n];
            if (options.trace_cycles) {
                std::fprintf(trace, "%llu ", static_cast<unsigned long long>(line.slot + 3 + line.m_stalls + w_stalls));
            }
            if (line.d->is(flag::writes)) std::fprintf(trace, "%08x %08x x%u=%08x\n", line.pc, line.d->word, line.d->rd, line.value);
            else std::fprintf(trace, "%08x %08x\n", line.pc, line.d->word);
        }
        traced.erase(traced.begin(), traced.begin() + static_cast<long>(n));
    }

    // The core's state when the instruction of `slot` at `pc` comes to D. What has not left W is undone and put into the stages.
    void leave(uint64_t slot, uint32_t pc) {
        Core& c = core;
        uint64_t newest = executed;
        const uint64_t kept = std::min<uint64_t>(executed, RECENT);
        uint64_t ghosts = 0;
        while (ghosts < kept && recent[(executed - 1 - ghosts) % RECENT].slot + 3 >= slot) ghosts++;
        const uint64_t retired = executed - ghosts;
        c.W.valid = c.M.valid = c.E.valid = false;
        while (newest != retired) {
            const Recent& entry = recent[--newest % RECENT];
            if (entry.d->is(flag::div | flag::cfu) && entry.slot + 2 >= slot) m_stalls -= entry.m_stalls;
            undo(entry);
        }
        if (trace) {
            size_t kept_lines = traced.size();
            while (kept_lines && traced[kept_lines - 1].slot + 3 >= slot) kept_lines--;
            traced.resize(kept_lines);
        }
        while (accesses_made != accesses_done && accesses[(accesses_made - 1) % 8].slot + 3 >= slot) accesses_made--;
        advance_bus(slot);
        if (trace) {
            write_trace(UINT64_MAX);
        }
        const uint64_t now = slot + m_stalls + w_stalls;
        if (c.cfu_always) c.cfu.idle(now);
        for (uint64_t n = retired; n < executed; n++) place(recent[n % RECENT], slot);
        if (retired) last_retired_cycle = recent[(retired - 1) % RECENT].slot + 3 + m_stalls + w_stalls;
        retired_now = retired;
        c.instructions += retired;
        c.cycle = now;
        std::memcpy(c.x, x, sizeof c.x);
        c.x[0] = 0;
        c.undo_register = 0;
        // Fetch
        c.D.valid = true, c.D.pc = pc;
        c.read_code(pc);
        c.d_hit = c.f_hit, c.D.d = c.f_d;
        c.pc_reg = pc + 4, c.inc = true, c.f_valid = true;
        c.read_code(pc + 4);
        c.e_jumps = false;
        c.div_count = 0, c.div_done = false;
        leave_bus(now);
    }
    void undo(const Recent& entry) {
        if (entry.d->is(flag::memory) && entry.d->is(flag::store)) word_at(entry.address) = entry.old;
        else x[entry.d->wd] = entry.old;
    }
    void place(const Recent& entry, uint64_t slot) {
        Core& c = core;
        const bool memory = entry.d->is(flag::memory), cfu = entry.d->is(flag::cfu);
        const uint32_t result = memory ? entry.address : entry.value;
        Stage stage;
        stage.valid = true, stage.pc = entry.pc, stage.d = entry.d;
        if (entry.slot + 1 == slot) {
            c.E = stage, c.e_result = result, c.e_b = entry.data;
            if (cfu) c.e_a = entry.address;
        } else if (entry.slot + 2 == slot) {
            c.M = stage, c.m_result = result, c.m_store = entry.data, c.m_collides = false;
            c.m_hit = memory && hits(entry.address);
            c.m_cfu = cfu;
            if (cfu && entry.kept) c.answer_kept = true, c.kept_answer = entry.value;
            else if (cfu) c.outstanding = 1, waiting = entry;
        } else {
            c.W = stage, c.w_result = c.w_address = result, c.w_store = entry.data, c.w_collides = false;
            c.w_hit = memory && hits(entry.address);
        }
    }
    // What the stores that have left W are doing in cycle `now`.
    void leave_bus(uint64_t now) {
        Core& c = core;
        c.r.valid = c.b.valid = false;
        c.bus.reset(data_side);
        c.command_sent = false;
        if (!accesses_done) {
            return;
        }
        const uint64_t first = accesses_done > 2 ? accesses_done - 2 : 0;
        for (uint64_t n = first; n < accesses_done; n++) {
            const Access& entry = accesses[n % 8];
            if (entry.ends < now) continue;
            if (entry.granted > now) c.bus.promise(*entry.memory, entry.ends);
            if (entry.begins <= now) {
                c.b = entry.command;
                c.bus.resume(now, entry.granted, entry.ends);
            } else {
                (c.b.valid ? c.r : c.b) = entry.command;
            }
        }
    }

    bool can_load(const Decoded& d, uint32_t address, uint64_t slot) const;
    const Decoded* behind(const Decoded* d, uint32_t pc) const;
    bool can_command(const Decoded* d, uint32_t pc, uint64_t& slot) const;
    bool command(const Decoded* d, uint32_t pc, uint64_t& slot);
    bool other_load(const Decoded* d, uint32_t pc, uint32_t address, uint64_t& slot);
    bool load_line(const Decoded* d, uint32_t pc, uint32_t address, const Memory& memory, uint64_t& slot);
    bool yields_to_stores(const Decoded* d, uint32_t pc, uint64_t& slot) const;
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
