// Whether the stack pointer leaves the runtime's own stack at its lower end.
#pragma once
#include <cstdint>

class StackWatch {
    const uint32_t bottom, top;
    bool on_stack = false;
    uint64_t upper_half = UINT64_MAX;  // the instruction that wrote the upper half of an address to sp

    static constexpr uint32_t LUI = 0x37, AUIPC = 0x17, OP_IMM = 0x13, OP = 0x33, SP = 2;

public:
    StackWatch(uint32_t stack_bottom, uint32_t stack_top) : bottom(stack_bottom), top(stack_top) {}

    // sp is `value`, by instructions that were not shown, the last of them none that writes half an address.
    void resume(uint32_t value) { on_stack = bottom <= value && value <= top; }

    // An instruction that writes `value` to sp retires; `number` counts retired instructions.
    // A function's frame is an addition to sp. What loads another value into sp switches to another stack, which is not watched.
    bool overflows(uint64_t number, uint32_t instruction, uint32_t value) {
        const uint32_t opcode = instruction & 0x7F, rs1 = instruction >> 15 & 0x1F, rs2 = instruction >> 20 & 0x1F;
        const bool adds = (opcode == OP_IMM && rs1 == SP) || (opcode == OP && (rs1 == SP || rs2 == SP));
        const bool lower_half = upper_half + 1 == number;  // `la sp, symbol` is lui or auipc, then addi
        if (on_stack && adds && !lower_half && value < bottom) return true;
        if (opcode == LUI || opcode == AUIPC) upper_half = number;
        resume(value);
        return false;
    }
};
