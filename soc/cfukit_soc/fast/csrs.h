// Control and status registers of the CPU, and traps.
#pragma once
#include <set>

#include "parameters.h"

struct Csrs {
    const std::set<uint32_t> present;
    const uint32_t cache_size;
    uint32_t misa = 0x40000042, mstatus_mie = 0, mstatus_mpie = 0, mstatus_mpp = 3;
    uint32_t mie = 0, mtvec = 0, mepc = 0, mscratch = 0, mcause = 0, mtval = 0;
    bool mip_external = false, mip_software = false;
    uint32_t mask = 0;        // of external interrupts; bit 31 enables the CFU
    uint32_t lines_before = 0;  // external interrupts one cycle ago
    uint64_t cycle_offset, instret_offset = 0;  // mcycle and minstret can be written

    explicit Csrs(const Parameters& parameters)
        : present(parameters.csrs.begin(), parameters.csrs.end()),
          cache_size(32u << 20 | parameters.dcache_bytes), cycle_offset(0 - uint64_t(parameters.starts_at)) {}

    static bool reads_only(uint32_t number) { return number == 0xCC0 || number == 0xFC0 || number >> 10 == 3; }
    bool allows(uint32_t number, bool reads) const { return present.count(number) && (!reads_only(number) || reads); }

    uint32_t read(uint32_t number, uint64_t cycle, uint64_t instructions) const {
        if (!present.count(number)) return 0;
        switch (number) {
        case 0xCC0: return cache_size;
        case 0xF11: return 0xB;
        case 0xF12: return 0x16;
        case 0xF13: return 0x21;
        case 0x301: return misa;
        case 0x300: return mstatus_mpp << 11 | mstatus_mpie << 7 | mstatus_mie << 3;
        case 0x344: return static_cast<uint32_t>(mip_external) << 11 | static_cast<uint32_t>(mip_software) << 3;
        case 0x304: return mie;
        case 0x305: return mtvec;
        case 0x341: return mepc;
        case 0x340: return mscratch;
        case 0x342: return mcause;
        case 0x343: return mtval;
        case 0xB00:
        case 0xC00: return static_cast<uint32_t>(cycle + cycle_offset);
        case 0xB80:
        case 0xC80: return static_cast<uint32_t>((cycle + cycle_offset) >> 32);
        case 0xB02:
        case 0xC02: return static_cast<uint32_t>(instructions + instret_offset);
        case 0xB82:
        case 0xC82: return static_cast<uint32_t>((instructions + instret_offset) >> 32);
        case 0xBC0: return mask;
        case 0xFC0: return mask & lines_before;
        default: return 0;
        }
    }
    // A write at the end of `cycle`, where `instructions` have retired before it. A counter shows it in the next cycle.
    void write(uint32_t number, uint32_t value, uint64_t cycle, uint64_t instructions, bool interrupts) {
        if (!present.count(number)) return;
        const auto half = [](uint64_t now, uint32_t part, bool high) {
            return high ? (now & 0xFFFFFFFFu) | static_cast<uint64_t>(part) << 32 : (now & ~0xFFFFFFFFull) | part;
        };
        switch (number) {
        case 0x301: misa = value & 0xC3FFFFFF; break;
        case 0x300: mstatus_mpp = value >> 11 & 3, mstatus_mpie = value >> 7 & 1, mstatus_mie = value >> 3 & 1; break;
        case 0x344: mip_software = value >> 3 & 1; break;
        case 0x304: mie = interrupts ? value & 0x888 : 0; break;
        case 0x305: mtvec = value; break;
        case 0x341: mepc = value; break;
        case 0x340: mscratch = value; break;
        case 0x342: mcause = value & 0x8000000F; break;
        case 0x343: mtval = value; break;
        case 0xB00:
        case 0xB80: cycle_offset = half(cycle + 1 + cycle_offset, value, number == 0xB80) - (cycle + 1); break;
        case 0xB02:
        case 0xB82: instret_offset = half(instructions + instret_offset, value, number == 0xB82) - instructions; break;
        case 0xBC0: mask = value; break;
        default: break;
        }
    }
};
