"""A CFU in Migen: gateware.py holds the module; here stand its instructions' models, fields and time.

`max4` is max pooling of four channels at once, and with `min4` a fused activation's clamp.
"""

from cfukit import Fixed, Instruction, MigenCfu, int8_lanes


class Lanes(Instruction):
    """What both have in common: fields and time."""

    rs1 = rs2 = "four int8, lane 0 in bits 7:0"
    rd = "four int8"
    params = {"lanes": 4}
    time = Fixed(latency_cycles=1)

    def call(self, funct7, rs1, rs2):
        pairs = zip(int8_lanes(rs1), int8_lanes(rs2), strict=True)
        return sum((self.choose(a, b) & 0xFF) << (8 * i) for i, (a, b) in enumerate(pairs))


class Max4(Lanes):
    """rd[i] = max(rs1[i], rs2[i]) in each of four lanes."""

    choose = staticmethod(max)


class Min4(Lanes):
    """rd[i] = min(rs1[i], rs2[i]) in each of four lanes."""

    choose = staticmethod(min)


def make_cfu():
    return MigenCfu(
        "gateware.py",
        "MinMax",
        {0: Max4(), 1: Min4()},
        name="minmax",
        about="minimum and maximum of four int8 lanes, in Migen",
    )
