// The CFU's memory port and DMA port: a cycle of a CFU that has them, and the cycles in which the CPU only waits for it.
#pragma once
#include "core.h"

inline void Core::attach_ports() {
    has_ports = cfu.exists() && (p.memory_port_bits || p.dma_bits);
    if (!has_ports) return;  // a program for the system without its CFU
    for (Memory& memory : memories.all()) {
        if (memory.kind == Memory::dtcm && p.memory_port_bits) cfu_memory.attach(&memory, p.memory_port_bits);
    }
    if (!p.dma_bits) return;
    for (const Memory& memory : memories.all()) {
        if (memory.base == p.main_memory) cfu_dma.attach(memory, p.dma_bits, p.dram.port_bits);
    }
}

// What the CFU says in this cycle. It gets its memory when the CPU does not use it.
STAGE Core::ported_cfu(Signals& s) {
    s.bus_stores = p.direct_bus ? s.command && s.w_write : b.valid && b.write;
    s.ports_rest = !cfu_in.cmd_valid && cfu_rests();
    if (s.ports_rest) {
        cfu_out = CfuOutputs{}, port_out = CfuPortOutputs{};
        return;
    }
    port_in.memory_ready = !(s.w_fires && s.w_write && cfu_memory.has(w_address));
    port_in.memory_answers = cfu_memory.answers;
    std::memcpy(port_in.memory_data, cfu_memory.data, sizeof port_in.memory_data);
    if (cfu_dma.exists) {
        s.dma_held = cfu_dma.holds(s.bus_stores, cfu_in.cmd_valid);
        port_in.dma_ready = cfu_dma.ready(s.dma_held);
        port_in.dma_answers = cfu_dma.answers();
        if (port_in.dma_answers) cfu_dma.element(port_in.dma_data);
    }
    // Where there is one port a load takes it, unless what is in M waits: perhaps for the answer that this cycle may bring.
    const bool divides = M.is(flag::div) && !div_done;
    const bool loads = p.single_ported && E.is(flag::memory) && !E.d->is(flag::store) && !s.load_waits && !s.w_stuck && !divides;
    const bool waits = m_cfu && !answer_kept;
    if (loads && !waits) port_in.memory_ready = false;
    cfu_out = cfu.settle(cfu_in, port_in, port_out);
    if (loads && waits && cfu_out.rsp_valid) {
        port_in.memory_ready = false;
        cfu_out = cfu.settle(cfu_in, port_in, port_out);
    }
}

// It asks for what is not there.
inline bool Core::ports_outside() const {
    return (port_out.memory_asks && port_in.memory_ready && cfu_memory.outside(port_out)) ||
           (port_out.dma_asks && port_in.dma_ready && cfu_dma.outside(port_out));
}

// The clock edge. bus_answers: the DMA port's access over the bus is acknowledged.
inline void Core::clock_ports(bool held, bool bus_answers) {
    const bool quiet = !cfu_in.cmd_valid && !cfu_out.rsp_valid && !port_out.memory_asks && !cfu_memory.answers &&
                       !port_out.dma_asks && cfu_dma.idle();
    if (p.memory_port_bits) cfu_memory.step(port_out, port_out.memory_asks && port_in.memory_ready);
    if (cfu_dma.exists) cfu_dma.step(port_out, held, bus_answers || dram_read.taken, dma_word, dram_read.comes);
    cfu.clock(cycle, quiet);
}

STAGE Core::edge_of_ports(Signals& s) {
    if (p.memory_port_bits) {
        const bool taken = !s.ports_rest && port_out.memory_asks && port_in.memory_ready;
        seen.memory_access = taken;
        seen.memory_outside = taken && cfu_memory.outside(port_out);
        seen.memory_collision = W.is(flag::memory) && s.w_fires && cfu_memory.collided();
        const bool loads = s.e_memory && !s.e_write;
        const uint32_t collides = loads && taken && port_out.memory_writes ? cfu_memory.collides(port_out, e_result) : 0;
        cfu_memory.move(collides, s.m_stuck, s.w_stuck);
        if (!s.w_stuck) w_word = m_word;
        if (!s.m_stuck && loads && cfu_memory.has(e_result)) m_word = cfu_memory.poisoned(e_result, collides);
    }
    if (s.ports_rest) return;
    seen.dma_outside = port_out.dma_asks && port_in.dma_ready && cfu_dma.exists && cfu_dma.outside(port_out);
    clock_ports(s.dma_held, s.dma_ack && cfu_dma.asks_bus());
    cfu_dma.watch(s.bus_stores, s.data_acknowledged && s.bus_stores, s.cfu_command);
}

// What DRAM does in the cycle that comes: the CFU's command sees the stores that DRAM has.
inline void Core::look_ahead() {
    WriteThroughCache::Other other;
    other.asks = cfu_dma.asks_dram(), other.address = cfu_dma.dram_word();
    const bool looked = bus.look_ahead(cycle, other);
    dram_read = looked ? other : WriteThroughCache::Other{};
    if (!dram_read.taken) return;
    const uint32_t address = cfu_dma.dram_address();
    for (uint32_t n = 0; n < std::max(1u, p.dram.port_bits / 32); n++) dma_word[n] = bus_word(address + 4 * n);
    dma_word[0] >>= 8 * (address & 3);  // of a port that is narrower than a word
}

// The pipeline does not move before the CFU answers, and the bus is not the CPU's. Goes on to the cycle of the answer, but not beyond
// `limit`; the number of cycles.
inline uint64_t Core::run_cfu(uint64_t limit, uint64_t& accesses) {
    const uint64_t begin = cycle;
    const bool over_bus = cfu_dma.exists && !bus.writes_through();
    for (; cycle < limit; cycle++) {
        if (!has_ports) {
            CfuPortOutputs none;
            cfu_out = cfu.settle(cfu_in, CfuPortInputs{}, none);
            if (cfu_out.rsp_valid) break;
            cfu.clock(cycle, true);
            continue;
        }
        port_in.memory_ready = true, port_in.memory_answers = cfu_memory.answers;
        std::memcpy(port_in.memory_data, cfu_memory.data, sizeof port_in.memory_data);
        if (cfu_dma.exists) {
            port_in.dma_ready = cfu_dma.ready(false), port_in.dma_answers = cfu_dma.answers();
            if (port_in.dma_answers) cfu_dma.element(port_in.dma_data);
        }
        cfu_out = cfu.settle(cfu_in, port_in, port_out);
        if (cfu_out.rsp_valid || ports_outside()) break;
        accesses += port_out.memory_asks;
        bool bus_answers = false;
        BusRequest dma;
        if (over_bus) {
            bus_answers = bus.ack() && bus.dma_side && cfu_dma.asks_bus();
            if (cfu_dma.asks_bus()) dma.cyc = true, dma.address = cfu_dma.bus_address(), dma.mask = 15;
            if (bus_answers) dma_word[0] = bus_word(dma.address);
        }
        clock_ports(false, bus_answers);
        if (over_bus) bus.step(BusRequest{}, BusRequest{}, dma, cycle, instructions);
        if (bus.writes_through()) cycle++, look_ahead(), cycle--;
    }
    return cycle - begin;
}
