// What instructions compute, apart from memory and CSRs.
#pragma once
#include "decode.h"

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
    case Op::mul: return a * b;
    case Op::mulh: return static_cast<uint32_t>((static_cast<int64_t>(s(a)) * s(b)) >> 32);
    case Op::mulhsu: return static_cast<uint32_t>((static_cast<int64_t>(s(a)) * static_cast<int64_t>(b)) >> 32);
    case Op::mulhu: return static_cast<uint32_t>((static_cast<uint64_t>(a) * b) >> 32);
    case Op::div:
    case Op::divu:
    case Op::rem:
    case Op::remu: return divide(d.op, a, b);
    default: return 0;
    }
}

inline bool branch_condition(Op op, uint32_t a, uint32_t b) {
    switch (op) {
    case Op::beq: return a == b;
    case Op::bne: return a != b;
    case Op::blt: return static_cast<int32_t>(a) < static_cast<int32_t>(b);
    case Op::bge: return static_cast<int32_t>(a) >= static_cast<int32_t>(b);
    case Op::bltu: return a < b;
    default: return a >= b;
    }
}

// What a load takes from the word in which its address lies.
inline uint32_t loaded(Op op, uint32_t word, uint32_t address) {
    const uint32_t shifted = word >> (8 * (address & 3));
    switch (op) {
    case Op::lb: return static_cast<uint32_t>(static_cast<int8_t>(shifted));
    case Op::lbu: return shifted & 0xFF;
    case Op::lh: return static_cast<uint32_t>(static_cast<int16_t>(shifted));
    case Op::lhu: return shifted & 0xFFFF;
    default: return word;
    }
}

inline uint32_t size_mask(const Decoded& d, uint32_t address) {
    const uint32_t size = d.word >> 12 & 3;
    return ((size == 0 ? 1u : size == 1 ? 3u : 15u) << (address & 3)) & 15;
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
