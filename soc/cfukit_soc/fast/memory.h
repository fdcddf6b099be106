// The memories by address. Contents are what the last store that left the CPU wrote: data accesses see nothing else.
#pragma once
#include <sys/mman.h>

#include "parameters.h"

struct Memory {
    uint32_t base = 0, bytes = 0;
    uint32_t* words = nullptr;
    uint32_t read_cycles = 2, write_cycles = 2;
    enum Kind { bus, itcm, dtcm, boot_rom, flash } kind = bus;
    bool behind_l2 = false;  // its cycles are those of the L2 cache and DRAM
    bool has(uint32_t address) const { return address - base < bytes; }
    uint32_t& word(uint32_t address) { return words[(address - base) / 4]; }
};

class Memories {
    std::vector<Memory> memories;
    Memory nothing;

public:
    explicit Memories(const Parameters& parameters) {
        for (const MemoryParameters& given : parameters.memories) {
            Memory memory;
            memory.base = given.base, memory.bytes = given.bytes;
            memory.read_cycles = given.read_cycles, memory.write_cycles = given.write_cycles;
            if (given.kind == "itcm") memory.kind = Memory::itcm;
            if (given.kind == "dtcm") memory.kind = Memory::dtcm;
            if (given.kind == "flash") memory.kind = Memory::flash;
            memory.behind_l2 = given.kind == "dram";
            if (given.kind == "cpu_rom") memory.kind = Memory::boot_rom;
            void* const room =
                ::mmap(nullptr, memory.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            if (room == MAP_FAILED) fail("cannot allocate", "memory");
            memory.words = static_cast<uint32_t*>(room);
            memories.push_back(memory);
        }
    }
    ~Memories() {
        for (const Memory& memory : memories) ::munmap(memory.words, memory.bytes);
    }
    Memories(const Memories&) = delete;
    Memories& operator=(const Memories&) = delete;
    uint32_t* memory(uint32_t index) { return index < memories.size() ? memories[index].words : nullptr; }
    std::vector<Memory>& all() { return memories; }
    // The memory at `address`, or one without bytes.
    Memory& at(uint32_t address) {
        for (Memory& memory : memories) {
            if (memory.has(address)) return memory;
        }
        return nothing;
    }
    bool has(uint32_t address) { return at(address).bytes != 0; }
};

inline uint32_t merged(uint32_t old, uint32_t mask, uint32_t data) {
    uint32_t bits = 0;
    for (int n = 0; n < 4; n++) {
        if (mask >> n & 1) bits |= 0xFFu << (8 * n);
    }
    return (old & ~bits) | (data & bits);
}
