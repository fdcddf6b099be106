// Stores that have retired and still wait in the CPU's buffers for the bus, in order.
#pragma once
#include <array>
#include <cstdint>

#include "retired.h"

class Stores {
    std::array<Retired, 16> ring{};  // many more than the CPU buffers
    uint64_t retired = 0, answered = 0;

public:
    void retire(Retired store) { ring[retired++ % ring.size()] = store; }

    // The bus answers a store. Gives that store, or nullptr for the one that waits for the answer in the last stage.
    const Retired* answer() {
        const uint64_t number = answered++;
        return number < retired ? &ring[number % ring.size()] : nullptr;
    }
};
