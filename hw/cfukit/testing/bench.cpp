// Plays segments of commands on a verilated module Cfu and records what happens. The rules are those of bench.py,
// memory_side.py and dma_side.py, and a test compares the two.
//
// bench INPUT OUTPUT [VCD BEGIN]. All words are 32 bits, in the machine's byte order.
// INPUT   segments, hang_cycles
//         per segment: ops, limit, drain, 32 words of rsp_ready bits, [MEMORY], [DMA], and per op: function_id, rs1, rs2, gap
// OUTPUT  per segment: rule, call, cycle, per op: accepted, busy, answered, value, [MEMORY], [DMA]
//         It ends after a segment that broke a rule.
// With a memory port of MEMORY_BITS, MEMORY is
//   in INPUT: 32 words of mem_cmd_ready bits, the number of waits, the waits, the contents
//   in OUTPUT: the address of rule 6, the contents, and per word whether it was written
// With a DMA port of DMA_BITS, DMA is
//   in INPUT: as MEMORY
//   in OUTPUT: the address of rule 8
// With VCD, a waveform from cycle BEGIN on is written to the file VCD.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <memory>
#include <vector>

#include "VCfu.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

constexpr uint32_t NEVER = 0xFFFFFFFFu;
constexpr uint32_t TRAILING_CYCLES = 16;
[[maybe_unused]] constexpr uint32_t MEMORY_TRAILING_CYCLES = 64;
constexpr uint32_t PATTERN_WORDS = 32;

struct Op {
    uint32_t function_id, rs1, rs2, gap;
};
struct Seen {
    uint32_t accepted = NEVER, busy = NEVER, answered = NEVER, value = 0;
};

#ifdef MEMORY_BITS
constexpr uint32_t MEMORY_BYTES = 16384, ROW_BYTES = MEMORY_BITS / 8, MAX_OUTSTANDING = 4;

struct Row {
    uint8_t bytes[ROW_BYTES];
};

// The same as memory_side.py.
struct Memory {
    uint32_t ready[PATTERN_WORDS];
    std::vector<uint32_t> waits, written;
    std::vector<uint8_t> contents;
    bool fault = false;
    uint32_t outside = 0, quiet = 0;

    void drive(VCfu &cfu) {
        open_ = (ready[cycle_ / 32 % PATTERN_WORDS] >> (cycle_ % 32) & 1) && due_.size() < MAX_OUTSTANDING;
        answers_ = !due_.empty() && due_.front().first == cycle_;
        cfu.mem_cmd_ready = open_;
        cfu.mem_rsp_valid = answers_;
        if (answers_) std::memcpy(&cfu.mem_rsp_payload_data, due_.front().second.bytes, ROW_BYTES);
        else std::memset(&cfu.mem_rsp_payload_data, 0xDB, ROW_BYTES);
    }
    void see(const VCfu &cfu) {
        if (answers_) due_.pop_front();
        quiet = cfu.mem_cmd_valid || answers_ || !due_.empty() ? 0 : quiet + 1;
        if (cfu.mem_cmd_valid && open_) access(cfu);
        cycle_++;
    }

private:
    void access(const VCfu &cfu) {
        uint32_t address = cfu.mem_cmd_payload_addr;
        if (address % ROW_BYTES || address + ROW_BYTES > MEMORY_BYTES) {
            if (!fault) outside = address;
            fault = true;
            address = address % MEMORY_BYTES / ROW_BYTES * ROW_BYTES;
        }
        if (cfu.mem_cmd_payload_we) {
            uint8_t data[ROW_BYTES];
            std::memcpy(data, &cfu.mem_cmd_payload_data, ROW_BYTES);
            for (uint32_t lane = 0; lane < ROW_BYTES; lane++) {
                if (!(static_cast<uint32_t>(cfu.mem_cmd_payload_mask) >> lane & 1)) continue;
                contents[address + lane] = data[lane];
                written[(address + lane) / 4] = 1;
            }
            return;
        }
        Row row;
        std::memcpy(row.bytes, &contents[address], ROW_BYTES);
        const uint64_t after = cycle_ + 1 + waits[reads_++ % waits.size()];
        next_ = after > next_ ? after : next_;
        due_.push_back({next_++, row});
    }
    bool open_ = false, answers_ = false;
    uint64_t cycle_ = 0, reads_ = 0, next_ = 0;
    std::deque<std::pair<uint64_t, Row>> due_;
};
#endif

