// Stores that have retired and still wait in the CPU's buffers for the bus, in order.
#pragma once
#include <array>
#include <cstdint>

struct Retired {
    uint32_t pc, instruction;
};

class Stores {
    std::array<Retired, 16> ring{};  // many more than the CPU buffers
    uint64_t retired = 0, answered = 0;

public:
    void retire(Retired store) { ring[retired++ % ring.size()] = store; }

    // The bus answers a store: which one. nullptr: the one in the last stage, of a CPU that waits for the answer there.
    const Retired* answer() {
        const uint64_t number = answered++;
        return number < retired ? &ring[number % ring.size()] : nullptr;
    }
};
