#pragma once
#include <cstdint>

// An instruction that leaves the last stage.
struct Retired {
    uint32_t pc, instruction;
};
