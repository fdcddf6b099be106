// An instruction word becomes an operation and what the pipeline's control looks at. The control bits are VexRiscv's own
// equations, so that words which are no instructions act on the pipeline as they do there (they are seen on wrong paths).
#pragma once
#include <cstdint>

enum class Op : uint8_t {
    nop, lui, auipc, jal, jalr, beq, bne, blt, bge, bltu, bgeu, lb, lh, lw, lbu, lhu, sb, sh, sw,
    addi, slti, sltiu, xori, ori, andi, slli, srli, srai, add, sub, sll, slt, sltu, xor_, srl, sra, or_, and_,
    mul, mulh, mulhsu, mulhu, div, divu, rem, remu, csr, cfu, fence_i, flush_data, xret, wfi, ecall, illegal,
    stack,    // an addition that moves the stack pointer
    line_end  // no instruction: the next one is in another line
};

namespace flag {
enum : uint32_t {
    use1 = 1 << 0, use2 = 1 << 1, writes = 1 << 2,  // writes: a register other than x0
    early = 1 << 3,   // the result is there in execute
    middle = 1 << 4,  // the result is there in memory
    memory = 1 << 5, store = 1 << 6, side_effect = 1 << 7, csr = 1 << 8, mul = 1 << 9, div = 1 << 10, cfu = 1 << 11,
    fence_i = 1 << 12, flush_data = 1 << 13, branch = 1 << 14, jal = 1 << 15, jalr = 1 << 16,
    predicted = 1 << 17,  // decode jumps
    legal = 1 << 18, xret = 1 << 19, wfi = 1 << 20, ecall = 1 << 21,
    jumps = branch | jal | jalr,
    simple = 1 << 22,  // nothing but a result: no memory, no control flow, no divider, no CFU, no CSR
    // No instruction: the shifter or the divider replaces the value of a CSR, or the address of a store.
    remade = 1 << 23,
};
}

struct Decoded {
    Op op = Op::nop;
    uint8_t rd = 0, rs1 = 0, rs2 = 0;
    uint8_t s1 = 0, s2 = 0, wd = 32;  // for the fast path: 0 where it reads none, 32 where it writes none
    Op fast = Op::nop;                // what the fast path does
    uint32_t flags = flag::legal;
    int32_t immediate = 0;
    uint32_t word = 0x13;
    bool is(uint32_t any) const { return flags & any; }
};

struct DecodeOptions {
    bool multiplier = true, divider = true, prediction = true, csrs = true, traps = true;
};

struct Equation {
    uint32_t mask, value;
};

template <int COUNT>
bool any_of(uint32_t word, const Equation (&equations)[COUNT]) {
    for (const Equation& equation : equations) {
        if ((word & equation.mask) == equation.value) return true;
    }
    return false;
}

// What the shifter takes: bits 0 and 1 of its selection.
inline constexpr Equation shift_low[] = {{0x40003054, 0x40001010}, {0x7034, 0x1010}, {0x2007054, 0x1010}};
inline constexpr Equation shift_high[] = {{0x7034, 0x5010}, {0x2007064, 0x5020}};

inline bool is_legal(uint32_t word) {
    static constexpr Equation equations[] = {
        {0x5f, 0x17}, {0x7f, 0x6f}, {0x7f, 0xb}, {0x106f, 0x3}, {0x107f, 0x1073}, {0x207f, 0x2073}, {0x407f, 0x4063},
        {0x207f, 0x2013}, {0x603f, 0x23}, {0x207f, 0x3}, {0x505f, 0x3}, {0x707b, 0x63}, {0x607f, 0xf},
        {0xfc00007f, 0x33}, {0x1f0707f, 0x500f}, {0xbc00707f, 0x5013}, {0xfc00307f, 0x1013}, {0xbe00707f, 0x5033},
        {0xbe00707f, 0x33}, {0xdfffffff, 0x10200073}, {0xffffffff, 0x10500073}, {0xffffffff, 0x73}};
    return any_of(word, equations);
}

