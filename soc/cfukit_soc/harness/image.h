// Loads the memories. Image file: chunks of {u32 memory index, u32 byte offset, u32 byte count, bytes}, little endian;
// offsets and counts are multiples of 4, checked against the memory's size by whoever wrote the file.
#pragma once
#include "words.h"

template <typename System>
void load_image(System& system, const std::string& path) {
    FILE* const file = std::fopen(path.c_str(), "rb");
    if (!file) fail("cannot read the memory image", path);
    uint32_t header[3];
    while (std::fread(header, sizeof header, 1, file) == 1) {
        uint32_t* const memory = system.memory(header[0]);
        if (header[2] && std::fread(memory + header[1] / 4, header[2], 1, file) != 1) {
            fail("the memory image is truncated", path);
        }
    }
    std::fclose(file);
}
