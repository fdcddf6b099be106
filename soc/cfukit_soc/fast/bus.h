// The Wishbone that instruction side, data side and a CFU share: round-robin arbiter, memories, CSR bridge, time-out.
#pragma once
#include <memory>
#include <utility>

#include "flash.h"
#include "l2.h"
#include "memory.h"
#include "registers.h"
#include "write_through.h"

struct BusRequest {
    bool cyc = false, write = false;
    uint32_t address = 0, mask = 0, data = 0;
};

class Bus {
    Memories& memories;
    Registers& registers;
    const uint32_t timeout;
    const bool registered_csrs;
    uint32_t count;
    uint32_t waited = 0;
    FlashReader flash;
    std::unique_ptr<L2Cache> l2;
    std::unique_ptr<WriteThroughCache> through;  // instead of that, if the CFU reads DRAM too
    uint64_t l2_answers = 0, l2_idle_at = 0;
    uint64_t promised = 0;  // when the L2 answers the access that begins next, if that is known already

public:
    bool data_side = false, dma_side = false;  // who has the grant; neither: the instruction side
    bool acknowledged = false;  // by a slave, in this cycle
    bool timed_out = false;
    uint32_t answer = 0;

    Bus(Memories& memories_, Registers& registers_, const Parameters& p)
        : memories(memories_), registers(registers_), timeout(p.bus_timeout_cycles), registered_csrs(p.registered_csrs), count(timeout) {
        for (const Memory& memory : memories.all()) {
            if (memory.behind_l2 && p.dma_bits) through = std::make_unique<WriteThroughCache>(p.dram, memory.base);
            else if (memory.behind_l2) l2 = std::make_unique<L2Cache>(p.dram, memory.base);
            if (memory.kind == Memory::flash) flash = {p.flash_base, uint64_t(memory.base) + memory.bytes, memory.read_cycles};
        }
    }

    bool ack() const { return acknowledged || count == 0; }
    bool error() const { return count == 0; }
    bool writes_through() const { return through != nullptr; }
    bool works_through() const { return through && through->busy(); }
    bool idle() const { return !acknowledged && count == timeout && waited == 0; }

    // As if nothing had been asked for.
    void reset(bool data) {
        data_side = data, dma_side = false;
        acknowledged = false, waited = 0, count = timeout, promised = 0;
    }
    // The cycle that acknowledges an access which has the bus from `granted` on. The L2 wants to hear of all in their order.
    uint64_t ends(const Memory& memory, uint64_t granted, uint32_t address, bool write) {
        if (memory.behind_l2) return through ? through->answers(granted, address, write) : l2->answers(granted, address, write);
        return granted + std::max(write ? memory.write_cycles : memory.read_cycles, 2u) - 1;
    }
    // Of the data access that has the bus in cycle `now`: its first cycle there.
    uint64_t began(uint64_t now) const { return now - (timeout - count); }
    // The cycle before the L2 answers the instruction side, or `cycle` if the L2 is not at work for it.
    uint64_t code_comes(uint64_t cycle) {
        if (data_side || dma_side || acknowledged) return cycle;
        if (through && through->busy()) l2_answers = through->finish(), l2_idle_at = l2_answers + 1;
        return l2_idle_at > cycle ? l2_answers - 1 : cycle;
    }
    // `cycles` in which nobody answers; false if the time-out comes before.
    bool wait(uint64_t cycles) {
        if (cycles >= count) return false;
        count -= static_cast<uint32_t>(cycles);
        return true;
    }
    // As `ends`, in cycle `now`, for an access that may have begun before.
    uint64_t known_end(const Memory& memory, uint64_t now, uint64_t granted, uint32_t address, bool write) {
        if (!memory.behind_l2) return ends(memory, granted, address, write);
        if (granted < now && through && now >= l2_idle_at) return acknowledged ? now : through->finish();
        if (granted < now) return l2_answers;
        return promised ? std::exchange(promised, 0) : ends(memory, granted, address, write);
    }
    // The cycle in which the flash acknowledges a load that has the bus from `granted` on.
    uint64_t flash_answers(uint64_t granted, uint32_t address) { return flash.answers(granted, address); }
    // In cycle `now` of a data access that has the bus from `granted` on and is acknowledged in `ends`.
    void resume(uint64_t now, uint64_t granted, uint64_t ends) {
        data_side = granted <= now;
        if (!data_side) return;
        l2_answers = ends, l2_idle_at = ends + 1;
        acknowledged = now == ends;
        count = timeout - static_cast<uint32_t>(now - granted);
        waited = acknowledged ? 0 : static_cast<uint32_t>(now - granted);
    }

    // `ends` of an access that has the bus next.
    void promise(const Memory& memory, uint64_t ends) { promised = memory.behind_l2 ? ends : 0; }

    // The clock edge at the end of a cycle.
    void step(const BusRequest& instruction, const BusRequest& data, const BusRequest& dma, uint64_t cycle, uint64_t instructions) {
        const BusRequest& request = dma_side ? dma : data_side ? data : instruction;
        const bool waits = request.cyc && !ack();
        bool next = false;
        if (request.cyc && !acknowledged) {
            if (Registers::has(request.address) && registered_csrs && waited == 0) {
                waited = 1;
            } else if (Registers::has(request.address)) {
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
                if (memory.behind_l2) {
                    next = l2_answers_next(cycle, request);
                } else if (memory.bytes && memory.kind == Memory::bus) {
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
        if (!request.cyc) pass_on(instruction.cyc, data.cyc, dma.cyc);
    }
    // After the clock edge: what L2 and DRAM do in the cycle that comes, where a CFU reads DRAM too. False if that is known already.
    bool look_ahead(uint64_t cycle, WriteThroughCache::Other& other) {
        if (!through || through->now() > cycle) return false;
        through->idle_until(cycle);
        if (through->cycle(other)) acknowledged = true;
        return true;
    }

private:
    // Round robin: instruction side, data side, CFU.
    void pass_on(bool instruction, bool data, bool dma) {
        const bool asks[] = {instruction, data, dma};
        const uint32_t now = dma_side ? 2 : data_side;
        for (uint32_t n = 1; n < 3; n++) {
            const uint32_t next = (now + n) % 3;
            if (!asks[next]) continue;
            data_side = next == 1, dma_side = next == 2;
            return;
        }
    }
    bool l2_answers_next(uint64_t cycle, const BusRequest& request) {
        if (cycle >= l2_idle_at && through && !promised) {
            if (!through->busy()) through->ask(request.address, request.write);
            return false;  // `look_ahead` tells
        }
        if (cycle >= l2_idle_at) {
            l2_answers = promised ? promised : l2->answers(cycle, request.address, request.write);
            l2_idle_at = l2_answers + 1, promised = 0;
        }
        return cycle + 1 == l2_answers;
    }
};
