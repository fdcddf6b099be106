"""The template's CFU: one instruction, the dot product of four int8 pairs in one cycle."""

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
    return Cfu({0: Dot4()}, name="template", about="dot product of four int8 pairs")