inline uint32_t control_flags(uint32_t word) {
    static constexpr Equation use1[] = {{0x44, 0}, {0x18, 0}, {0x6004, 0x2000}, {0x5004, 0x1000}};
    static constexpr Equation use2[] = {{0xc, 8}, {0x34, 0x20}, {0x64, 0x20}};
    static constexpr Equation writes[] = {{0x48, 0x48}, {0x1010, 0x1010}, {0x2010, 0x2010}, {0x50, 0x10}, {0xc, 4}, {0x24, 0}};
    static constexpr Equation early[] = {{4, 4}, {0x2030, 0x2010}, {0x1030, 0x10}, {0x2002060, 0x2020}, {0x2003020, 0x20}};
    static constexpr Equation middle[] = {{8, 8}, {0x40, 0x40}, {4, 4}, {0x4020, 0x4020}, {0x30, 0x10}, {0x2000020, 0x20}};
    static constexpr Equation side[] = {{0x2040, 0x2040}, {0x1040, 0x1040}, {0x50, 0x40}, {0x400040, 0x40}, {0x18, 0}};
    static constexpr Equation csr[] = {{0x1050, 0x1050}, {0x2050, 0x2050}};
    static constexpr Equation control[] = {{0x48, 0x48}, {0x1c, 4}};
    uint32_t flags = 0;
    if (any_of(word, use1)) flags |= flag::use1;
    if (any_of(word, use2)) flags |= flag::use2;
    if (any_of(word, writes) && (word >> 7 & 31)) flags |= flag::writes;
    if (any_of(word, early)) flags |= flag::early;
    if (any_of(word, middle)) flags |= flag::middle;
    if (any_of(word, side)) flags |= flag::side_effect;
    if (any_of(word, csr)) flags |= flag::csr;
    if ((word & 0x58) == 0) flags |= flag::memory;
    if (word & 0x20) flags |= flag::store;  // means something with `memory` only
    if ((word & 0x5054) == 0x1004) flags |= flag::fence_i;
    if ((word & 0x4054) == 0x4004) flags |= flag::flush_data;
    if ((word & 0xc) == 8) flags |= flag::cfu;
    if ((word & 0x2004074) == 0x2000030) flags |= flag::mul;
    if ((word & 0x2004064) == 0x2004020) flags |= flag::div;
    const bool low = (word & 0x58) == 0x40, high = any_of(word, control);
    if (low && high) flags |= flag::jalr;
    else if (high) flags |= flag::jal;
    else if (low) flags |= flag::branch;
    const bool env_low = (word & 0x403050) == 0x50, env_high = (word & 0x203050) == 0x50;
    if (env_low && env_high) flags |= flag::ecall;
    else if (env_low) flags |= flag::xret;
    else if (env_high) flags |= flag::wfi;
    return flags;
}

inline Op operation(uint32_t word) {
    const uint32_t funct3 = word >> 12 & 7;
    const bool other = word >> 30 & 1;
    const auto from = [funct3](Op first) { return static_cast<Op>(static_cast<int>(first) + static_cast<int>(funct3)); };
    switch (word & 0x7f) {
    case 0x37: return Op::lui;
    case 0x17: return Op::auipc;
    case 0x6f: return Op::jal;
    case 0x67: return Op::jalr;
    case 0x63: {
        static constexpr Op branches[] = {Op::beq, Op::bne, Op::nop, Op::nop, Op::blt, Op::bge, Op::bltu, Op::bgeu};
        return branches[funct3];
    }
    case 0x03: {
        static constexpr Op loads[] = {Op::lb, Op::lh, Op::lw, Op::nop, Op::lbu, Op::lhu, Op::lw, Op::nop};
        return loads[funct3];
    }
    case 0x23: return funct3 == 0 ? Op::sb : funct3 == 1 ? Op::sh : Op::sw;
    case 0x13: {
        static constexpr Op immediates[] = {Op::addi, Op::slli, Op::slti, Op::sltiu, Op::xori, Op::srli, Op::ori, Op::andi};
        return funct3 == 5 && other ? Op::srai : immediates[funct3];
    }
    case 0x33: {
        static constexpr Op plain[] = {Op::add, Op::sll, Op::slt, Op::sltu, Op::xor_, Op::srl, Op::or_, Op::and_};
        if (word >> 25 & 1) return from(Op::mul);
        if (other) return funct3 == 0 ? Op::sub : Op::sra;
        return plain[funct3];
    }
    case 0x0b: return Op::cfu;
    case 0x0f: return funct3 == 1 ? Op::fence_i : funct3 == 5 ? Op::flush_data : Op::nop;
    case 0x73:
        if (funct3) return Op::csr;
        return word == 0x73 ? Op::ecall : word == 0x10500073 ? Op::wfi : Op::xret;
    default: return Op::illegal;
    }
}

