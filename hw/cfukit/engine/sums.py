"""From rows of windows and weights to whole sums: the MAC array and its accumulators."""

from __future__ import annotations

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from cfukit.engine.order import token_layout
from cfukit.engine.size import EngineSize
from cfukit.parts.mac_array import MacArray
from cfukit.parts.window_walker import CHANNEL_BITS


def sums_layout(size: EngineSize) -> data.StructLayout:
    """`requantizers` sums of one group, or the last of them. count: how many; pixel_ends, job_ends: with them.

    second: they belong to the second pixel of a pair, whose group comes behind the same group of the first one.
    """
    return data.StructLayout(
        {
            "sums": unsigned(32 * size.requantizers),
            "count": range(size.requantizers + 1),
            "channel": unsigned(CHANNEL_BITS),
            "second": 1,
            "pixel_ends": 1,
            "job_ends": 1,
        }
    )


class Sums(wiring.Component):
    """Sums of products over the rows of a group, `lanes * outputs * pixels` products per cycle; with `depthwise`, `lanes` of them, lane by
    lane; with `largest` too, the largest of the products, by their low 8 bits, in place of their sum.

    * token: of the row whose `window` and `weights` come a cycle later. `advance`: it is taken.
    * o: the sums of one group after the other. While a group's sums leave, those of the next one are made.
    """

    def __init__(self, size: EngineSize):
        self.size = size
        super().__init__(
            {
                "depthwise": In(1),
                "largest": In(1),
                "token": In(token_layout(size)),
                "window": In(size.row_bits * size.pixels),
                "weights": In(size.row_bits * size.outputs),
                "advance": Out(1),
                "o": Out(stream.Signature(sums_layout(size))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size, width = self.size, self.size.requantizers
        m.submodules.macs = macs = MacArray(size.lanes, size.outputs, size.pixels)
        # Down the pipeline: a register for the stores, and those of the MAC array.
        tokens = [self.token]
        tokens += [Signal(token_layout(size), name=f"token{n}") for n in range(macs.latency_cycles + 1)]
        with m.If(self.advance):
            m.d.sync += [new.eq(old) for old, new in pairwise(tokens)]
        m.d.comb += [macs.enable.eq(self.advance), macs.x.eq(self.window), macs.w.eq(self.weights)]

        # Accumulators: of the first pixel by lane or output, of the second one by output.
        token, depthwise = tokens[-1], self.depthwise
        dots = [
            macs.sums.word_select(n, macs.sum_bits).as_signed() for n in range(size.outputs * size.pixels)
        ]
        terms: list[Value] = [macs.products.word_select(n, 16).as_signed() for n in range(size.lanes)]
        terms[: size.outputs] = [
            Mux(depthwise, term, dot) for term, dot in zip(terms, dots[: size.outputs], strict=False)
        ]
        totals = []
        for n, term in enumerate([*terms, *dots[size.outputs :]]):
            sum_ = Signal(signed(32), name=f"sum{n}", reset_less=True)
            total = Signal(signed(32), name=f"total{n}")
            starts, counts = token.first, token.known
            if n < size.lanes:  # with `largest`, only one of the two counts
                grows, product = Signal(name=f"grows{n}"), macs.products.word_select(n, 16)
                m.d.comb += grows.eq(Mux(token.known, product[:8].as_signed(), 0) > sum_[:8].as_signed())
                starts = token.first | (self.largest & grows)
                counts = token.known & (token.first | ~self.largest | grows)
            m.d.comb += total.eq(Mux(starts, 0, sum_) + Mux(counts, term, 0))
            with m.If(self.advance & token.valid):
                m.d.sync += sum_.eq(total)
            totals.append(total)

        # What waits to leave: sums of one pixel, and behind them those of the other one.
        held, behind = Signal(32 * size.lanes, reset_less=True), Signal(32 * size.outputs, reset_less=True)
        channel, count = Signal(CHANNEL_BITS), Signal(range(size.lanes + 1))
        group = Signal(token_layout(size))  # that of what waits
        waits, leaves, second = Signal(), Signal(), Signal()
        ends = count <= width
        m.d.comb += [
            self.advance.eq(~(token.valid & token.last) | (count == 0) | (leaves & ends & ~waits)),
            leaves.eq(self.o.valid & self.o.ready),
            self.o.valid.eq(count != 0),
            self.o.payload.sums.eq(held),
            self.o.payload.count.eq(Mux(ends, count, width)),
            self.o.payload.channel.eq(channel),
            self.o.payload.second.eq(second),
            self.o.payload.pixel_ends.eq(ends & group.pixel_ends),
            self.o.payload.job_ends.eq(ends & group.job_ends & ~waits),
        ]
        with m.If(leaves):
            m.d.sync += [held.eq(held >> 32 * width), channel.eq(channel + width)]
            m.d.sync += count.eq(Mux(ends, 0, count - width))
            with m.If(ends & waits):
                m.d.sync += [held.eq(behind), channel.eq(group.channel), count.eq(group.count)]
                m.d.sync += [waits.eq(0), second.eq(1)]
        with m.If(self.advance & token.valid & token.last):
            m.d.sync += [
                held.eq(Cat(totals[: size.lanes])),
                behind.eq(Cat(totals[size.lanes :])),
                channel.eq(token.channel),
                count.eq(token.count),
                group.eq(token),
                waits.eq(token.pair),
                second.eq(0),
            ]
        return m