#ifdef DMA_BITS
constexpr uint32_t DMA_BASE = 0x40000000, DMA_BYTES = 16384, ELEMENT_BYTES = DMA_BITS / 8, DMA_OUTSTANDING = 2;

// The same as dma_side.py.
struct Dma {
    uint32_t ready[PATTERN_WORDS];
    std::vector<uint32_t> waits;
    std::vector<uint8_t> contents;
    bool fault = false;
    uint32_t outside = 0, quiet = 0;

    void start() { wait_ = waits[0]; }
    void drive(VCfu &cfu) {
        open_ = (ready[cycle_ / 32 % PATTERN_WORDS] >> (cycle_ % 32) & 1) && commands_.size() < DMA_OUTSTANDING;
        valid_ = !commands_.empty() && wait_ == 0;
        cfu.dma_read_cmd_ready = open_;
        cfu.dma_read_rsp_valid = valid_;
        if (valid_) std::memcpy(&cfu.dma_read_rsp_payload_data, &contents[commands_.front().first], ELEMENT_BYTES);
        else std::memset(&cfu.dma_read_rsp_payload_data, 0xDB, ELEMENT_BYTES);
    }
    void see(const VCfu &cfu) {
        quiet = cfu.dma_read_cmd_valid || !commands_.empty() ? 0 : quiet + 1;
        if (valid_ && cfu.dma_read_rsp_ready) {
            auto &[at, left] = commands_.front();
            at += ELEMENT_BYTES;
            if (--left == 0) commands_.pop_front();
            wait_ = waits[++elements_ % waits.size()];
        } else if (!commands_.empty() && wait_) wait_--;
        if (cfu.dma_read_cmd_valid && open_) accept(cfu.dma_read_cmd_payload_addr, cfu.dma_read_cmd_payload_count);
        cycle_++;
    }

private:
    void accept(uint32_t address, uint32_t count) {
        const uint64_t at = uint64_t(address) - DMA_BASE;  // below the base it is huge
        if (count && at % ELEMENT_BYTES == 0 && at <= DMA_BYTES && at + count * ELEMENT_BYTES <= DMA_BYTES) {
            commands_.push_back({uint32_t(at), count});
        } else {
            if (!fault) outside = address;
            fault = true;
        }
    }
    bool open_ = false, valid_ = false;
    uint64_t cycle_ = 0, elements_ = 0;
    uint32_t wait_ = 0;
    std::deque<std::pair<uint32_t, uint32_t>> commands_;
};
#endif

class Bench {
public:
#ifdef MEMORY_BITS
    Memory memory;
#endif
#ifdef DMA_BITS
    Dma dma;
#endif

    explicit Bench(uint32_t hang_cycles) : hang_cycles_(hang_cycles), cfu_(new VCfu(&context_)) {}

    void reset() {
        cfu_->cmd_valid = 0;
        cfu_->rsp_ready = 1;
#ifdef MEMORY_BITS
        cfu_->mem_cmd_ready = cfu_->mem_rsp_valid = 0;
#endif
#ifdef DMA_BITS
        cfu_->dma_read_cmd_ready = cfu_->dma_read_rsp_valid = 0;
#endif
        cfu_->reset = 1;
        for (int i = 0; i < 2; i++) clock();
        cfu_->reset = 0;
    }

