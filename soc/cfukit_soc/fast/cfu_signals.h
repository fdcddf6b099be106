// The signals of a CFU, as its shared library takes and gives them. Words of wide data come lowest first.
#pragma once
#include <cstdint>

struct CfuInputs {
    bool cmd_valid = false, rsp_ready = true;
    uint32_t function = 0, a = 0, b = 0;
};

struct CfuOutputs {
    bool cmd_ready = true, rsp_valid = false;
    uint32_t result = 0;
};

// Of the memory port and the DMA port; a CFU that lacks one ignores its inputs.
struct CfuPortInputs {
    bool memory_ready = true, memory_answers = false;
    bool dma_ready = true, dma_answers = false;
    uint32_t memory_data[4] = {}, dma_data[4] = {};
};

struct CfuPortOutputs {
    bool memory_asks = false, memory_writes = false;
    bool dma_asks = false, dma_takes = false;
    uint32_t memory_address = 0, memory_mask = 0, memory_data[4] = {};
    uint32_t dma_address = 0, dma_count = 0;
};
