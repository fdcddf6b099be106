// VexRiscv and its system, cycle by cycle. Stages by their letters: F1 (the I$ was read), D, E, M, W. One call of `step` is one
// clock: first what the registers' values mean (from W back to F), then the edge.
#pragma once
#include "bus.h"
#include "cfu.h"
#include "csrs.h"
#include "execute.h"
#include "icache.h"
#include "pipeline.h"

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
    uint64_t cycle = 0, instructions = 0;
    Seen seen;

    uint32_t pc_reg;
    std::vector<uint32_t> dtags;
    uint32_t dmask, dflush_top, iflush_top;  // of the caches' flushes

    Core(const Parameters& parameters, const std::string& cfu_library)
        : p(parameters), memories(parameters), registers(parameters), bus(memories, registers, parameters),
          cfu(cfu_library), csrs(parameters),
          icache(parameters.icache_bytes, {parameters.multiplier, parameters.divider, parameters.prediction,
                                           !parameters.csrs.empty(), parameters.traps}),
          pc_reg(parameters.reset_address), dtags((parameters.dcache_bytes ? parameters.dcache_bytes : SMALLEST) / LINE_BYTES, UINT32_MAX),
          dmask(static_cast<uint32_t>(dtags.size()) - 1), dflush_top(static_cast<uint32_t>(dtags.size())),
          iflush_top(icache.mask + 1) {
        for (Memory& memory : memories.all()) {
            if (memory.kind != Memory::itcm) continue;
            itcm = &memory;
            itcm_lines.resize(memory.bytes / LINE_BYTES);
        }
    }

    bool cfu_enabled() const { return p.cfu_enabled || csrs.mask >> 31; }
    static bool in_tcm_region(uint32_t address) { return (address >> 19) == (0x20000000u >> 19) || (address >> 19) == (0x30000000u >> 19); }
    bool in_tcm(uint32_t address) {
        if (!in_tcm_region(address)) return false;
        const Memory& memory = memories.at(address);
        return memory.bytes && (memory.kind == Memory::itcm || memory.kind == Memory::dtcm);
    }
    bool in_itcm_bytes(uint32_t address) const { return itcm && itcm->has(address); }
    // A line of the instruction TCM as it is now.
    const DecodedLine* itcm_line(uint32_t pc) {
        const DecodedLine*& line = itcm_lines[(pc - itcm->base) / LINE_BYTES];
        if (!line) line = icache.line_of(pc / LINE_BYTES, &itcm->word(pc & ~(LINE_BYTES - 1)));
        return line;
    }
    bool in_itcm(uint32_t address) {
        return (address >> 19) == (0x20000000u >> 19) && memories.at(address).bytes && memories.at(address).kind == Memory::itcm;
    }

    void step() {
        seen = Seen{};
        before_w = W, before_m = M, before_e = E;
        const bool d_ack = bus.ack() && bus.data_side, i_ack = bus.ack() && !bus.data_side;

        // W
        const bool w_memory = W.is(flag::memory), w_write = w_memory && W.d->is(flag::store);
        const bool w_tcm = w_memory && in_tcm(w_address), w_cached = w_memory && !w_tcm;
        const bool w_io = !p.dcache_bytes || w_address >> 31;
        const bool w_unaligned = w_memory && p.alignment_check && is_unaligned(*W.d, w_address);
        // The request of an access that waits in W goes straight to the bus, where there are no buffers.
        bool command = false, w_stuck = false, loader_starts = false, redo = false, writes_cache = false;
        const bool ready = p.direct_bus ? d_ack : !r.valid;
        if (w_cached) {
            if (!w_unaligned) {
                if (w_io) {
                    command = !command_sent;
                    w_stuck = w_write ? !ready : !data_answer;
                } else if (w_write) {
                    command = true;
                    writes_cache = w_hit;
                    w_stuck = !ready;
                } else if (w_hit) {
                    redo = w_collides;
                } else {
                    command = !command_sent;
                    loader_starts = ready;
                    w_stuck = true;
                }
            }
            if (loading && !was_loading) redo = true;
        }
        const bool exception_w = w_unaligned && p.traps && !redo;
        const bool liberated = liberator[2] && !(pending_w || pending_m || pending_e) && !had_exception;
        const bool interrupt_jump = interrupt && liberated;
        const bool trap_jump = had_exception || interrupt_jump;
        const bool returns = p.traps && W.is(flag::xret);
        const bool flush_w = redo || exception_w || trap_jump || returns;
        const bool w_removed = exception_w || redo;
        const bool w_fires = W.valid && !w_stuck && !w_removed;
        uint32_t w_value = w_result;
        if (w_memory && !w_write && w_fires) w_value = load_value();

        // The CFU's port
        const bool e_cfu = E.is(flag::cfu);
        const bool hazard_cfu = p.cfu_waits && (W.is(flag::side_effect) || M.is(flag::side_effect));
        const bool schedule = e_cfu && !hazard_cfu;
        const bool cfu_active = cfu_always || e_cfu || hold || outstanding || m_cfu;
        if (cfu_active) {
            cfu_in.cmd_valid = (schedule || hold) && !fired;
            cfu_in.rsp_ready = !answer_kept;
            cfu_in.function = (E.d->word >> 25 & 0x7F) << 3 | (E.d->word >> 12 & 7);
            cfu_in.a = e_a, cfu_in.b = e_b;
            cfu_out = cfu.at(cycle, cfu_in);
        } else {
            cfu_in.cmd_valid = false;
            cfu_out.rsp_valid = false, cfu_out.cmd_ready = true;
        }
        const bool cfu_command = cfu_in.cmd_valid && cfu_out.cmd_ready;
        const bool answered = cfu_out.rsp_valid || answer_kept;
        const bool takes_answer = m_cfu && !w_stuck;

        // M
        const bool m_flushed = flush_w;
        const bool m_div = M.is(flag::div);
        const bool m_stuck = w_stuck || (m_div && !div_done) || (m_cfu && !answered);
        uint32_t m_value = m_result;
        if (m_cfu && !M.is(flag::mul)) m_value = answer_kept ? kept_answer : cfu_out.result;  // a product comes from W

        // E
        const bool e_memory = E.is(flag::memory), e_write = E.d->is(flag::store);
        const bool dflush_done = dflush_count >= dflush_top, dflush_ready = dflush_wait && dflush_done;
        const bool e_csr = E.is(flag::csr);
        const bool tcm_waits = w_tcm && w_write && (p.single_ported || in_itcm(w_address)) && e_memory && !e_write;
        const bool e_stuck = m_stuck || (E.is(flag::flush_data) && !dflush_ready) || !dflush_done || (E.is(flag::wfi) && !wake) ||
                             (e_csr && (M.valid || W.valid)) || (e_cfu && hazard_cfu) || (cfu_in.cmd_valid && !cfu_out.cmd_ready) ||
                             (loading && E.valid) || tcm_waits;
        const bool jump_e = E.valid && e_jumps;
        const bool exception_branch = p.alignment_check && jump_e && (e_target & 2);
        const uint32_t csr_number = E.d->word >> 20;
        const bool csr_reads = (E.d->word >> 7 & 0x7F) != 0x20, csr_writes = !((E.d->word >> 13 & 1) && !(E.d->word >> 15 & 31));
        const bool exception_self = p.traps && ((e_csr && !csrs.allows(csr_number, csr_reads)) || E.is(flag::ecall));
        const bool exception_e = exception_branch || exception_self;
        const bool flush_e = jump_e || exception_e, e_flushed = flush_w, e_removed = exception_e || e_flushed;
        uint32_t e_value = e_result;
        if (e_csr) e_value = csrs.read(csr_number, cycle, instructions);

        // D
        const bool d_flushed = flush_w || flush_e;
        const bool d_miss = p.icache_bytes && D.valid && !d_hit, d_error = !p.icache_bytes && D.valid && !d_hit;
        const bool d_valid = D.valid && d_hit;
        const bool legal = D.d->is(flag::legal) && !(D.d->is(flag::cfu) && !cfu_enabled());
        const bool exception_d = p.traps && ((d_valid && !legal) || d_error);
        const bool d_removed = exception_d || d_flushed;
        const bool predicts = d_valid && D.d->is(flag::predicted);
        const bool flush_d = predicts || exception_d;
        const bool liberating = interrupt && d_valid;
        const bool return_waits = p.traps && (W.is(flag::xret) || M.is(flag::xret) || E.is(flag::xret));
        const bool d_stuck = e_stuck || (d_valid && hazard()) || liberating || return_waits;

        // F
        const bool valid_d = (pending_d || exception_d) && !d_flushed, valid_e = (pending_e || exception_e) && !e_flushed;
        const bool valid_m = pending_m && !m_flushed, valid_w = (pending_w || exception_w) && !redo;
        const bool fetch_halted = valid_d || valid_e || valid_m || valid_w || trap_jump || returns;
        const bool jumps = redo || trap_jump || returns || jump_e || predicts;
        uint32_t pc = pc_reg + (inc ? 4 : 0);
        if (d_miss) pc = D.pc;
        if (redo) pc = W.pc;
        else if (returns) pc = csrs.mepc;
        else if (trap_jump) pc = csrs.mtvec;
        else if (jump_e) pc = e_target;
        else if (predicts) pc = D.pc + static_cast<uint32_t>(D.d->immediate);
        pc &= ~3u;
        if (!p.icache_bytes && !p.traps) pc = (pc & 0xFFFFF) | 0x20000000;
        const bool fence = d_valid && D.d->is(flag::fence_i);
        const bool flush_done = flush_count >= iflush_top;
        bool fetch_waits = line_loading || flush_pending || !flush_done || !flush_was_done || fence;
        if (!p.icache_bytes) fetch_waits = false;
        // A single-ported memory of code: data goes first.
        if (p.single_ported && (itcm_taken(w_fires && w_write && w_tcm, e_memory && !e_write && !m_stuck && !tcm_waits) ||
                                (m_keeps_bank && m_stuck))) {
            fetch_waits = true;
        }
        const bool s2_ready = !d_stuck && !(d_miss || d_error), s0_ready = s2_ready && !fetch_waits;
        const bool f0_valid = !fetch_halted && booted;
        const bool fetches = f0_valid && s0_ready;
        const bool fetch_flush = d_removed || (flush_d && !d_stuck) || d_miss;

        // What the harness sees
        seen.retired = w_fires;
        seen.writes = w_fires && W.d->is(flag::writes);
        seen.value = w_value;
        seen.cfu_command = cfu_command;
        seen.cfu_response = cfu_out.rsp_valid && cfu_in.rsp_ready && cfu_active;
        seen.exception = had_exception;
        seen.bus_error = bus.error() && d_ack;
        seen.fetch_fault = !p.icache_bytes && !p.traps && d_error && !E.valid && !M.valid && !W.valid;
        if (w_fires) instructions++;

        const uint32_t enabled = csrs.mie & ((csrs.mip_external ? 0x800u : 0) | (csrs.mip_software ? 8u : 0));
        const bool wanted = csrs.mstatus_mie && enabled;
        uint32_t line = 0;
        if (registers.uart.can_interrupt()) {
            registers.uart.advance(cycle);
            line = registers.uart.interrupt();
        }

        // The edge. Requests to the bus first: they are of this cycle.
        BusRequest instruction, data;
        instruction.cyc = (line_loading && !line_sent) || beat != 0;
        instruction.address = (line_address & ~31u) | beat << 2;
        instruction.mask = 15;
        if (p.direct_bus) {
            data.cyc = command;
            data.write = w_write;
            data.address = w_address & ~3u;
            data.mask = w_write ? size_mask(*W.d, w_address) : 15;
            if (w_write) data.data = w_store;
        } else {
            data.cyc = b.valid;
            data.write = b.write;
            data.address = b.line ? (b.address & ~31u) | load_beat << 2 : b.address & ~3u;
            data.mask = b.write ? b.mask : 15;
            data.data = b.data;
        }
        const uint32_t answer_word = i_ack ? bus_word(instruction.address) : 0;
        const bool data_last = data.write || !b.line || load_beat == 7;
        const bool data_done = data.cyc && d_ack && data_last;  // the command leaves
        const bool data_answers = data.cyc && d_ack && !data.write;

        seen.store_answer = data.cyc && data.write && d_ack;
        if (seen.bus_error) error_address = data.address;

        // Stores act where they leave
        if (w_write && w_fires) store_now();
        const bool colliding = writes_cache && !w_unaligned;
        const uint32_t written_word = w_address >> 2, written_mask = colliding ? size_mask(*W.d, w_address) : 0;
        const uint32_t word_mask = dmask << 3 | 7;
        const auto collides = [&](const Decoded& d, uint32_t address) {
            return colliding && ((address >> 2 ^ written_word) & word_mask) == 0 && (size_mask(d, address) & written_mask);
        };
        const bool m_now_collides = m_collides || (M.d->is(flag::memory) && collides(*M.d, m_result));
        const bool e_collides = E.d->is(flag::memory) && collides(*E.d, e_result);

        // Bus adapters
        bus.step(instruction, data, cycle, instructions);
        // buffers
        if (!p.direct_bus) {
            Command given;
            if (command) {
                given.valid = true;
                given.write = w_write;
                given.line = !w_io && !w_write;
                given.address = w_address;
                given.mask = size_mask(*W.d, w_address);
                given.data = w_store;
                given.old = old_word;
            }
            const bool passes = !b.valid || data_done;
            const bool offered = command || r.valid;
            const Command first = r.valid ? r : given;
            if (!r.valid) {
                r = given;  // data is captured while it is free
                r.valid = command;
            }
            if (passes) {
                b = first;
                b.valid = offered;
                r.valid = false;
            }
            if (data.cyc && d_ack) load_beat = data_last ? 0 : load_beat + 1;
        }
        const bool command_fires = command && ready;
        if (command_fires) command_sent = true;
        if (!w_stuck) command_sent = false;
        // D$ loader: an answer arrives one cycle after its acknowledge
        const bool loads_word = loading && data_answer;
        was_loading = loading;
        if (loader_starts) loading = true, load_address = w_address, loads = before_w;
        if (loads_word) {
            if (load_count == 7) {
                loading = false;
                dtags[load_address / LINE_BYTES & dmask] = load_address / LINE_BYTES;
            }
            load_count = (load_count + 1) & 7;
        }
        data_answer = data_answers;
        // D$ flush
        const bool starts = !dflush_wait && !dflush_start && E.is(flag::flush_data) && !M.is(flag::memory) && !w_cached && !redo;
        if (dflush_ready) dflush_wait = false;
        if (!dflush_done) dflush_count++;
        if (dflush_start) {
            dflush_wait = true, dflush_count = 0;
            std::fill(dtags.begin(), dtags.end(), UINT32_MAX);
        }
        dflush_start = starts;

        // I$ loader
        const bool i_fire = instruction.cyc && i_ack && line_loading && !line_sent;
        bool line_done = false;
        if (line_answer) {
            line_words[line_index] = line_answer_word;
            line_done = line_index == 7;
            line_index = (line_index + 1) & 7;
        }
        const bool starts_flush = flush_pending && !(line_loading || f_valid);
        if (line_done) {
            line_loading = false;
            if (flush_done) icache.fill(line_address, line_words);  // while lines are flushed, the tag is not written
        }
        if (d_miss) line_loading = true;
        if (fence) flush_pending = true;
        if (starts_flush) flush_pending = false;
        if (i_fire) line_sent = true;
        if (line_done) line_sent = false;
        if (d_miss) line_address = D.pc;
        flush_was_done = flush_done;
        if (!flush_done) flush_count++;
        if (starts_flush) {
            flush_count = 0;
            icache.flush();
        }
        line_answer = instruction.cyc && i_ack;
        line_answer_word = answer_word;
        if (line_answer) beat = (beat + 1) & 7;

        // CSRs, traps
        if (trap_jump) {
            csrs.mstatus_mpie = csrs.mstatus_mie, csrs.mstatus_mie = 0, csrs.mstatus_mpp = 3;
            csrs.mcause = had_exception ? context_code : 0x80000000u | interrupt_code;
            csrs.mepc = W.pc;
            if (had_exception) csrs.mtval = context_value;
        }
        if (returns) csrs.mstatus_mpp = 0, csrs.mstatus_mie = csrs.mstatus_mpie, csrs.mstatus_mpie = 1;
        if (p.interrupts) {
            if (liberating) {
                if (!w_stuck) liberator[2] = liberator[1];
                if (!m_stuck) liberator[1] = liberator[0];
                if (!e_stuck) liberator[0] = true;
            }
            if (!liberating || d_removed) liberator[0] = liberator[1] = liberator[2] = false;
            interrupt = wanted && !interrupt_jump;
            if (wanted) interrupt_code = enabled & 0x800 ? 11 : 3;
            wake = enabled != 0;
            csrs.mip_external = (csrs.mask & csrs.lines_before) != 0;
            csrs.mip_software = false;
            csrs.lines_before = line;
        }
        if (e_csr && csr_writes && !e_stuck) {
            const uint32_t source = E.d->word >> 14 & 1 ? E.d->rs1 : e_a, kind = E.d->word >> 12 & 3;
            const uint32_t value = kind == 1 ? source : kind == 2 ? e_value | source : e_value & ~source;
            csrs.write(csr_number, value, cycle, instructions, p.interrupts);
        }
        if (exception_d) context_code = d_error ? 1 : 2, context_value = d_error ? D.pc & ~3u : D.d->word;
        if (exception_e) {
            context_code = exception_branch ? 0 : E.is(flag::ecall) && !(e_csr && !csrs.allows(csr_number, csr_reads)) ? 11 : 2;
            context_value = exception_branch ? e_target : E.d->word;
        }
        if (exception_w) context_code = w_write ? 6 : 4, context_value = w_result;
        had_exception = valid_w;
        pending_w = !w_stuck && valid_m && !m_stuck;
        pending_m = !m_stuck ? valid_e && !e_stuck : valid_m;
        pending_e = !e_stuck ? valid_d && !d_stuck : valid_e;
        pending_d = d_stuck && valid_d;

        // Register file
        if (w_fires && W.d->is(flag::jalr)) retired_target = (x[W.d->rs1] + static_cast<uint32_t>(W.d->immediate)) & ~1u;
        undo_register = 0;
        if (seen.writes) undo_register = W.d->rd, undo_value = x[undo_register], x[undo_register] = w_value;
        buffer_valid = w_fires && W.d->is(flag::writes), buffer_rd = W.d->rd;

        // CFU
        if (cfu_active) {
            outstanding += static_cast<int>(cfu_command) - static_cast<int>(cfu_out.rsp_valid && cfu_in.rsp_ready);
            if (outstanding < 0) outstanding = 0;
        }
        const bool in_flight = schedule || hold || fired;
        if (!answer_kept) kept_answer = cfu_out.result;
        if (cfu_out.rsp_valid && cfu_active) answer_kept = true;
        if (takes_answer) answer_kept = false;
        if (p.stock ? schedule : cfu_in.cmd_valid) hold = true;
        if (cfu_out.cmd_ready) hold = false;
        if (cfu_command) fired = true;
        if (!e_stuck) fired = false;
        // Divider
        const bool divides = m_div && !div_done;
        if (div_count == 0x20) div_done = true;
        if (divides) div_count++;
        if (!m_stuck) div_count = 0, div_done = false;

        const bool enters_e = !d_stuck && !d_removed && d_valid;
        if (enters_e || hold) {
            new_a = operand(D.d->rs1, e_value, m_value, w_value);
            new_b = operand(D.d->rs2, e_value, m_value, w_value);
        }
        // Stages, from the last to the first
        if (!w_stuck && !valid_w) W.pc = M.pc;
        if (!w_stuck) {
            W.d = M.d;
            w_result = m_value, w_address = m_result, w_store = m_store, w_hit = m_hit, w_collides = m_now_collides;
        }
        if (!w_stuck || w_removed) W.valid = false;
        if (!m_stuck && !m_flushed) W.valid = M.valid;
        if (!m_stuck) {
            M.pc = E.pc, M.d = E.d;
            m_result = e_value, m_store = store_lanes(*E.d, e_b);
            m_hit = e_memory && dtags[e_result / LINE_BYTES & dmask] == e_result / LINE_BYTES;
            m_collides = e_collides;
            m_cfu = in_flight && !e_stuck;
            m_keeps_bank = e_memory && !e_write && (e_result >> 19) == (0x20000000u >> 19) && !tcm_waits;
        }
        if (!m_stuck || m_flushed) M.valid = false;
        if (!e_stuck && !e_removed) M.valid = E.valid;
        if (!e_stuck) {
            if (enters_e) {
                e_a = new_a, e_b = new_b;
                enter_execute();
            } else {
                e_jumps = false;
                if (hold) e_a = new_a, e_b = new_b;  // a command that is held takes what stands there
            }
            E.pc = D.pc, E.d = D.d;
        }
        if (!e_stuck || e_removed) E.valid = false;
        if (!d_stuck && !d_removed) E.valid = d_valid;

        // Fetch
        if (fetch_flush) D.valid = false;
        if (s2_ready) {
            D.valid = f_valid && !fetch_flush;
            D.pc = pc_reg, d_hit = f_hit, D.d = f_d;
        }
        if (fetch_flush) f_valid = false;
        if (s2_ready) f_valid = fetches;
        if (fetches) read_code(pc);
        const bool correction = d_miss || jumps;
        if (booted && (s0_ready || correction || s2_ready)) pc_reg = pc;
        if (correction || s2_ready) inc = false;
        if (fetches) inc = true;
        if (!f0_valid && s0_ready) inc = false;
        booted = true;
        cycle++;
    }

    Memory* itcm = nullptr;
    std::vector<const DecodedLine*> itcm_lines;  // null: not decoded since the last store there

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
        if (Registers::has(w_address)) word = bus.answer;
        const uint32_t first = word >> (8 * (w_result & 3)) & 0xFF, second = word >> (8 * ((w_result & 2) | 1)) & 0xFF;
        return loaded(W.d->op, (word & 0xFFFF0000) | second << 8 | first, 0);
    }
    void store_now() {
        Memory& memory = memories.at(w_address);
        if (!memory.bytes || memory.kind == Memory::boot_rom || memory.kind == Memory::flash) return;
        uint32_t& word = memory.word(w_address);
        old_word = word;
        word = merged(word, size_mask(*W.d, w_address), w_store);
        if (&memory == itcm) itcm_lines[(w_address - itcm->base) / LINE_BYTES] = nullptr;
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
    void read_code(uint32_t pc) {
        if (in_tcm_region(pc) || memories.at(pc).kind == Memory::boot_rom) {
            Memory& memory = memories.at(pc);
            f_hit = memory.bytes && memory.kind != Memory::dtcm && memory.kind != Memory::bus;
            if (f_hit) {
                const uint32_t line = pc / LINE_BYTES;
                if (&memory == itcm) {
                    f_d = &itcm_line(pc)->instructions[pc / 4 % LINE_WORDS];
                    return;
                }
                f_d = &icache.line_of(line, &memory.word(line * LINE_BYTES))->instructions[pc / 4 % LINE_WORDS];
                return;
            }
        }
        const DecodedLine* const line = icache.find(pc);
        f_hit = line != nullptr;
        f_d = line ? &line->instructions[pc / 4 % LINE_WORDS] : &NOTHING;
    }
};
