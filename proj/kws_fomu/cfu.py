"""A tiny streaming engine for an iCE40UP5K: it computes one output pixel of a convolution at a time, eight products per cycle.

    the CPU feeds:  windows -> window store --+
                    weights -> weight store --+-> products -> accumulators -> requantizer -> four results in a word -> the CPU
                    channels -> channel store -----------------------------/

    cfu_pixel_set_shape(rows, ...); cfu_pixel_set_range(...);       once per operator
    cfu_pixel_feed_weights(a, b); cfu_pixel_feed_channels(...);     once per operator
    cfu_pixel_feed_window(word);                                    what is new in the next pixel's window
    cfu_pixel_start(advance, 0);                                    the pixel whose window begins `advance` rows further on
    results = cfu_pixel_get();                                      four int8 at a time, as soon as they are there

While a pixel is computed, the CPU feeds the next window and takes results. The window store is a ring, so a window that overlaps
the one before needs only its new columns. A convolution takes rows * outputs / 2 cycles per pixel, or 6 per result if that is more.

There are 8 multipliers in the FPGA: seven make products, and one requantizes. The eighth product is made of LUTs.
"""

from dataclasses import replace
from math import prod

import numpy as np

from cfukit import (
    Cat,
    Cfu,
    Fixed,
    Instruction,
    Memory,
    Mode,
    Mux,
    SequentialInstruction,
    Signal,
    State,
    Variable,
    signed,
    to_signed,
)
from cfukit.parts import requantize

LANES, OUTPUTS = 4, 2
WEIGHT_ROWS, WINDOW_ROWS, CHANNELS = 512, 512, 128
SUM_BITS = 27  # 2048 products of int8
DEPTHWISE = 1 << 15


