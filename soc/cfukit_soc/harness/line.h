// The other side of the UART. Standard input is read to its end before the first cycle, so that a run does not depend on when
// bytes arrive; with `live` they are taken as they arrive. Output goes to standard output a line or a block at a time.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "words.h"

class Line {
    std::vector<uint8_t> input, output;
    size_t taken = 0;
    uint64_t shown = 0, repeated = 0;  // bytes of output: all that the program has written, and those that it writes again
    int out;

public:
    explicit Line(bool live = false) : out(::dup(1)) {
        ::dup2(2, 1);  // what Verilog prints ($display) must not be taken for output of the program
        output.reserve(4096);
        if (live) ::fcntl(0, F_SETFL, ::fcntl(0, F_GETFL) | O_NONBLOCK);
        else while (poll()) {}
    }
    // Takes what has arrived; false at the end of standard input.
    bool poll() {
        uint8_t block[65536];
        const ssize_t count = ::read(0, block, sizeof block);
        if (!has_input()) input.clear(), taken = 0;
        if (count > 0) input.insert(input.end(), block, block + count);
        return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
    }
    bool has_input() const { return taken < input.size(); }
    uint8_t next_input() const { return input[taken]; }
    void take_input() { taken++; }
    // The same run begins anew: the input is the same, and output that was shown is not shown again.
    void begin_anew() {
        taken = 0;
        repeated = shown;
    }
    void put(uint8_t byte) {
        if (repeated) {
            repeated--;
            return;
        }
        shown++;
        output.push_back(byte);
        if (byte == '\n' || byte == 0xC0 || output.size() >= 4096) flush();  // 0xC0 ends a record
    }
    void flush() {
        size_t done = 0;
        while (done < output.size()) {
            const ssize_t count = ::write(out, output.data() + done, output.size() - done);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) fail("cannot write", "standard output");
            done += static_cast<size_t>(count);
        }
        output.clear();
    }
};
