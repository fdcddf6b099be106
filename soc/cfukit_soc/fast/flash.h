// The reader of an SPI flash (see flash.py): in which cycle it answers.
#pragma once
#include <cstdint>

class FlashReader {
    static constexpr uint64_t AWAKE = 161;  // the first cycle in which it takes a request
    static constexpr uint32_t DESELECT_CYCLES = 5, COMMAND_CYCLES = 64, DUMMY_CYCLES = 16, REST_CYCLES = 3;
    uint32_t base = 0, bytes = 0, data_cycles = 0, following = 0;
    bool selected = false;
    uint64_t idle_at = AWAKE, answers_at = 0;

public:
    FlashReader() = default;
    // word_cycles: of a word in sequence.
    FlashReader(uint32_t first, uint64_t end, uint32_t word_cycles)
        : base(first), bytes(static_cast<uint32_t>(end - first)), data_cycles(word_cycles - REST_CYCLES) {}

    bool has(uint32_t address) const { return address - base < bytes; }
    // The cycle in which it acknowledges a word that it is asked for from `cycle` on.
    uint64_t answers(uint64_t cycle, uint32_t address) {
        answers_next(cycle < idle_at ? idle_at : cycle, address);
        return answers_at;
    }
    // Whether it acknowledges in the cycle after `cycle`, in which it is asked for a word.
    bool answers_next(uint64_t cycle, uint32_t address) {
        if (cycle >= idle_at) {
            const bool sequel = selected && address >> 2 == following;
            const uint32_t dummy = data_cycles == 16 ? DUMMY_CYCLES : 0;  // of four lanes
            const uint32_t before = sequel ? 0 : DESELECT_CYCLES + COMMAND_CYCLES + dummy;
            answers_at = cycle + 1 + before + data_cycles;
            idle_at = answers_at + 1;
            selected = true, following = (address >> 2) + 1;
        }
        return cycle + 1 == answers_at;
    }
};
