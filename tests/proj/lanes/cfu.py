"""Dot products of two or four int8 pairs: the parameter `lanes` decides about gateware, packing and scratch memory."""

import numpy as np

from cfukit import Cfu, Fixed, Instruction, int8_lanes


class Dot(Instruction):
    """rd = sum over the lanes of rs1[i] * rs2[i]; higher lanes are not looked at."""

    rs1 = rs2 = "int8 lanes, lane 0 in bits 7:0"
    rd = "int32"
    time = Fixed(latency_cycles=1)

    def __init__(self, lanes):
        super().__init__()
        self.lanes = lanes
        self.params = {"lanes": lanes}

    def gateware(self, m, cmd):
        a, b = cmd.rs1, cmd.rs2
        return sum(
            a.word_select(i, 8).as_signed() * b.word_select(i, 8).as_signed() for i in range(self.lanes)
        )

    def call(self, funct7, rs1, rs2):
        return sum(
            x * y for x, y in zip(int8_lanes(rs1, self.lanes), int8_lanes(rs2, self.lanes), strict=True)
        )


def make_cfu(lanes=4):
    return Cfu({0: Dot(lanes)}, name="lanes", params={"lanes": lanes})


def supports(op, cfu):
    """Inputs that fill whole words of lanes."""
    return op.small_sums and op.filter_shape[1] % cfu.params["lanes"] == 0


def pack(weights, cfu):
    """One word per group of lanes; lanes that the CFU does not have are zero."""
    groups = weights.reshape(-1, cfu.params["lanes"])
    return np.pad(groups, ((0, 0), (0, 4 - groups.shape[1]))).tobytes()


def scratch(op, cfu):
    """A word per group of inputs."""
    return 4 * (op.filter_shape[1] // cfu.params["lanes"])
