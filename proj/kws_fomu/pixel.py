"""The pixel unit: the stores, the products and their sums."""

from model import PixelModel
from requantizer import requantize_sums
from results import Results
from size import CHANNELS, LANES, OUTPUTS, SUM_BITS, WEIGHT_ROWS, WINDOW_ROWS

from cfukit import Cat, Memory, Mux, Signal, State, signed


class Pixel(State):
    """A job gives the results of one output pixel, and is over when the last one was taken. A second job may be started meanwhile: its
    products are made as soon as those of the first are, and its results follow. A third one ends both.

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
        self.base, self.older_base = (
            Signal(range(WINDOW_ROWS)),
            Signal(range(WINDOW_ROWS)),
        )  # of the last two windows
        self.jobs, self.waiting = (
            Signal(2),
            Signal(),
        )  # jobs begun and not over; the last of them has not begun to multiply
        # What the instructions do in a cycle.
        self.feeds_window, self.feeds_weights, self.feeds_channels = Signal(), Signal(), Signal()
        self.word, self.second = Signal(32), Signal(32)
        self.starts, self.advance, self.stops = Signal(), Signal(range(WINDOW_ROWS)), Signal()
        self.queue, self.active = Results(), Signal()  # what `get` sees
        self.running = Signal()  # products are made
        self.model = PixelModel()

    def gateware(self, m):
        stops, jobs, next_base = Signal(), Signal(2), Signal(range(WINDOW_ROWS))
        begins, anew, begin = Signal(), Signal(), Signal(range(WINDOW_ROWS))

        def in_use(base):
            return (self.window_end - base)[:9] < self.span

        m.d.comb += [
            next_base.eq(self.base + self.advance),
            # A word that falls into a window in use ends the jobs.
            stops.eq(
                self.stops
                | (self.feeds_window & (in_use(self.base) | (self.jobs[1] & in_use(self.older_base))))
            ),
            jobs.eq(self.jobs - (self.queue.take & self.queue.first_is_last)),
            anew.eq(self.starts & (jobs != 1)),
            begins.eq(anew | (self.waiting & ~self.running)),
            begin.eq(Mux(anew, next_base, self.base)),
            self.active.eq(self.jobs != 0),
        ]
        x, w = self._stores(m)
        bias = Signal(signed(32))
        m.d.comb += bias.eq(self.channel_read.data[:32])
        held = self._multiply(m, x, w, begins, begin)
        m.d.sync += self.jobs.eq(jobs)
        self.queue.gateware(m)
        requantize_sums(self, m, held, bias, anew)
        with m.If(begins):
            m.d.sync += [self.running.eq(1), self.waiting.eq(0)]
        with m.If(self.starts & ~anew):
            m.d.sync += [self.jobs.eq(2), self.waiting.eq(1), self.older_base.eq(self.base)]
        with m.If(stops):
            m.d.sync += self._halt()
        with m.If(anew):
            m.d.sync += [*self._halt(), self.jobs.eq(1), self.running.eq(1)]
        with m.If(self.starts):
            m.d.sync += self.base.eq(next_base)

    def _halt(self):
        """Everything under way is forgotten."""
        flags = (
            self.jobs,
            self.waiting,
            self.running,
            self.held_count,
            self.token_valid,
            self.preparing,
            self.multiplying,
            self.leaving,
        )
        return [*(flag.eq(0) for flag in (*flags, self.count)), *self.queue.empty(), self.phase.eq(4)]

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

    def _multiply(self, m, x, w, begins, begin):
        """From the stores to `held`, the sums of a block, whose number is `held_count`."""
        self.held_count, self.token_valid = Signal(range(LANES + 1)), Signal()
        left, last, known, results, fewer = Signal(10), Signal(), Signal(), Signal(10), Signal(10)
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

        def product(output, lane):
            a = Mux(known, x.word_select(lane, 8), 0).as_signed()
            b = w.word_select(output * LANES + lane, 8).as_signed()
            return in_luts(a, b) if (output, lane) == (OUTPUTS - 1, LANES - 1) else a * b

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
            with m.If(begins):
                m.d.sync += sum_.eq(0)
            totals.append(total)
        with m.If(self.token_valid & last & ~stall):
            m.d.sync += [held.eq(Cat(totals)), self.held_count.eq(Mux(self.depthwise, LANES, OUTPUTS))]
            m.d.sync += results.eq(results - Mux(self.depthwise, LANES, OUTPUTS))
            m.d.comb += fewer.eq(results - 1)
            with m.If(fewer < Mux(self.depthwise, LANES, OUTPUTS)):  # the job's last block
                m.d.sync += [self.running.eq(0), self.token_valid.eq(0)]
        with m.If(begins):
            m.d.sync += [
                left.eq(self.rows),
                at.eq(begin),
                first.eq(begin),
                weight.eq(0),
                results.eq(self.results),
            ]
        return held

    def reset(self):
        self.model.reset()


def in_luts(a, b):
    """a * b of int8 without a multiplier of the FPGA."""
    terms = [Mux(b[n], a << n, 0) for n in range(7)]
    return (
        (terms[0] + terms[1])
        + (terms[2] + terms[3])
        + (terms[4] + terms[5])
        + (terms[6] - Mux(b[7], a << 7, 0))
    )
