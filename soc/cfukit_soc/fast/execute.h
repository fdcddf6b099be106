// What instructions compute, apart from memory and CSRs.
#pragma once
#include "controls.h"

inline uint32_t divide(Op op, uint32_t a, uint32_t b) {
    const int32_t sa = static_cast<int32_t>(a), sb = static_cast<int32_t>(b);
    const bool overflow = a == 0x80000000u && b == 0xFFFFFFFFu;
    switch (op) {
    case Op::div: return b == 0 ? 0xFFFFFFFFu : overflow ? a : static_cast<uint32_t>(sa / sb);
    case Op::divu: return b == 0 ? 0xFFFFFFFFu : a / b;
    case Op::rem: return b == 0 ? a : overflow ? 0 : static_cast<uint32_t>(sa % sb);
    default: return b == 0 ? a : a % b;
    }
}

inline uint32_t multiply(uint32_t kind, uint32_t a, uint32_t b) {
    const auto sa = static_cast<int64_t>(static_cast<int32_t>(a));
    switch (kind) {
    case 0: return a * b;
    case 1: return static_cast<uint32_t>((sa * static_cast<int32_t>(b)) >> 32);
    case 2: return static_cast<uint32_t>((sa * static_cast<int64_t>(b)) >> 32);
    default: return static_cast<uint32_t>((static_cast<uint64_t>(a) * b) >> 32);
    }
}

// Of a word that is no instruction: the result that M has of it.
inline uint32_t compute_in_memory(const Decoded& d, uint32_t a, uint32_t b, uint32_t pc) {
    const controls::Operands operands(d.word, a, b, pc);
    if (d.is(flag::div)) return divide(static_cast<Op>(static_cast<uint32_t>(Op::div) + (d.word >> 12 & 3)), a, b);
    return controls::shift_of(d.word) ? operands.shifted() : operands.of_alu();
}

// Of a word that is no instruction: what the last of the units that work on it gives, or the address of an access.
inline uint32_t compute_nonsense(const Decoded& d, uint32_t a, uint32_t b, uint32_t pc) {
    if (d.is(flag::memory)) return controls::Operands(d.word, a, b, pc).added();
    if (d.is(flag::mul)) return multiply(d.word >> 12 & 3, a, b);
    return compute_in_memory(d, a, b, pc);
}

inline uint32_t compute(const Decoded& d, uint32_t a, uint32_t b, uint32_t pc) {
    const uint32_t immediate = static_cast<uint32_t>(d.immediate);
    const auto s = [](uint32_t value) { return static_cast<int32_t>(value); };
    switch (d.op) {
    case Op::lui: return immediate;
    case Op::auipc: return pc + immediate;
    case Op::jal:
    case Op::jalr: return pc + 4;
    case Op::addi: return a + immediate;
    case Op::slti: return s(a) < d.immediate;
    case Op::sltiu: return a < immediate;
    case Op::xori: return a ^ immediate;
    case Op::ori: return a | immediate;
    case Op::andi: return a & immediate;
    case Op::slli: return a << (immediate & 31);
    case Op::srli: return a >> (immediate & 31);
    case Op::srai: return static_cast<uint32_t>(s(a) >> (immediate & 31));
    case Op::add: return a + b;
    case Op::sub: return a - b;
    case Op::sll: return a << (b & 31);
    case Op::slt: return s(a) < s(b);
    case Op::sltu: return a < b;
    case Op::xor_: return a ^ b;
    case Op::srl: return a >> (b & 31);
    case Op::sra: return static_cast<uint32_t>(s(a) >> (b & 31));
    case Op::or_: return a | b;
    case Op::and_: return a & b;
    case Op::mul:
    case Op::mulh:
    case Op::mulhsu:
    case Op::mulhu: return multiply(d.word >> 12 & 3, a, b);
    case Op::div:
    case Op::divu:
    case Op::rem:
    case Op::remu: return divide(d.op, a, b);
    case Op::illegal: return compute_nonsense(d, a, b, pc);
    default: return 0;
    }
}

inline bool branch_condition(const Decoded& d, uint32_t a, uint32_t b, uint32_t pc) {
    switch (d.op) {
    case Op::beq: return a == b;
    case Op::bne: return a != b;
    case Op::blt: return static_cast<int32_t>(a) < static_cast<int32_t>(b);
    case Op::bge: return static_cast<int32_t>(a) >= static_cast<int32_t>(b);
    case Op::bltu: return a < b;
    case Op::illegal: return controls::Operands(d.word, a, b, pc).branches();
    default: return a >= b;
    }
}

// What a load takes from the word in which its address lies.
inline uint32_t loaded(const Decoded& d, uint32_t word, uint32_t address) {
    const uint32_t shifted = word >> (8 * (address & 3));
    switch (d.word >> 12 & 7) {
    case 0: return static_cast<uint32_t>(static_cast<int8_t>(shifted));
    case 4: return shifted & 0xFF;
    case 1: return static_cast<uint32_t>(static_cast<int16_t>(shifted));
    case 5: return shifted & 0xFFFF;
    default: return word;
    }
}

inline uint32_t size_mask(const Decoded& d, uint32_t address) {
    static constexpr uint32_t masks[] = {1, 3, 15, 0};  // the D$ leaves the last one open, which is 0 in the RTL's simulation
    return masks[d.word >> 12 & 3] << (address & 3) & 15;
}
inline bool is_unaligned(const Decoded& d, uint32_t address) {
    const uint32_t size = d.word >> 12 & 3;
    return size == 2 ? (address & 3) != 0 : size == 1 && (address & 1);
}
inline uint32_t store_lanes(const Decoded& d, uint32_t value) {
    const uint32_t size = d.word >> 12 & 3;
    if (size == 0) return (value & 0xFF) * 0x01010101u;
    if (size == 1) return (value & 0xFFFF) * 0x00010001u;
    return value;
}
