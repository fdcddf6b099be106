// The numbers of a DRAM controller, a command, and one of its banks.
#pragma once
#include <array>
#include <cstdint>

struct DramParameters {
    uint32_t port_bits = 0;                        // 0: there is no DRAM
    uint32_t column_bits = 0, bank_bits = 0;       // of an address at the port
    uint32_t phases = 1;                           // of the DFI
    uint32_t read_latency = 1, write_latency = 1;  // from the multiplexer to the port
    uint32_t turnaround = 1;                       // from reads to writes
    uint32_t rp = 1, rcd = 1, wtp = 1, rc = 1, ras = 1, rrd = 1, ccd = 1, wtr = 1, rfc = 1;  // in cycles, see soc.json
    uint32_t faw = 0, zqcs = 0;                    // 0: the chip has no such limit
    uint32_t refresh_period = 1, zqcs_period = 1;
    uint32_t read_time = 1, write_time = 1;        // before the other direction may go first
    uint32_t l2_bytes = 0;
};

struct DramCommand {
    bool valid = false, write = false;
    uint32_t address = 0;  // in words of the port
};

// A bank machine: the commands that it has taken, the row that is open, and what it is doing.
struct DramBank {
    static constexpr uint32_t QUEUE = 8;  // commands that it takes ahead
    struct Entry {
        bool write = false;
        uint32_t row = 0;
    };
    enum State : uint8_t { regular, precharge, autoprecharge, activate, refresh, waiting };

    std::array<Entry, QUEUE> queue;
    uint32_t first = 0, queued = 0;
    bool current_valid = false, open = false;
    Entry current;
    uint32_t row = 0, port = 0;  // the open row; the port that the bank serves
    State state = regular, then = regular;
    uint64_t waits_until = 0;    // and then it is in state `then`
    uint64_t may_precharge = 0, may_activate = 0, written = 0;  // written: what it wrote is in the chip

    bool lock() const { return queued || current_valid; }
    void wait(uint64_t now, uint32_t cycles, State next) {
        state = cycles > 1 ? waiting : next;
        waits_until = now + cycles, then = next;
    }
    void push(Entry entry) { queue[(first + queued++) % QUEUE] = entry; }
    // The current command is served, or there is none: the next one follows.
    void advance() {
        current_valid = queued != 0;
        if (!queued) return;
        current = queue[first];
        first = (first + 1) % QUEUE, queued--;
    }
};
