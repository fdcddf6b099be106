"""A CFU in plain Verilog. cfu.v is the gateware; this file has the models, fields and times of its instructions.

cfu.v has the usual `cmd_ready = rsp_ready`. The adapter, which is on by default, makes that safe on this CPU.
"""

from cfukit import Fixed, Instruction, Mode, State, VerilogCfu, int8_lanes

LANES = 4


class Sums(State):
    """Four sums, one per lane."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.values = [0] * LANES


class Lanes(Instruction):
    """sum[i] = (funct7[0] ? 0 : sum[i]) + rs1[i] * rs2[i] in each of four lanes; rd = 0."""

    rs1 = rs2 = "four int8, lane 0 in bits 7:0"
    rd = "0"
    modes = (Mode(0, "add", "sum[i] += rs1[i] * rs2[i]"), Mode(1, "start", "sum[i] = rs1[i] * rs2[i]"))
    time = Fixed(latency_cycles=0)

    def call(self, funct7, rs1, rs2):
        products = [x * w for x, w in zip(int8_lanes(rs1), int8_lanes(rs2), strict=True)]
        old = [0] * LANES if funct7 & 1 else self.state.values
        self.state.values = [(a + b) & 0xFFFFFFFF for a, b in zip(old, products, strict=True)]
        return 0


class Sum(Instruction):
    """rd = sum[funct7[1:0]]."""

    rs1 = rs2 = None
    rd = "int32"
    modes = tuple(Mode(k, f"lane{k}", f"rd = sum[{k}]") for k in range(LANES))
    time = Fixed(latency_cycles=0)

    def call(self, funct7, rs1, rs2):
        return self.state.values[funct7 % LANES]


def make_cfu():
    sums = Sums()
    return VerilogCfu(
        "cfu.v",
        {0: Lanes(name="lanes", state=sums), 1: Sum(name="sum", state=sums)},
        about="four channels of a depthwise convolution at once, in Verilog",
    )


# --- for the kernel in depthwise.c ---------------------------------------------------------------------------------------


def supports(op):
    """3x3, channels that fill whole words, and as many output channels as input channels."""
    plain = op.filter_shape[1:3] == (3, 3) and op.dilation == (1, 1) and op.depth_multiplier == 1
    return plain and op.output_shape[3] % LANES == 0 and op.small_sums


def scratch(op):
    """Bytes for four channels of the image with its border."""
    _, height, width, _ = op.output_shape
    return 4 * ((height - 1) * op.strides[0] + 3) * ((width - 1) * op.strides[1] + 3)
