"""A CFU of one instruction: the dot product of four int8 pairs in one cycle."""

import numpy as np

from cfukit import Cfu, Fixed, Instruction, int8_lanes


class Dot4(Instruction):
    """rd = sum over four lanes of rs1[i] * rs2[i]."""

    rs1 = "four int8, lane 0 in bits 7:0"
    rs2 = "four int8, lane 0 in bits 7:0"
    rd = "int32"
    params = {"lanes": 4}
    time = Fixed(latency_cycles=1)

    def gateware(self, m, cmd):
        a, b = cmd.rs1, cmd.rs2
        return sum(a.word_select(i, 8).as_signed() * b.word_select(i, 8).as_signed() for i in range(4))

    def call(self, funct7, rs1, rs2):
        return sum(x * y for x, y in zip(int8_lanes(rs1), int8_lanes(rs2), strict=True))


def make_cfu():
    return Cfu({0: Dot4()}, about="dot product of four int8 pairs")


# --- for the kernel in template.c ----------------------------------------------------------------------------------------


def supports(op):
    """One image, no groups, and sums that suit cfukit_multiply_small. The library's kernels do the rest."""
    return op.groups == 1 and op.input_shape[0] == 1 and op.small_sums


def pack(weights):
    """[block of 4 output channels][word of 4 taps][4 channels], padded with zeros."""
    rows = weights.reshape(weights.shape[0], -1)
    rows = np.pad(rows, ((0, -rows.shape[0] % 4), (0, -rows.shape[1] % 4)))
    return rows.reshape(rows.shape[0] // 4, 4, -1, 4).transpose(0, 2, 1, 3).tobytes()


def scratch(op):
    """Bytes for the taps of one output position."""
    _, height, width, channels = op.filter_shape
    return -(-height * width * channels // 4) * 4
