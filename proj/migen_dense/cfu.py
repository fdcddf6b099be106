"""A CFU in Migen. gateware.py has the module; this file has the model, fields and time of its instruction."""

from cfukit import Fixed, Instruction, MigenCfu, Mode, int8_lanes


class Dot(Instruction):
    """total = (funct7[0] ? 0 : total) + sum over four lanes of rs1[i] * rs2[i]; rd = total."""

    rs1 = rs2 = "four int8, lane 0 in bits 7:0"
    rd = "int32, the new total, modulo 2^32"
    modes = (Mode(0, "add", "total += rs1 . rs2"), Mode(1, "start", "total = rs1 . rs2"))
    time = Fixed(latency_cycles=1)

    def reset(self):
        self.total = 0

    def call(self, funct7, rs1, rs2):
        dot = sum(x * w for x, w in zip(int8_lanes(rs1), int8_lanes(rs2), strict=True))
        self.total = ((0 if funct7 & 1 else self.total) + dot) & 0xFFFFFFFF
        return self.total


def make_cfu():
    return MigenCfu(
        "gateware.py",
        "Dense",
        {0: Dot()},
        about="a running sum of dot products, in Migen",
    )


def supports(op):
    """Inputs that fill whole words."""
    return op.filter_shape[1] % 4 == 0 and op.small_sums
