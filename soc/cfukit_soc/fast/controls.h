// What VexRiscv does with a word that is no instruction: its decoder's outputs for the stages E to W, and what they compute. Without
// traps such a word is executed. The equations are those of VexRiscv_FullCfu.v, which every CPU is made from.
#pragma once
#include "decode.h"

namespace controls {

// Bits of the selections
inline constexpr Equation src1_low[] = {{0x44, 4}, {0x4050, 0x4050}}, src1_high[] = {{0x14, 4}, {0x4050, 0x4050}};
inline constexpr Equation src2_low[] = {{4, 4}, {0x20, 0}}, src2_high[] = {{4, 4}, {0x70, 0x20}};
inline constexpr Equation alu_low[] = {{0x6014, 0x2010}}, alu_high[] = {{0x4014, 0x4010}};
inline constexpr Equation bitwise_low[] = {{0x3000, 0x2000}}, bitwise_high[] = {{0x1000, 0x1000}};

inline constexpr Equation subtracts[] = {{0x44, 0x40}, {0x2014, 0x2010}, {0x40000034, 0x40000030}};
inline constexpr Equation adds_zero[] = {{0x64, 0x24}};
inline constexpr Equation less_unsigned[] = {{0x2010, 0x2000}, {0x5000, 0x1000}};

enum Source1 : uint32_t { rs1, upper, four, rs1_number };
enum Source2 : uint32_t { rs2, i_immediate, s_immediate, pc };
enum Alu : uint32_t { sum, less, bits };
enum Bits : uint32_t { or_ = 1, and_ };  // else xor
enum Shift : uint32_t { none, left, right, arithmetic };

template <int LOW, int HIGH>
uint32_t selected(uint32_t word, const Equation (&low)[LOW], const Equation (&high)[HIGH]) {
    return static_cast<uint32_t>(any_of(word, low)) | static_cast<uint32_t>(any_of(word, high)) << 1;
}

inline uint32_t shift_of(uint32_t word) { return selected(word, shift_low, shift_high); }

// The operands that the ALU, the shifter and the comparison share, and what they make of them.
struct Operands {
    uint32_t word, a, b;  // a, b: sources 1 and 2

    Operands(uint32_t word_, uint32_t x1, uint32_t x2, uint32_t pc_) : word(word_) {
        const auto signed_word = static_cast<int32_t>(word);
        const auto high = static_cast<uint32_t>(signed_word >> 25);
        switch (selected(word, src1_low, src1_high)) {
        case rs1: a = x1; break;
        case upper: a = word & 0xFFFFF000; break;
        case four: a = 4; break;
        default: a = word >> 15 & 31;
        }
        switch (selected(word, src2_low, src2_high)) {
        case rs2: b = x2; break;
        case i_immediate: b = static_cast<uint32_t>(signed_word >> 20); break;
        case s_immediate: b = high << 5 | (word >> 7 & 31); break;
        default: b = pc_;
        }
    }
    uint32_t added() const {
        if (any_of(word, subtracts)) return a - b;
        return any_of(word, adds_zero) ? a : a + b;
    }
    bool is_less() const {
        if ((a ^ b) >> 31 == 0) return added() >> 31;
        return (any_of(word, less_unsigned) ? b : a) >> 31;
    }
    uint32_t of_alu() const {
        switch (selected(word, alu_low, alu_high)) {
        case less: return is_less();
        case bits: {
            const uint32_t kind = selected(word, bitwise_low, bitwise_high);
            return kind == and_ ? a & b : kind == or_ ? a | b : a ^ b;
        }
        default: return added();
        }
    }
    uint32_t shifted() const {
        const uint32_t places = b & 31;
        switch (shift_of(word)) {
        case left: return a << places;
        case right: return a >> places;
        default: return static_cast<uint32_t>(static_cast<int32_t>(a) >> places);
        }
    }
    bool branches() const {
        const uint32_t funct3 = word >> 12 & 7;
        if (funct3 < 2) return (a == b) == (funct3 == 0);
        return is_less() != ((funct3 & 5) == 5);
    }
};

}  // namespace controls
