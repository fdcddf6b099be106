// The Wishbone that instruction and data side share: round-robin arbiter, memories, CSR bridge, time-out.
#pragma once
#include "flash.h"
#include "memory.h"
#include "registers.h"

struct BusRequest {
    bool cyc = false, write = false;
    uint32_t address = 0, mask = 0, data = 0;
};

class Bus {
    Memories& memories;
    Registers& registers;
    const uint32_t timeout;
    uint32_t count;
    uint32_t waited = 0;
    FlashReader flash;

public:
    bool data_side = false;  // who has the grant
    bool acknowledged = false;  // by a slave, in this cycle
    bool timed_out = false;
    uint32_t answer = 0;

    Bus(Memories& memories_, Registers& registers_, const Parameters& p)
        : memories(memories_), registers(registers_), timeout(p.bus_timeout_cycles), count(timeout) {
        for (const Memory& memory : memories.all()) {
            if (memory.kind == Memory::flash) flash = {p.flash_base, uint64_t(memory.base) + memory.bytes, memory.read_cycles};
        }
    }

    bool ack() const { return acknowledged || count == 0; }
    bool error() const { return count == 0; }
    bool idle() const { return !acknowledged && count == timeout && waited == 0; }

    // As if nothing had been asked for.
    void reset(bool data) {
        data_side = data;
        acknowledged = false, waited = 0, count = timeout;
    }
    // In cycle `now` of a data access that has the bus from `granted` on and is acknowledged in `ends`.
    void resume(uint64_t now, uint64_t granted, uint64_t ends) {
        data_side = granted <= now;
        if (!data_side) return;
        acknowledged = now == ends;
        count = timeout - static_cast<uint32_t>(now - granted);
        waited = acknowledged ? 0 : static_cast<uint32_t>(now - granted);
    }

    // The clock edge at the end of a cycle.
    void step(const BusRequest& instruction, const BusRequest& data, uint64_t cycle, uint64_t instructions) {
        const BusRequest& request = data_side ? data : instruction;
        const bool waits = request.cyc && !ack();
        bool next = false;
        if (request.cyc && !acknowledged) {
            if (Registers::has(request.address)) {
                next = true;
                if (request.write) {
                    if (request.mask) registers.write(request.address, request.data, cycle);
                } else if (request.mask) {
                    answer = registers.read(request.address, cycle, instructions);
                }
            } else if (flash.has(request.address)) {
                next = flash.answers_next(cycle, request.address);
            } else {
                Memory& memory = memories.at(request.address);
                if (memory.bytes && memory.kind == Memory::bus) {
                    const uint32_t cycles = request.write ? memory.write_cycles : memory.read_cycles;
                    if (waited + 2 >= cycles) next = true;
                    else waited++;
                }
            }
        }
        if (acknowledged || !request.cyc) waited = 0;
        acknowledged = next;
        if (!waits) count = timeout;
        else if (count) count--;
        if (data_side ? !data.cyc && instruction.cyc : !instruction.cyc && data.cyc) data_side = !data_side;
    }
};