    // Returns the rule that was broken (0: none) with the command and cycle.
    uint32_t play(const std::vector<Op> &ops, uint32_t limit, bool drain, const uint32_t *ready, std::vector<Seen> &seen,
                  uint32_t &call, uint32_t &cycle) {
        uint32_t next = 0, answered = 0, busy = 0, quiet = 0, gap = ops.empty() ? 0 : ops[0].gap;
        bool offering = false, waiting = false;
        uint32_t waiting_value = 0;
        const auto count = static_cast<uint32_t>(ops.size());
        for (cycle = 0;; cycle++) {
            const uint32_t outstanding = next - answered;
            if (!offering && next < count) {
                if (gap > 0) gap--;
                else if (outstanding < limit) offering = true;
            }
            const Op &op = ops[next < count ? next : count - 1];
            const uint32_t garbage = offering ? 0 : 0xFFFFFFFFu;
            const bool rsp_ready = ready[cycle / 32 % PATTERN_WORDS] >> (cycle % 32) & 1;
            cfu_->cmd_valid = offering;
            cfu_->cmd_payload_function_id = (op.function_id ^ garbage) & 0x3FF;
            cfu_->cmd_payload_inputs_0 = op.rs1 ^ garbage;
            cfu_->cmd_payload_inputs_1 = op.rs2 ^ garbage;
            cfu_->rsp_ready = rsp_ready;
#ifdef MEMORY_BITS
            memory.drive(*cfu_);
#endif
#ifdef DMA_BITS
            dma.drive(*cfu_);
#endif
            cfu_->eval();
#ifdef MEMORY_BITS
            memory.see(*cfu_);
#endif
#ifdef DMA_BITS
            dma.see(*cfu_);
#endif
            const bool cmd_ready = cfu_->cmd_ready, rsp_valid = cfu_->rsp_valid;
            const uint32_t value = cfu_->rsp_payload_outputs_0;

            const bool fire = offering && cmd_ready, answer = rsp_valid && rsp_ready;
            call = answered;
            if (waiting && (!rsp_valid || value != waiting_value)) return 4;
            if (rsp_valid && outstanding == 0 && !fire && (rsp_ready || !offering)) {
                call = offering ? next : next > 0 ? next - 1 : 0;
                return 3;
            }
            waiting = rsp_valid && !rsp_ready;
            waiting_value = value;
            if (!offering && !cmd_ready && next > 0 && outstanding + fire - answer <= 1 && !waiting) {
                call = next - 1;
                return 5;
            }
            if (fire) {
                seen[next].accepted = cycle;
                seen[next].busy = busy;
            }
            if (answer) {
                seen[answered].answered = cycle;
                seen[answered].value = value;
                answered++;
            }
            if (offering || outstanding) busy++;
            if (fire) {
                next++;
                offering = false;
                if (next < count) gap = ops[next].gap;
            }
            const bool pending = offering || next > answered;
            quiet = fire || answer ? 0 : quiet + 1;
            if (pending && quiet > hang_cycles_) {
                call = next > answered ? answered : next;
                return next > answered ? 2 : 1;
            }
            if (!pending && quiet > hang_cycles_) {
                call = next > 0 ? next - 1 : 0;
                return 7;
            }
            clock();
            bool settled = quiet >= TRAILING_CYCLES;
#ifdef MEMORY_BITS
            if (memory.fault) {
                call = next > 0 ? next - 1 : 0;
                return 6;
            }
            settled = settled && std::min(quiet, memory.quiet) >= MEMORY_TRAILING_CYCLES;
#endif
#ifdef DMA_BITS
            if (dma.fault) {
                call = next > 0 ? next - 1 : 0;
                return 8;
            }
            settled = settled && std::min(quiet, dma.quiet) >= MEMORY_TRAILING_CYCLES;
#endif
            if (next == count && (!drain || (!pending && settled))) return 0;
        }
    }

#if VM_TRACE
    // From cycle `begin` on, at 1 us per cycle; the two of the reset count.
    void trace(const char *file, uint64_t begin) {
        begin_ = begin;
        context_.traceEverOn(true);
        cfu_->trace(&vcd_, 99);
        vcd_.set_time_unit("1ns");
        vcd_.set_time_resolution("1ns");
        vcd_.open(file);
    }
    void close() { vcd_.close(); }
#endif

private:
    void clock() {
        cfu_->clk = 0;
        cfu_->eval();
        dump(0);
        cfu_->clk = 1;
        cfu_->eval();
        dump(500);
        cfu_->clk = 0;
        cycles_++;
    }

