"""The four instructions: set the job, feed the stores, start a pixel, get its results."""

import numpy as np
from size import CHANNELS, LANES, WEIGHT_ROWS

from cfukit import Fixed, Instruction, Mode, Mux, SequentialInstruction, Signal, Variable, to_signed

DEPTHWISE = 1 << 15  # in rs2 of set_shape


class _AtOnce(Instruction):
    """Accepted in every cycle."""

    rd = "0"
    time = Fixed(latency_cycles=1)


class Set(_AtOnce):
    """Set registers of the jobs. Jobs under way end."""

    rs1 = "shape: rows of a block | rows of a window << 16. range: zero point | lowest << 8 | highest result << 16, each an int8"
    rs2 = "shape: results | 1 << 15 for a depthwise convolution | rows from one row of a block to the next << 16"
    modes = [Mode(0, "shape"), Mode(1, "range")]

    def gateware(self, m, cmd):
        pixel = self.state
        with m.If(cmd.fire):
            m.d.comb += pixel.stops.eq(1)
            with m.If(cmd.funct7[0]):
                m.d.sync += [
                    pixel.zero_point.eq(cmd.rs1[:8]),
                    pixel.low.eq(cmd.rs1[8:16]),
                    pixel.high.eq(cmd.rs1[16:24]),
                ]
            with m.Else():
                m.d.sync += [pixel.rows.eq(cmd.rs1[:10]), pixel.span.eq(cmd.rs1[16:26])]
                m.d.sync += [
                    pixel.results.eq(cmd.rs2[:10]),
                    pixel.depthwise.eq(cmd.rs2[15]),
                    pixel.stride.eq(cmd.rs2[16:23]),
                ]
        return 0

    def call(self, funct7, rs1, rs2):
        model = self.state.model
        model.jobs = []
        if funct7 & 1:
            model.range = tuple(to_signed(rs1 >> n & 0xFF, 8) for n in (0, 8, 16))
        else:
            model.shape = rs1 & 0x3FF, rs1 >> 16 & 0x3FF, rs2 >> 16 & 0x7F, rs2 >> 15 & 1, rs2 & 0x3FF
        return 0

    def operands(self, rng):
        """For tests: few rows and results, and windows whose rows are all in use."""
        rows, stride, count, depthwise = (
            rng.randint(1, 4),
            rng.randint(0, 3),
            rng.randint(1, 11),
            rng.randint(0, 1),
        )
        if rng.randrange(3) == 0:
            return 1, rng.getrandbits(24), 0
        span = (rows - 1) * stride + 1 + depthwise * (count - 1) // LANES
        return 0, rows | span << 16, count | depthwise * DEPTHWISE | stride << 16


class Feed(_AtOnce):
    """Words for the stores. All modes but `window` end the jobs under way. So does a window's word that falls into a window in use."""

    rs1 = "window: four int8. weights: of the first output. channels: bias, then multiplier. restart: bits 0, 1, 2 empty the stores"
    rs2 = "weights: of the second output. channels: the right shift - 1 with the bias"
    modes = [Mode(0, "window"), Mode(1, "weights"), Mode(2, "channels"), Mode(3, "restart")]

    def gateware(self, m, cmd):
        pixel = self.state
        m.d.comb += [pixel.word.eq(cmd.rs1), pixel.second.eq(cmd.rs2)]
        with m.If(cmd.fire):
            m.d.comb += pixel.stops.eq(cmd.funct7[:2] != 0)
            with m.Switch(cmd.funct7[:2]):
                with m.Case(0):
                    m.d.comb += pixel.feeds_window.eq(1)
                with m.Case(1):
                    m.d.comb += pixel.feeds_weights.eq(1)
                with m.Case(2):
                    m.d.comb += pixel.feeds_channels.eq(1)
                with m.Default():
                    with m.If(cmd.rs1[0]):
                        m.d.sync += [pixel.window_end.eq(0), pixel.window_full.eq(0), pixel.base.eq(0)]
                    with m.If(cmd.rs1[1]):
                        m.d.sync += pixel.weight_end.eq(0)
                    with m.If(cmd.rs1[2]):
                        m.d.sync += pixel.channel_end.eq(0)
        return 0

    def call(self, funct7, rs1, rs2):
        model, kind = self.state.model, funct7 & 3
        if kind == 0:
            model.feed(_int8s(rs1))
            return 0
        model.jobs = []
        if kind == 1 and model.fed_weights < WEIGHT_ROWS:
            model.weights[model.fed_weights] = _int8s(rs1), _int8s(rs2)
            model.fed_weights += 1
        if kind == 2 and len(model.channel_words) < 2 * CHANNELS:
            model.channel_words.append((rs1, rs2))
        if kind == 3 and rs1 & 1:
            model.fed_windows = model.begin = 0
        if kind == 3 and rs1 & 2:
            model.fed_weights = 0
        if kind == 3 and rs1 & 4:
            model.channel_words = []
        return 0

    def operands(self, rng):
        """For tests: restarts are rare, and words usual."""
        funct7 = rng.choices((0, 1, 2, 3), (8, 8, 6, 1))[0]
        return funct7, rng.getrandbits(32), rng.choice((rng.getrandbits(32), rng.randrange(32)))


class Start(_AtOnce):
    """Begin the next pixel, behind the one under way. If two are under way, both end."""

    rs1 = "rows by which its window lies behind the one before"
    rs2 = None

    def gateware(self, m, cmd):
        m.d.comb += [self.state.starts.eq(cmd.fire), self.state.advance.eq(cmd.rs1)]
        return 0

    def call(self, funct7, rs1, rs2):
        self.state.model.start(rs1)
        return 0

    def operands(self, rng):
        return 0, rng.choice((0, 1, rng.randrange(8), rng.getrandbits(32))), 0


class Get(SequentialInstruction):
    """rd = the next four results of a pixel, the first one in the low byte; if fewer are left, in the high bytes. 0 without a job."""

    rs1 = rs2 = None
    time = Variable(min_cycles=0, max_cycles=1 << 17, exact=False)

    def gateware(self, m, work):
        pixel, waiting = self.state, Signal()
        m.d.comb += [
            work.done.eq((work.start | waiting) & (pixel.queue.ready | ~pixel.active)),
            work.rd.eq(Mux(pixel.active, pixel.queue.first, 0)),
            pixel.queue.take.eq(work.done & pixel.active),
        ]
        m.d.sync += waiting.eq((work.start | waiting) & ~work.done)

    def call(self, funct7, rs1, rs2):
        return self.state.model.get()

    def cycles(self, funct7, rs1, rs2):
        """Any value: only the bounds count. This is about what it takes in the automatic tests."""
        return 30


def _int8s(word):
    return np.frombuffer(word.to_bytes(4, "little"), np.int8)
