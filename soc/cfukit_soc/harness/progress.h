// Tells whoever started the simulator how far it is. The file holds three words of 64 bits, as this machine stores them: cycle,
// instructions, and the pc of the newest retired instruction. A kill loses at most the last period.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <string>


class ProgressFile {
    int file;

public:
    static constexpr uint64_t PERIOD_CYCLES = 1 << 16;

    // path: "" = not told. An error is no reason to stop either: the result does not depend on this file.
    explicit ProgressFile(const std::string& path) : file(path.empty() ? -1 : ::open(path.c_str(), O_WRONLY)) {}
    void write(uint64_t cycle, uint64_t instructions, uint32_t pc) const {
        const uint64_t words[] = {cycle, instructions, pc};
        if (file >= 0 && ::pwrite(file, words, sizeof words, 0) < 0) return;
    }
};
