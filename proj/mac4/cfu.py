"""mac4: four int8 products per cycle, summed into one of eight 32-bit accumulators inside the CFU.

It suits register-blocked loops. Each loaded word of activations or weights is used several times, every `mac4` takes one cycle, and
sums need no CPU register: the last `mac4` of a sum returns it.

    cfu_mac4_start3(x, w)     accumulator 3 = x . w        (begins a sum)
    cfu_mac4_add3(x, w)       accumulator 3 += x . w
    cfu_acc_set3(bias)        accumulator 3 = bias

All return the accumulator's new value. With k a constant expression: `cfu_mac4_op(CFU_MAC4_START0 + k, x, w)`,
`cfu_mac4_op(CFU_MAC4_ADD0 + k, x, w)`, `cfu_acc_op(k, value, 0)`.
"""

from math import prod

import numpy as np

from cfukit import Cfu, Fixed, Instruction, Memory, Mode, Mux, Signal, State, int8_lanes, signed

MAX_ACCUMULATORS = 8
START = 8  # funct7 bit 3: do not add the old value


class Accumulators(State):
    """acc[k] = (fresh ? 0 : acc[k]) + term, for every command. Each instruction drives `term` and `fresh`.

    The accumulators are a memory, which takes a quarter of the LUTs of registers with a multiplexer. It is read while the products
    are made, and the sum is written in the next cycle. A command for the accumulator that is being written takes the sum of that
    cycle.
    """

    def __init__(self, count: int):
        self.count = count
        self.term, self.fresh = Signal(signed(32)), Signal()
        self.used, self.writes = Signal(), Signal()  # a command is accepted; its sum is written
        self.total = Signal(signed(32))
        self.reset()

    def number(self, cmd):
        return cmd.funct7[: (self.count - 1).bit_length()]

    def sum(self, m, cmd):
        """Compute `total` for the command, one register later."""
        m.submodules.memory = memory = Memory(
            shape=signed(32), depth=self.count, init=[], attrs={"no_rw_check": 1}
        )
        read, write = memory.read_port(), memory.write_port()
        k, known, last = self.number(cmd), Signal(self.count), Signal(signed(32))
        number = cmd.pipe(k)
        zero = cmd.pipe(
            self.fresh | ~known.bit_select(k, 1)
        )  # after reset all count as zero, whatever the memory holds
        again = cmd.pipe(self.writes & (number == k))
        m.d.comb += [
            read.addr.eq(k),
            read.en.eq(cmd.advance),
            self.total.eq(Mux(zero, 0, Mux(again, last, read.data)) + cmd.pipe(self.term)),
            write.addr.eq(number),
            write.data.eq(self.total),
            write.en.eq(self.writes),
        ]
        with m.If(self.writes):
            m.d.sync += last.eq(self.total)
        with m.If(self.used):
            m.d.sync += known.bit_select(k, 1).eq(1)

    def reset(self):
        self.values = [0] * self.count


class Mac4(Instruction):
    """acc[k] = (funct7[3] ? 0 : acc[k]) + sum over four lanes of rs1[i] * rs2[i], k = funct7[2:0]; rd is the new acc[k]."""

    rs1 = "four int8, lane 0 in bits 7:0"
    rs2 = "four int8, lane 0 in bits 7:0"
    rd = "int32, the new acc[k], modulo 2^32"
    time = Fixed(latency_cycles=1)
    own_registers = True

    def __init__(self, state):
        super().__init__(state=state)
        self.params = {"lanes": 4, "accumulators": state.count}
        self.modes = [Mode(k, f"add{k}", f"acc[{k}] += rs1 . rs2") for k in range(state.count)] + [
            Mode(START + k, f"start{k}", f"acc[{k}] = rs1 . rs2") for k in range(state.count)
        ]

    def gateware(self, m, cmd):
        state = self.state
        products = [
            cmd.rs1.word_select(i, 8).as_signed() * cmd.rs2.word_select(i, 8).as_signed() for i in range(4)
        ]
        m.d.comb += [
            state.term.eq((products[0] + products[1]) + (products[2] + products[3])),
            state.fresh.eq(cmd.funct7[3]),
            state.used.eq(cmd.fire),
            state.writes.eq(cmd.fire_after(1)),
        ]
        state.sum(m, cmd)
        return state.total

    def call(self, funct7, rs1, rs2):
        values = self.state.values
        k = funct7 % self.state.count
        dot = sum(x * w for x, w in zip(int8_lanes(rs1), int8_lanes(rs2), strict=True))
        values[k] = (dot if funct7 & START else values[k] + dot) & 0xFFFF_FFFF
        return values[k]


