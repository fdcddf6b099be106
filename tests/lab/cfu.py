"""A solution of docs/lab.md: the template's instruction keeps eight sums."""

import numpy as np

from cfukit import Array, Cfu, Fixed, Instruction, Mode, Mux, Signal, int8_lanes

SUMS = 8


class Mac4(Instruction):
    """sum[k] += four products of int8; the mode says which sum, and whether it begins anew."""

    rs1 = rs2 = "four int8, lane 0 in bits 7:0"
    rd = "int32, the new sum"
    modes = [
        *(Mode(k, f"add{k}", f"rd = sum[{k}] += rs1 . rs2") for k in range(SUMS)),
        *(Mode(SUMS + k, f"first{k}", f"rd = sum[{k}] = rs1 . rs2") for k in range(SUMS)),
    ]
    params = {"lanes": 4}
    time = Fixed(latency_cycles=1)

    def __init__(self):
        super().__init__()
        self.sums = Array(Signal(32, name=f"sum{k}") for k in range(SUMS))

    def gateware(self, m, cmd):
        a, b = cmd.rs1, cmd.rs2
        products = [a.word_select(i, 8).as_signed() * b.word_select(i, 8).as_signed() for i in range(4)]
        old, new = self.sums[cmd.funct7[:3]], Signal(32)
        m.d.comb += new.eq(Mux(cmd.funct7[3], 0, old) + sum(products))
        with m.If(cmd.fire):
            m.d.sync += old.eq(new)
        return new

    def reset(self):
        self.values = [0] * SUMS

    def call(self, funct7, rs1, rs2):
        dot = sum(x * y for x, y in zip(int8_lanes(rs1), int8_lanes(rs2), strict=True))
        old = 0 if funct7 & SUMS else self.values[funct7 % SUMS]
        self.values[funct7 % SUMS] = old + dot & 0xFFFFFFFF
        return self.values[funct7 % SUMS]


def make_cfu():
    return Cfu({0: Mac4()}, name="lab", about="int8 products into eight sums")


def supports(op):
    return op.groups == 1 and op.input_shape[0] == 1 and op.small_sums


def pack(weights):
    """[block of 4 output channels][word of 4 taps][4 channels], padded with zeros."""
    rows = weights.reshape(weights.shape[0], -1)
    rows = np.pad(rows, ((0, -rows.shape[0] % 4), (0, -rows.shape[1] % 4)))
    return rows.reshape(rows.shape[0] // 4, 4, -1, 4).transpose(0, 2, 1, 3).tobytes()


def scratch(op):
    """Bytes for the taps of two output positions."""
    _, height, width, channels = op.filter_shape
    return 2 * (-(-height * width * channels // 4) * 4)


def supports_dense(op):
    return op.filter_shape[1] % 4 == 0 and op.small_sums
