// Tells whoever started the simulator how far it is. The file holds three words of 64 bits, as this machine stores them: cycle,
// instructions, and the pc of the newest retired instruction. A kill loses at most the last period.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include "words.h"

class ProgressFile {
    int file = -1;

public:
    static constexpr uint64_t PERIOD_CYCLES = 1 << 16;

    explicit ProgressFile(const std::string& path) {
        if (path.empty()) return;
        file = ::open(path.c_str(), O_WRONLY);
        if (file < 0) fail("cannot write", path);
    }
    // An error is no reason to stop: the result does not depend on this file.
    void write(uint64_t cycle, uint64_t instructions, uint32_t pc) const {
        const uint64_t words[] = {cycle, instructions, pc};
        if (file >= 0 && ::pwrite(file, words, sizeof words, 0) < 0) return;
    }
};