class Acc(Instruction):
    """acc[k] = rs1, k = funct7[2:0]; rd is the new acc[k]."""

    rs1 = "int32, the new acc[k] (a bias, say)"
    rs2 = None
    rd = "int32, the new acc[k]"
    time = Fixed(latency_cycles=1)
    own_registers = True
    version = 2

    def __init__(self, state):
        super().__init__(state=state)
        self.modes = [Mode(k, f"set{k}", f"acc[{k}] = rs1") for k in range(state.count)]

    def gateware(self, m, cmd):
        state = self.state
        with m.If(cmd.fire):
            m.d.comb += [state.term.eq(cmd.rs1), state.fresh.eq(1), state.used.eq(1)]
        with m.If(cmd.fire_after(1)):
            m.d.comb += state.writes.eq(1)
        return state.total

    def call(self, funct7, rs1, rs2):
        k = funct7 % self.state.count
        self.state.values[k] = rs1
        return rs1


def make_cfu(accumulators=8):
    """accumulators: 2, 4 or 8; fewer are smaller."""
    if accumulators not in (2, 4, MAX_ACCUMULATORS):
        raise ValueError(f"accumulators is {accumulators}; 2, 4 or 8 are possible")
    state = Accumulators(accumulators)
    return Cfu(
        {0: Mac4(state), 1: Acc(state)},
        about="4-lane int8 multiply-accumulate into 8 accumulators",
        params={"accumulators": accumulators},
    )


# --- for the kernels in mac4.c -------------------------------------------------------------------------------------------

TILE_BYTES = 2048  # half of the data cache for rows, the rest for weights


def supports(op):
    """Every shape, if the sums suit cfukit_rescale. Those of real models do."""
    return op.small_sums


def pack_blocks(weights):
    """[block of 4 output channels][word of 4 taps][4 channels], padded with zeros."""
    rows = weights.reshape(weights.shape[0], -1)
    blocks, words = -(-rows.shape[0] // 4), -(-rows.shape[1] // 4)
    padded = np.zeros((blocks * 4, words * 4), np.int8)
    padded[: rows.shape[0], : rows.shape[1]] = rows
    return padded.reshape(blocks, 4, words, 4).transpose(0, 2, 1, 3).tobytes()


def supports_depthwise(op):
    """One input channel: such a depthwise convolution is a convolution."""
    return op.small_sums and op.input_shape[3] == 1


def pack_depthwise(weights):
    """[1, height, width, outputs] as the filters of a convolution."""
    return pack_blocks(weights.reshape(-1, weights.shape[3]).T)


def conv_scratch(op):
    """Bytes for the taps of an even number of output positions. A 1x1 convolution whose input has that form already needs none."""
    height, width = op.filter_shape[1:3]
    channels = op.input_shape[3] // op.groups
    in_place = (height, width) == (1, 1) and op.strides == (1, 1) and op.groups == 1 and not any(op.padding)
    if in_place and channels % 4 == 0:
        return 0
    row_bytes = -(-height * width * channels // 4) * 4
    positions = op.output_shape[1] * op.output_shape[2]
    return row_bytes * min(max(2, TILE_BYTES // row_bytes // 2 * 2), positions)


def fully_connected_scratch(op):
    depth = op.filter_shape[1]
    batches = prod(op.input_shape) // depth
    return 0 if depth % 4 == 0 else batches * -(-depth // 4) * 4