    void dump(uint64_t ns) {
#if VM_TRACE
        if (cycles_ >= begin_ && vcd_.isOpen()) vcd_.dump(1000 * cycles_ + ns);
#else
        (void)ns;
#endif
    }
#if VM_TRACE
    VerilatedVcdC vcd_;
    uint64_t begin_ = 0;
#endif
    uint64_t cycles_ = 0;

    uint32_t hang_cycles_;
    VerilatedContext context_;
    std::unique_ptr<VCfu> cfu_;
};

}  // namespace

int main(int argc, char **argv) {
    if (argc != 3 && argc != 5) return 2;
    std::ifstream input(argv[1], std::ios::binary);
    std::ofstream output(argv[2], std::ios::binary);
    const auto word = [&input]() {
        uint32_t value = 0;
        input.read(reinterpret_cast<char *>(&value), 4);
        return value;
    };
    const uint32_t segments = word();
    Bench bench(word());
#if VM_TRACE
    if (argc == 5) bench.trace(argv[3], std::strtoull(argv[4], nullptr, 10));
#endif
    for (uint32_t segment = 0; segment < segments; segment++) {
        const uint32_t count = word(), limit = word(), drain = word();
        uint32_t ready[PATTERN_WORDS];
        for (uint32_t &bits : ready) bits = word();
#ifdef MEMORY_BITS
        bench.memory = Memory{};
        for (uint32_t &bits : bench.memory.ready) bits = word();
        bench.memory.waits.resize(word());
        for (uint32_t &wait : bench.memory.waits) wait = word();
        bench.memory.contents.resize(MEMORY_BYTES);
        input.read(reinterpret_cast<char *>(bench.memory.contents.data()), MEMORY_BYTES);
        bench.memory.written.resize(MEMORY_BYTES / 4);
#endif
#ifdef DMA_BITS
        bench.dma = Dma{};
        for (uint32_t &bits : bench.dma.ready) bits = word();
        bench.dma.waits.resize(word());
        for (uint32_t &wait : bench.dma.waits) wait = word();
        bench.dma.contents.resize(DMA_BYTES);
        input.read(reinterpret_cast<char *>(bench.dma.contents.data()), DMA_BYTES);
        bench.dma.start();
#endif
        std::vector<Op> ops(count);
        input.read(reinterpret_cast<char *>(ops.data()), static_cast<std::streamsize>(count * sizeof(Op)));
        if (!input) return 2;
        std::vector<Seen> seen(count);
        uint32_t call = 0, cycle = 0;
        bench.reset();
        const uint32_t rule = bench.play(ops, limit, drain != 0, ready, seen, call, cycle);
        const uint32_t head[3] = {rule, rule ? call : 0, rule ? cycle : 0};
        output.write(reinterpret_cast<const char *>(head), sizeof head);
        output.write(reinterpret_cast<const char *>(seen.data()), static_cast<std::streamsize>(count * sizeof(Seen)));
#ifdef MEMORY_BITS
        const uint32_t outside = rule == 6 ? bench.memory.outside : 0;
        output.write(reinterpret_cast<const char *>(&outside), sizeof outside);
        output.write(reinterpret_cast<const char *>(bench.memory.contents.data()), MEMORY_BYTES);
        output.write(reinterpret_cast<const char *>(bench.memory.written.data()), MEMORY_BYTES);
#endif
#ifdef DMA_BITS
        const uint32_t beyond = rule == 8 ? bench.dma.outside : 0;
        output.write(reinterpret_cast<const char *>(&beyond), sizeof beyond);
#endif
        if (rule != 0) break;
    }
#if VM_TRACE
    bench.close();
#endif
    output.close();
    return output ? 0 : 2;
}
