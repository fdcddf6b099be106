// The CFU's DMA port (see dma.py): its commands become reads of words of main memory, and the words elements.
#pragma once
#include <array>
#include <cstring>

#include "cfu_signals.h"
#include "memory.h"

template <typename Entry, uint32_t ROOM>
class Queue {
    std::array<Entry, ROOM> entries{};
    uint32_t first = 0;

public:
    uint32_t size = 0;
    bool full() const { return size == ROOM; }
    const Entry& front() const { return entries[first]; }
    void push(const Entry& entry) { entries[(first + size++) % ROOM] = entry; }
    void pop() { first = (first + 1) % ROOM, size--; }
};

class CfuDma {
    static constexpr uint32_t COMMANDS = 4, WORDS_IN_FLIGHT = 16, STORES_ON_THE_WAY = 2;
    struct Walk {
        uint32_t begin, words;
    };
    struct Expected {
        uint32_t skip, count;
    };
    struct Word {
        uint32_t parts[4];
    };
    uint32_t base = 0, bytes = 0, element_bytes = 4, word_bytes = 4, per_word = 1, per_element = 1;
    bool over_bus = false;
    Queue<Walk, COMMANDS> walks;
    Queue<Expected, COMMANDS> expected;
    uint32_t following = 0, left = 0;      // words of the command that is walked through
    Queue<Word, WORDS_IN_FLIGHT> words;    // asked for; the first `come` of them have come
    uint32_t come = 0;
    uint32_t number = 0;                   // of the element in its command
    uint32_t have = 0, before[4] = {};     // words of an element
    uint32_t place = 0;                    // of the element in its word
    bool begins = true;
    uint32_t older_stores = 0;             // of the CPU, which its last CFU instruction found on the bus
    bool reading = false;                  // it wants the bus
    uint64_t asked_bytes = 0;              // since they were taken

public:
    bool exists = false;

    void attach(const Memory& memory, uint32_t element_bits, uint32_t port_bits) {
        exists = true, over_bus = port_bits == 0;
        base = memory.base, bytes = memory.bytes;
        element_bytes = element_bits / 8, word_bytes = over_bus ? 4 : port_bits / 8;
        per_word = std::max(1u, word_bytes / element_bytes), per_element = std::max(1u, element_bytes / word_bytes);
    }
    bool idle() const { return !walks.size && !expected.size && !left && !words.size && !older_stores && !reading; }

    // Stores of the CPU that are older than its last CFU instruction are on their way.
    bool holds(bool stores, bool command) const { return stores && (command || older_stores); }
    bool ready(bool held) const { return !held && !walks.full() && !expected.full(); }
    bool answers() const { return come && (per_element > 1 ? have == per_element - 1 : expected.size != 0); }
    void element(uint32_t* data) const {
        const auto* const word = reinterpret_cast<const uint8_t*>(words.front().parts);
        if (per_element > 1) {
            const uint32_t first = element_bytes - word_bytes;
            std::memcpy(data, before, first);
            std::memcpy(reinterpret_cast<uint8_t*>(data) + first, word, word_bytes);
        } else {
            std::memcpy(data, word + (begins ? expected.front().skip : place) * element_bytes, element_bytes);
        }
    }
    // It asks for nothing, or for what is not in memory or not aligned.
    bool outside(const CfuPortOutputs& cfu) const {
        const uint64_t end = uint64_t(cfu.dma_address - base) + uint64_t(cfu.dma_count) * element_bytes;
        return !cfu.dma_count || cfu.dma_address % element_bytes || end > bytes;
    }
    // What it reads next: of DRAM in words of the port, over the bus an address.
    bool asks_dram() const { return !over_bus && left && !words.full(); }
    uint32_t dram_word() const { return following; }
    uint32_t dram_address() const { return base + following * word_bytes; }
    bool asks_bus() const { return reading; }
    uint32_t bus_address() const { return base + 4 * following; }

    // The clock edge. read: the word that memory has taken the command for, or null; comes: a word comes.
    void step(const CfuPortOutputs& cfu, bool held, bool read, const uint32_t* word, bool comes) {
        const bool took = ready(held) && cfu.dma_asks && cfu.dma_count != 0;
        // Elements
        const bool fires = answers() && cfu.dma_takes;
        const bool last = fires && number + 1 == expected.front().count;
        bool word_leaves = false;
        if (per_element > 1) {
            if (come && (have != per_element - 1 || fires)) {
                std::memmove(before, reinterpret_cast<const uint8_t*>(before) + word_bytes, element_bytes - word_bytes);
                std::memcpy(reinterpret_cast<uint8_t*>(before) + element_bytes - 2 * word_bytes, words.front().parts, word_bytes);
                have = fires ? 0 : have + 1;
                word_leaves = true;
            }
        } else if (fires) {
            const uint32_t at = begins ? expected.front().skip : place;
            word_leaves = last || at == per_word - 1;
            begins = last, place = at == per_word - 1 ? 0 : at + 1;
        }
        if (fires) number = last ? 0 : number + 1;
        // Over the bus a word at a time: the next one is asked for when there is room.
        const bool ready_for_word = !come || word_leaves;
        if (over_bus) reading = reading ? !read : left && ready_for_word;
        if (word_leaves) words.pop(), come--;
        // Addresses
        const bool next = walks.size && (left == 0 || (left == 1 && read));
        if (read) {
            Word asked;
            std::memcpy(asked.parts, word, word_bytes);
            words.push(asked);
            following++, left--;
        }
        if (next) following = walks.front().begin, left = walks.front().words, walks.pop();
        if (comes || (over_bus && read)) come++;
        // Commands
        if (last) expected.pop();
        if (!took) return;
        asked_bytes += uint64_t(cfu.dma_count) * element_bytes;
        const uint32_t offset = cfu.dma_address - base, skip = offset / element_bytes & (per_word - 1);
        const uint32_t count = (skip + cfu.dma_count + per_word - 1) / per_word;
        walks.push({(offset & (bytes - 1)) / word_bytes, count * per_element});
        expected.push({skip, cfu.dma_count});
    }
    uint64_t take_asked() {
        const uint64_t taken = asked_bytes;
        asked_bytes = 0;
        return taken;
    }
    // What the CPU does on the bus and at the CFU's port.
    void watch(bool stores, bool acknowledged, bool command) {
        if (!stores) older_stores = 0;
        else if (acknowledged && older_stores) older_stores--;
        if (stores && command) older_stores = STORES_ON_THE_WAY;
    }
};