class Pixel(State):
    """One job at a time: the results of one output pixel. It is over when the last result was taken, or when anything else begins.

    A block is what is summed at once. In a convolution it gives OUTPUTS results from all rows of the window. In a depthwise
    convolution each lane is a channel, and a block gives LANES results from rows that lie `stride` rows apart.
    """

    def __init__(self):
        self.rows, self.span = Signal(10), Signal(10)  # of a block; of a window
        self.stride, self.depthwise, self.results = Signal(7), Signal(), Signal(10)
        self.zero_point, self.low, self.high = Signal(signed(8)), Signal(signed(8)), Signal(signed(8))
        # Where the next fed word goes; what lies beyond counts as 0.
        self.window_end, self.window_full = Signal(range(WINDOW_ROWS)), Signal()
        self.weight_end, self.channel_end = Signal(range(WEIGHT_ROWS + 1)), Signal(range(2 * CHANNELS + 1))
        self.base = Signal(range(WINDOW_ROWS))  # of the window
        # What the instructions do in a cycle.
        self.feeds_window, self.feeds_weights, self.feeds_channels = Signal(), Signal(), Signal()
        self.word, self.second = Signal(32), Signal(32)
        self.starts, self.advance, self.stops, self.takes = (
            Signal(),
            Signal(range(WINDOW_ROWS)),
            Signal(),
            Signal(),
        )
        # What `get` sees.
        self.active, self.full, self.packed = Signal(), Signal(), Signal(32)
        self.reset()

    def gateware(self, m):
        stops, next_base = Signal(), Signal(range(WINDOW_ROWS))
        m.d.comb += [
            next_base.eq(self.base + self.advance),
            # A word that falls into the window in use ends the job.
            stops.eq(self.stops | (self.feeds_window & ((self.window_end - self.base)[:9] < self.span))),
        ]
        x, w = self._stores(m)
        bias = Signal(signed(32))
        m.d.comb += bias.eq(self.channel_read.data[:32])
        held = self._multiply(m, x, w, next_base)
        self._requantize(m, held, bias)
        with m.If(stops):
            m.d.sync += self._halt()
        with m.If(self.starts):
            m.d.sync += [*self._halt(), self.base.eq(next_base), self.active.eq(1), self.running.eq(1)]

    def _halt(self):
        """Everything under way is forgotten."""
        flags = (
            self.active,
            self.running,
            self.held_count,
            self.token_valid,
            self.preparing,
            self.multiplying,
            self.leaving,
        )
        return [*(flag.eq(0) for flag in (*flags, self.count, self.complete)), self.phase.eq(4)]

    def _stores(self, m):
        """The memories, and their feeding."""

        def store(name, bits, depth):
            memory = Memory(shape=bits, depth=depth, init=[], attrs={"no_rw_check": 1})
            m.submodules[name] = memory
            return memory.read_port(), memory.write_port()

        self.window_read, write = store("windows", 8 * LANES, WINDOW_ROWS)
        m.d.comb += [write.addr.eq(self.window_end), write.data.eq(self.word), write.en.eq(self.feeds_window)]
        with m.If(self.feeds_window):
            m.d.sync += self.window_end.eq(self.window_end + 1)
            with m.If(self.window_end == WINDOW_ROWS - 1):
                m.d.sync += self.window_full.eq(1)
        self.weight_read, write = store("weights", 8 * LANES * OUTPUTS, WEIGHT_ROWS)
        m.d.comb += [
            write.addr.eq(self.weight_end),
            write.data.eq(Cat(self.word, self.second)),
            write.en.eq(self.feeds_weights & (self.weight_end != WEIGHT_ROWS)),
        ]
        with m.If(write.en):
            m.d.sync += self.weight_end.eq(self.weight_end + 1)
        # Two words for each channel: bias and right shift - 1, then the multiplier.
        self.channel_read, write = store("channels", 37, 2 * CHANNELS)
        m.d.comb += [
            write.addr.eq(self.channel_end),
            write.data.eq(Cat(self.word, self.second[:5])),
            write.en.eq(self.feeds_channels & (self.channel_end != 2 * CHANNELS)),
        ]
        with m.If(write.en):
            m.d.sync += self.channel_end.eq(self.channel_end + 1)
        return self.window_read.data, self.weight_read.data

    def _multiply(self, m, x, w, next_base):
        """From the stores to `held`, the sums of a block, whose number is `held_count`."""
        self.running, self.held_count, self.token_valid = Signal(), Signal(range(LANES + 1)), Signal()
        left, last, known = Signal(10), Signal(), Signal()
        at, first, weight = Signal(range(WINDOW_ROWS)), Signal(range(WINDOW_ROWS)), Signal(range(WEIGHT_ROWS))
        stall = self.token_valid & last & (self.held_count != 0)
        m.d.comb += [
            self.window_read.addr.eq(at),
            self.window_read.en.eq(~stall),
            self.weight_read.addr.eq(weight),
            self.weight_read.en.eq(~stall),
        ]
        with m.If(~stall):
            m.d.sync += [
                self.token_valid.eq(self.running),
                last.eq(left == 1),
                known.eq((self.window_full | (at < self.window_end)) & (weight < self.weight_end)),
                at.eq(at + self.stride),
                weight.eq(weight + 1),
                left.eq(left - 1),
            ]
            with m.If(left == 1):
                m.d.sync += [
                    left.eq(self.rows),
                    at.eq(first + self.depthwise),
                    first.eq(first + self.depthwise),
                ]
        with m.If(self.starts):
            m.d.sync += [left.eq(self.rows), at.eq(next_base), first.eq(next_base), weight.eq(0)]

        def product(output, lane):
            a = Mux(known, x.word_select(lane, 8), 0).as_signed()
            b = w.word_select(output * LANES + lane, 8).as_signed()
            return _in_luts(a, b) if (output, lane) == (OUTPUTS - 1, LANES - 1) else a * b

        held = Signal(SUM_BITS * LANES)
        totals = []
        products = [[product(output, lane) for lane in range(LANES)] for output in range(OUTPUTS)]
        for n in range(LANES):
            term = products[0][n]
            if n < OUTPUTS:
                a, b, c, d = products[n]
                term = Mux(self.depthwise, term, (a + b) + (c + d))
            sum_, total = Signal(signed(SUM_BITS), name=f"sum{n}"), Signal(signed(SUM_BITS), name=f"total{n}")
            m.d.comb += total.eq(sum_ + term)
            with m.If(self.token_valid & ~stall):
                m.d.sync += sum_.eq(Mux(last, 0, total))
            with m.If(self.starts):
                m.d.sync += sum_.eq(0)
            totals.append(total)
        with m.If(self.token_valid & last & ~stall):
            m.d.sync += [held.eq(Cat(totals)), self.held_count.eq(Mux(self.depthwise, LANES, OUTPUTS))]
        return held

    def _requantize(self, m, held, bias):
        """From sums to packed results, six cycles each. One multiplier makes all products, 16 x 16 bits, of magnitudes.

        phase  4: total = sum + bias of the next result
               5: its magnitude
               0 to 3: times the multiplier, and the high half with its rounding
               4, 5: times 2^(16 - shift) or 2^(32 - shift), which is the right shift with its rounding
               0: sign, zero point, clamp; out it goes
        """
        self.phase, self.preparing, self.multiplying, self.leaving = (
            Signal(3, init=4),
            Signal(),
            Signal(),
            Signal(),
        )
        self.count, self.complete = Signal(3), Signal()  # of packed bytes; the last one is in
        phase, left, channel = self.phase, Signal(10), Signal(range(CHANNELS))
        total, x, sums = Signal(signed(32)), Signal(32), Signal(33)
        negative, leaves_negative = Signal(), Signal()
        # Of the result that is prepared, multiplied, and that leaves.
        shift0, shift1, leaves_wide = Signal(5), Signal(5), Signal()
        known0, known1, known2, last0, last1, last2 = (
            Signal(name=f"{name}{n}") for name in ("known", "last") for n in range(3)
        )
        frozen = (phase == 0) & self.leaving & self.full
        m.d.comb += [
            self.full.eq(self.count[2] | self.complete),
            # Bias and shift for phase 4, the multiplier for 0 to 3.
            self.channel_read.addr.eq(Cat((phase != 3) & (phase != 4), channel)),
        ]
        multiplier = self.channel_read.data[:31]
        operand, factor, product, base = Signal(16), Signal(16), Signal(32), Signal(33)
        power = Signal(16)
        m.d.comb += [
            power.eq(1 << ~shift1[:4]),  # 15 - shift
            operand.eq(Mux((phase == 2) | (phase == 3) | (phase == 5), x[16:], x[:16])),
            factor.eq(Mux(phase[2], power, Mux(phase[0], multiplier[16:], multiplier[:16]))),
            product.eq(operand * factor),
            base.eq(sums >> 16),
        ]
        with m.Switch(phase):
            with m.Case(0):
                m.d.comb += base.eq((1 << 30) - negative)
            with m.Case(2):
                m.d.comb += base.eq(sums)
            with m.Case(4):
                m.d.comb += base.eq(1 << 15)
            with m.Case(5):
                with m.If(shift1[4]):
                    m.d.comb += base.eq(1 << 15)
        new = Signal(33)
        m.d.comb += new.eq(base + product)
        with m.If(~frozen):
            m.d.sync += [sums.eq(new), phase.eq(phase + 1)]
            with m.Switch(phase):
                with m.Case(0):
                    m.d.sync += self.leaving.eq(0)
                    with m.If(~self.multiplying):
                        m.d.sync += phase.eq(3)
                with m.Case(2):
                    m.d.sync += channel.eq(channel + 1)
                with m.Case(3):
                    m.d.sync += x.eq(Cat(sums[15], new))
                with m.Case(4):
                    m.d.sync += [
                        total.eq(held[:SUM_BITS].as_signed() + bias),
                        shift0.eq(self.channel_read.data[32:]),
                        known0.eq(channel < self.channel_end[1:]),
                        last0.eq(left == 1),
                        self.preparing.eq(self.held_count != 0),
                    ]
                    with m.If(self.held_count != 0):
                        m.d.sync += [
                            held.eq(held >> SUM_BITS),
                            self.held_count.eq(self.held_count - 1),
                            left.eq(left - 1),
                        ]
                        with m.If(left == 1):
                            m.d.sync += [self.running.eq(0), self.held_count.eq(0), self.token_valid.eq(0)]
                    with m.Elif(~self.multiplying):
                        m.d.sync += phase.eq(4)
                with m.Case(5):
                    m.d.sync += [phase.eq(0), x.eq(Mux(total < 0, -total, total)), negative.eq(total < 0)]
                    m.d.sync += [shift1.eq(shift0), known1.eq(known0), last1.eq(last0)]
                    m.d.sync += [self.multiplying.eq(self.preparing), self.preparing.eq(0)]
                    m.d.sync += [leaves_negative.eq(negative), leaves_wide.eq(shift1[4]), known2.eq(known1)]
                    m.d.sync += [last2.eq(last1), self.leaving.eq(self.multiplying)]
        magnitude, moved, value = Signal(33), Signal(signed(12)), Signal(signed(8))
        m.d.comb += [
            magnitude.eq(Mux(leaves_wide, sums >> 16, sums)),
            moved.eq(Mux(known2, Mux(leaves_negative, -magnitude[:9], magnitude[:9]), 0) + self.zero_point),
        ]
        over = magnitude[9:].any() & known2
        with m.If(Mux(over, ~leaves_negative, moved > self.high)):
            m.d.comb += value.eq(self.high)
        with m.Elif(over | (moved < self.low)):
            m.d.comb += value.eq(self.low)
        with m.Else():
            m.d.comb += value.eq(moved)
        with m.If(self.takes):
            m.d.sync += [self.count.eq(0), self.packed.eq(0)]
            with m.If(self.complete):
                m.d.sync += [self.active.eq(0), self.complete.eq(0)]
        with m.If((phase == 0) & self.leaving & ~self.full):
            m.d.sync += [
                self.packed.eq(Cat(self.packed[8:], value)),
                self.count.eq(self.count + 1),
                self.complete.eq(last2),
            ]
        with m.If(self.starts):
            m.d.sync += [left.eq(self.results), channel.eq(0), self.packed.eq(0)]

    # --- model

    def reset(self):
        self.windows = np.zeros((WINDOW_ROWS, LANES), np.int64)
        self.weights = np.zeros((WEIGHT_ROWS, OUTPUTS, LANES), np.int64)
        self.channel_words = []
        self.fed_windows = self.fed_weights = self.begin = 0
        self.shape, self.range = (0, 0, 0, 0, 0), (0, 0, 0)
        self.words = []  # of the job, not yet taken

    def run(self):
        """The results of the pixel whose window begins at row `begin`."""
        rows, _, stride, depthwise, count = self.shape
        rows, count = rows or 1024, count or 1024
        blocks = np.arange(-(-count // (LANES if depthwise else OUTPUTS)))[:, None]
        row = np.arange(rows)[None, :]
        at = (self.begin + row * stride + depthwise * blocks) % WINDOW_ROWS
        weight = (blocks * rows + row) % WEIGHT_ROWS
        known = (at < self.fed_windows) & (weight < self.fed_weights)
        x, w = self.windows[at] * known[..., None], self.weights[weight]
        sums = (x * w[:, :, 0]).sum(axis=1) if depthwise else (x[:, :, None] * w).sum(axis=(1, 3))
        values = [self._result(n, int(total)) & 0xFF for n, total in enumerate(sums.reshape(-1)[:count])]
        self.words = [_word(values[n : n + 4]) for n in range(0, count, 4)]

    def _result(self, n, total):
        channel = n % CHANNELS
        zero_point, low, high = self.range
        if channel >= len(self.channel_words) // 2:
            return requantize(0, 0, 0, zero_point, low, high)
        (bias, shift), (multiplier, _) = self.channel_words[2 * channel : 2 * channel + 2]
        total = to_signed(to_signed(total, SUM_BITS) + bias)
        multiplier, right = multiplier & 0x7FFF_FFFF, (shift & 31) + 1
        if right == 32:  # half of 2^32 and more: 0 or 1 in magnitude
            half_up = (abs(total) * multiplier + (1 << 30) - (total < 0) >> 31) + (1 << 31) >> 32
            moved = (-half_up if total < 0 else half_up) + zero_point
            return high if moved > high else max(moved, low)
        return requantize(total, multiplier, -right, zero_point, low, high)


def _in_luts(a, b):
    """a * b of int8 without a multiplier of the FPGA."""
    terms = [Mux(b[n], a << n, 0) for n in range(7)]
    return (
        (terms[0] + terms[1])
        + (terms[2] + terms[3])
        + (terms[4] + terms[5])
        + (terms[6] - Mux(b[7], a << 7, 0))
    )


def _word(values):
    """Up to four bytes; fewer than four are in the high ones."""
    return int.from_bytes(bytes(4 - len(values)) + bytes(values), "little")


class _AtOnce(Instruction):
    """Accepted in every cycle."""

    rd = "0"
    time = Fixed(latency_cycles=1)


class Set(_AtOnce):
    """Set registers of the job. A job under way ends."""

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
        pixel = self.state
        pixel.words = []
        if funct7 & 1:
            pixel.range = tuple(to_signed(rs1 >> n & 0xFF, 8) for n in (0, 8, 16))
        else:
            pixel.shape = rs1 & 0x3FF, rs1 >> 16 & 0x3FF, rs2 >> 16 & 0x7F, rs2 >> 15 & 1, rs2 & 0x3FF
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
    """Words for the stores. Everything but `window` ends a job under way, and so does a window's word that falls into the window in use."""

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
        pixel, kind = self.state, funct7 & 3
        if kind == 0:
            at = pixel.fed_windows % WINDOW_ROWS
            if (at - pixel.begin) % WINDOW_ROWS < pixel.shape[1]:
                pixel.words = []
            pixel.windows[at] = _int8s(rs1)
            pixel.fed_windows += 1
            return 0
        pixel.words = []
        if kind == 1 and pixel.fed_weights < WEIGHT_ROWS:
            pixel.weights[pixel.fed_weights] = _int8s(rs1), _int8s(rs2)
            pixel.fed_weights += 1
        if kind == 2 and len(pixel.channel_words) < 2 * CHANNELS:
            pixel.channel_words.append((rs1, rs2))
        if kind == 3 and rs1 & 1:
            pixel.fed_windows = pixel.begin = 0
        if kind == 3 and rs1 & 2:
            pixel.fed_weights = 0
        if kind == 3 and rs1 & 4:
            pixel.channel_words = []
        return 0

    def operands(self, rng):
        """For tests: restarts are rare, and words usual."""
        funct7 = rng.choices((0, 1, 2, 3), (8, 8, 6, 1))[0]
        return funct7, rng.getrandbits(32), rng.choice((rng.getrandbits(32), rng.randrange(32)))


class Start(_AtOnce):
    """Begin the next pixel. Results of the one before that were not taken are lost."""

    rs1 = "rows by which its window lies behind the one before"
    rs2 = None

    def gateware(self, m, cmd):
        m.d.comb += [self.state.starts.eq(cmd.fire), self.state.advance.eq(cmd.rs1)]
        return 0

    def call(self, funct7, rs1, rs2):
        pixel = self.state
        pixel.begin = (pixel.begin + rs1) % WINDOW_ROWS
        pixel.run()
        return 0

    def operands(self, rng):
        return 0, rng.choice((0, 1, rng.randrange(8), rng.getrandbits(32))), 0


class Get(SequentialInstruction):
    """rd = the next four results, the first one in the low byte. If fewer are left, they are in the high bytes. 0 without a job."""

    rs1 = rs2 = None
    time = Variable(min_cycles=0, max_cycles=1 << 17, exact=False)

    def gateware(self, m, work):
        pixel, waiting = self.state, Signal()
        m.d.comb += [
            work.done.eq((work.start | waiting) & (pixel.full | ~pixel.active)),
            work.rd.eq(Mux(pixel.active, pixel.packed, 0)),
            pixel.takes.eq(work.done & pixel.active),
        ]
        m.d.sync += waiting.eq((work.start | waiting) & ~work.done)

    def call(self, funct7, rs1, rs2):
        return self.state.words.pop(0) if self.state.words else 0

    def cycles(self, funct7, rs1, rs2):
        """Any value: only the bounds count. This is about what it takes in the automatic tests."""
        return 30


def _int8s(word):
    return np.frombuffer(word.to_bytes(4, "little"), np.int8)


def make_cfu():
    pixel = Pixel()
    return Cfu(
        {
            0: Set(name="pixel_set", state=pixel),
            1: Feed(name="pixel_feed", state=pixel),
            2: Start(name="pixel_start", state=pixel),
            3: Get(name="pixel_get", state=pixel),
        },
        about="convolutions pixel by pixel, eight products per cycle",
        params={"weight_rows": WEIGHT_ROWS, "window_rows": WINDOW_ROWS, "channels": CHANNELS},
        autonomous=True,
    )


# --- for the kernels in pixel.c ------------------------------------------------------------------------------------------

WINDOW_LIMIT = WINDOW_ROWS // 2  # two windows fit into the store: the one in use, and the next one


def _rows(op):
    """How many rows of the store a window takes, and whether the kernel gathers its bytes; see `enum order` in pixel.c."""
    height, width, channels = op.filter_shape[1:]
    if op.groups != 1 or op.dilation[1] != 1:
        return -(-height * width * channels // LANES), True
    return height * (
        width * channels // LANES if channels % LANES == 0 else -(-width * channels // LANES)
    ), False


def supports_conv(op):
    return op.small_sums and _rows(op)[0] <= WINDOW_LIMIT


def conv_scratch(op):
    rows, gathered = _rows(op)
    return LANES * rows if gathered else 0


def _pack(rows):
    """[outputs, taps] as [two outputs][four taps][output][tap], padded with zeros."""
    rows = _padded(rows, 0, OUTPUTS)
    rows = _padded(rows, 1, LANES)
    return rows.reshape(-1, OUTPUTS, rows.shape[1] // LANES, LANES).transpose(0, 2, 1, 3).tobytes()


def _padded(array, axis, multiple):
    more = [(0, -size % multiple if n == axis else 0) for n, size in enumerate(array.shape)]
    return np.pad(array, more)


def pack_conv(weights, op):
    outputs, height, _, channels = weights.shape
    if _rows(op)[1]:
        taps = weights.reshape(outputs, -1)
    elif channels % LANES == 0:
        taps = weights.transpose(0, 2, 1, 3).reshape(outputs, -1)
    else:
        taps = _padded(weights.reshape(outputs, height, -1), 2, LANES).reshape(outputs, -1)
    return b"".join(_pack(group) for group in np.split(taps, op.groups))


def supports_depthwise(op):
    """Whole words of channels, or one channel: that is a convolution."""
    taps, channels = prod(op.filter_shape[1:3]), op.filter_shape[3]
    if op.input_shape[3] == 1:
        return supports_conv(_as_conv(op))
    plain = op.depth_multiplier == 1 and channels % 4 == 0 and op.dilation[1] == 1
    return op.small_sums and plain and taps <= WINDOW_LIMIT


def _as_conv(op):
    """A depthwise convolution of one channel."""
    _, height, width, outputs = op.filter_shape
    return replace(op, filter_shape=(outputs, height, width, 1), groups=1)


def depthwise_scratch(op):
    return conv_scratch(_as_conv(op)) if op.input_shape[3] == 1 else 0


def pack_depthwise(weights, op):
    """[four channels][column of taps][tap][channel]."""
    if op.input_shape[3] == 1:
        return pack_conv(weights.transpose(3, 1, 2, 0), _as_conv(op))
    columns = weights[0].transpose(1, 0, 2)
    return columns.reshape(-1, columns.shape[2] // LANES, LANES).transpose(1, 0, 2).tobytes()


def supports_fully_connected(op):
    return op.small_sums and op.filter_shape[1] <= WINDOW_LIMIT * LANES


def pack_fully_connected(weights):
    return _pack(weights)