inline int32_t immediate_of(uint32_t word, uint32_t flags) {
    const int32_t signed_word = static_cast<int32_t>(word);
    if (flags & flag::jal) {
        return (signed_word >> 31) * 0x100000 | static_cast<int32_t>((word & 0xFF000) | (word >> 9 & 0x800) | (word >> 20 & 0x7FE));
    }
    if (flags & flag::branch) {
        return (signed_word >> 31) * 0x1000 | static_cast<int32_t>((word << 4 & 0x800) | (word >> 20 & 0x7E0) | (word >> 7 & 0x1E));
    }
    if ((word & 0x5f) == 0x17) return static_cast<int32_t>(word & 0xFFFFF000);
    if ((word & 0x7f) == 0x23) return (signed_word >> 25) * 32 | static_cast<int32_t>(word >> 7 & 31);
    return signed_word >> 20;
}

inline Decoded decode(uint32_t word, const DecodeOptions& options) {
    Decoded made;
    made.word = word;
    made.rd = word >> 7 & 31, made.rs1 = word >> 15 & 31, made.rs2 = word >> 20 & 31;
    uint32_t flags = control_flags(word);
    if (!options.multiplier) flags &= ~flag::mul;
    if (!options.divider) flags &= ~flag::div;
    if (!options.csrs) flags &= ~flag::csr;
    if (!options.traps) flags &= ~(flag::xret | flag::wfi | flag::ecall);
    bool legal = is_legal(word);
    if (!options.multiplier && (word & 0xfe00407f) == 0x02000033) legal = false;
    if (!options.divider && (word & 0xfe00407f) == 0x02004033) legal = false;
    const bool shifts = any_of(word, shift_low) || any_of(word, shift_high);
    if (!legal && (flags & (flag::csr | flag::memory)) && (shifts || (flags & flag::div))) flags |= flag::remade;
    made.immediate = immediate_of(word, flags);
    if (options.prediction && !(made.immediate & 2)) {
        if ((flags & flag::jal) || ((flags & flag::branch) && made.immediate < 0)) flags |= flag::predicted;
    }
    if (legal) flags |= flag::legal;
    made.op = legal ? operation(word) : Op::illegal;
    if (made.op == Op::csr && !options.csrs) made.op = Op::illegal;  // no CSR replaces what the ALU computes
    const uint32_t special = flag::memory | flag::jumps | flag::csr | flag::div | flag::cfu | flag::fence_i | flag::flush_data |
                             flag::xret | flag::wfi | flag::ecall;
    if (legal && !(flags & special)) flags |= flag::simple;
    made.flags = flags;
    made.s1 = flags & flag::use1 ? made.rs1 : 0, made.s2 = flags & flag::use2 ? made.rs2 : 0;
    made.wd = flags & flag::writes ? made.rd : 32;
    made.fast = legal ? made.op : Op::illegal;
    if (made.rd == 2 && legal) {  // what the stack watch looks at
        if (made.op == Op::lui || made.op == Op::auipc) made.fast = Op::illegal;
        if ((made.op == Op::addi && made.rs1 == 2) || (made.op == Op::add && (made.rs1 == 2 || made.rs2 == 2))) made.fast = Op::stack;
    }
    return made;
}
