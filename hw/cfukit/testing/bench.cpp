// Plays segments of commands on a verilated module Cfu and records what happened; the rules are those of session.py.
//
// bench INPUT OUTPUT. All words are 32 bits, in the machine's byte order.
// INPUT: segments, hang_cycles; per segment: ops, limit, drain, 32 words of rsp_ready bits, then per op: function_id, rs1, rs2, gap.
// OUTPUT: per segment: rule, call, cycle, then per op: accepted, busy, answered, value. Ends after a segment that broke a rule.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <vector>

#include "VCfu.h"
#include "verilated.h"

namespace {

constexpr uint32_t NEVER = 0xFFFFFFFFu;
constexpr uint32_t TRAILING_CYCLES = 16;
constexpr uint32_t PATTERN_WORDS = 32;

struct Op {
    uint32_t function_id, rs1, rs2, gap;
};
struct Seen {
    uint32_t accepted = NEVER, busy = NEVER, answered = NEVER, value = 0;
};

class Bench {
public:
    explicit Bench(uint32_t hang_cycles) : hang_cycles_(hang_cycles), cfu_(new VCfu(&context_)) {}

    void reset() {
        cfu_->cmd_valid = 0;
        cfu_->rsp_ready = 1;
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
            cfu_->eval();
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
            clock();
            if (next == count && (!drain || (!pending && quiet >= TRAILING_CYCLES))) return 0;
        }
    }

private:
    void clock() {
        cfu_->clk = 0;
        cfu_->eval();
        cfu_->clk = 1;
        cfu_->eval();
        cfu_->clk = 0;
    }

    uint32_t hang_cycles_;
    VerilatedContext context_;
    std::unique_ptr<VCfu> cfu_;
};

}  // namespace

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    std::ifstream input(argv[1], std::ios::binary);
    std::ofstream output(argv[2], std::ios::binary);
    const auto word = [&input]() {
        uint32_t value = 0;
        input.read(reinterpret_cast<char *>(&value), 4);
        return value;
    };
    const uint32_t segments = word();
    Bench bench(word());
    for (uint32_t segment = 0; segment < segments; segment++) {
        const uint32_t count = word(), limit = word(), drain = word();
        uint32_t ready[PATTERN_WORDS];
        for (uint32_t &bits : ready) bits = word();
        std::vector<Op> ops(count);
        input.read(reinterpret_cast<char *>(ops.data()), static_cast<std::streamsize>(count * sizeof(Op)));
        if (!input) return 2;
        std::vector<Seen> seen(count);
        uint32_t call = 0, cycle = 0;
        bench.reset();
        const uint32_t rule = bench.play(ops, limit, drain != 0, ready, seen, call, cycle);
        const uint32_t head[3] = {rule, call, cycle};
        output.write(reinterpret_cast<const char *>(head), sizeof head);
        output.write(reinterpret_cast<const char *>(seen.data()), static_cast<std::streamsize>(count * sizeof(Seen)));
        if (rule != 0) break;
    }
    output.close();
    return output ? 0 : 2;
}
