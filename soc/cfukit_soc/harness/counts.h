// Cycles by cause and instruction, in segments. A segment ends where the program reads the cycle counter, and at the end of the run.
// counted.py reads the file.
#pragma once
#include <array>
#include <memory>
#include <unordered_map>
#include <vector>

#include "causes.h"
#include "words.h"

class Counts {
public:
    using Cycles = std::array<uint64_t, CAUSE_COUNT>;

private:
    struct Row {
        uint32_t pc, cycles[CAUSE_COUNT];
    };
    static_assert(sizeof(Row) == 4 * (1 + CAUSE_COUNT), "rows are written as they are");
    // What a segment begins with in the file.
    struct Head {
        uint64_t end, cfu_busy, port_busy, dma_bytes;
        uint32_t rows, mark;
        Cycles cycles;
    };
    static constexpr uint32_t PAGE_ROWS = 1024;  // instructions; a power of two
    using Page = std::array<Row, PAGE_ROWS>;

    FILE* file = nullptr;
    const std::string path;
    Cycles finished{};          // of all segments that have ended
    Head segment{};
    Cycles waited{};            // not yet charged to an instruction
    bool waits = false;         // whether there are any
    Cycles since{};             // that were told since `take_since`
    std::unordered_map<uint32_t, std::unique_ptr<Page>> pages;
    Page* page = nullptr;       // the newest
    uint32_t page_number = UINT32_MAX;
    std::vector<Row*> touched;  // in this segment
    Row* last = nullptr;        // of the newest retired instruction, if that was in this segment
    uint32_t last_pc = 0;

public:
    explicit Counts(const std::string& name) : path(name) {
        if (path.empty()) return;
        file = std::fopen(path.c_str(), "wb");
        if (!file) fail("cannot write", path);
    }

    // A cycle in which an instruction retires. It gets the cycles since the one before it.
    void executing(uint32_t pc) {
        segment.cycles[0]++;
        last = row(pc), last_pc = pc;
        last->cycles[0]++;
        if (waits) charge(*last);
    }
    // Cycles in which none does. What a jump costs belongs to the jump, everything else to the next instruction.
    void waiting(Cause cause, uint64_t cycles = 1) {
        const int index = static_cast<int>(cause);
        segment.cycles[index] += cycles;
        since[index] += cycles;
        if (cause == Cause::branch) {
            if (!last) last = row(last_pc);
            last->cycles[index] += static_cast<uint32_t>(cycles);
        } else {
            waited[index] += cycles;
            waits = true;
        }
    }
    // The cycles in which no instruction retired, since the last call.
    Cycles take_since() {
        const Cycles taken = since;
        since = {};
        return taken;
    }
    // Cycles of the CFU and of its memory port, and the bytes that it asked for by DMA.
    void busy(uint64_t cfu, uint64_t port, uint64_t dma_bytes) {
        segment.cfu_busy += cfu;
        segment.port_busy += port;
        segment.dma_bytes += dma_bytes;
    }

    // Ends a segment before cycle `cycle`; pc: of the instruction that is waited for; mark: what the program says of this border.
    void end_segment(uint64_t cycle, uint32_t pc, uint32_t mark) {
        if (waits) charge(*row(pc));
        segment.end = cycle;
        segment.rows = static_cast<uint32_t>(touched.size());
        segment.mark = mark;
        bool written = std::fwrite(&segment, sizeof segment, 1, file) == 1;
        for (Row* each : touched) {
            written &= std::fwrite(each, sizeof *each, 1, file) == 1;
            *each = Row{};
        }
        if (!written) fail("cannot write", path);
        touched.clear();
        last = nullptr;
        for (int i = 0; i < CAUSE_COUNT; i++) finished[i] += segment.cycles[i];
        segment = Head{};
    }

    // Ends the run before cycle `cycle`, with a member of the JSON object `result`. The causes must add up.
    void finish(FILE* result, uint64_t cycle, uint64_t instructions, uint32_t pc) {
        end_segment(cycle, pc, 0);
        if (std::fclose(file)) fail("cannot write", path);
        uint64_t sum = 0;
        for (int i = 0; i < CAUSE_COUNT; i++) {
            const unsigned long long cycles = finished[i];
            std::fprintf(result, "%s\"%s\": %llu", i ? ", " : ", \"causes\": {", CAUSE_NAMES[i], cycles);
            sum += cycles;
        }
        std::fprintf(result, "}");
        if (sum == cycle && finished[0] == instructions) return;
        std::fprintf(stderr, "%llu cycles have %llu causes, %llu instructions %llu\n", (unsigned long long)cycle,
                     (unsigned long long)sum, (unsigned long long)instructions, (unsigned long long)finished[0]);
        std::exit(4);
    }

private:
    void charge(Row& row) {
        for (int i = 0; i < CAUSE_COUNT; i++) row.cycles[i] += waited[i];
        waited = {};
        waits = false;
    }

    Row* row(uint32_t pc) {
        const uint32_t number = pc / (4 * PAGE_ROWS);
        if (__builtin_expect(number != page_number, 0)) {
            auto& entry = pages[number];
            if (!entry) entry = std::make_unique<Page>();
            page = entry.get(), page_number = number;
        }
        Row* const found = &(*page)[pc / 4 % PAGE_ROWS];
        if (__builtin_expect(!found->pc, 0)) {
            found->pc = pc | 1;  // not 0 at any address
            touched.push_back(found);
        }
        return found;
    }
};
