// The CFU's memory port (see shared_dtcm.py): rows of the data TCM, a cycle later.
#pragma once
#include <cstring>

#include "cfu_signals.h"
#include "memory.h"

class CfuMemory {
    Memory* memory = nullptr;
    uint32_t row_bytes = 4;
    bool collided_in_memory = false, collided_in_write_back = false;

public:
    bool answers = false;
    uint32_t data[4] = {};

    void attach(Memory* dtcm, uint32_t bits) { memory = dtcm, row_bytes = bits / 8; }
    bool has(uint32_t address) const { return memory && memory->has(address); }
    uint32_t word(uint32_t address) const { return memory->word(address); }
    // It asks for what is not there; hardware wraps around.
    bool outside(const CfuPortOutputs& cfu) const { return cfu.memory_address >= memory->bytes || cfu.memory_address % row_bytes; }

    // The bytes of a load in the stage of execute that the CFU writes now.
    uint32_t collides(const CfuPortOutputs& cfu, uint32_t address) const {
        const uint32_t offset = address & 0x7FFFF;
        if (address >> 19 != memory->base >> 19 || offset / row_bytes != cfu.memory_address / row_bytes) return 0;
        return cfu.memory_mask >> (offset % row_bytes & ~3u) & 15;
    }
    // A load that leaves read what the CFU wrote.
    bool collided() const { return collided_in_write_back; }
    // What it reads then: simulated memory gives the inverse of what was there, so that nobody relies on it.
    uint32_t poisoned(uint32_t address, uint32_t bytes_written) const {
        return merged(word(address), bytes_written, ~word(address));
    }
    void move(bool collides_now, bool m_stuck, bool w_stuck) {
        if (!w_stuck) collided_in_write_back = collided_in_memory;
        if (!m_stuck) collided_in_memory = collides_now;
    }

    // The clock edge. taken: what it asks for is done.
    void step(const CfuPortOutputs& cfu, bool taken) {
        answers = taken && !cfu.memory_writes;
        if (!taken) return;
        uint8_t* const row = reinterpret_cast<uint8_t*>(memory->words) + cfu.memory_address % memory->bytes / row_bytes * row_bytes;
        if (answers) {
            std::memcpy(data, row, row_bytes);
            return;
        }
        const auto* const bytes = reinterpret_cast<const uint8_t*>(cfu.memory_data);
        for (uint32_t n = 0; n < row_bytes; n++) {
            if (cfu.memory_mask >> n & 1) row[n] = bytes[n];
        }
    }
};
