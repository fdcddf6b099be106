"""From rows of windows and weights to whole sums: the MAC array and its accumulators."""

from __future__ import annotations

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from cfukit.engine.order import token_layout
from cfukit.engine.size import EngineSize
from cfukit.parts.mac_array import MacArray
from cfukit.parts.window_walker import CHANNEL_BITS


def sums_layout(size: EngineSize) -> data.StructLayout:
    """`requantizers` sums of one group, or the last of them. count: how many; pixel_ends, job_ends: with them."""
    return data.StructLayout(
        {
            "sums": unsigned(32 * size.requantizers),
            "count": range(size.requantizers + 1),
            "channel": unsigned(CHANNEL_BITS),
            "pixel_ends": 1,
            "job_ends": 1,
        }
    )


class Sums(wiring.Component):
    """Sums of products over the rows of a group, `lanes * outputs` products per cycle; with `depthwise`, `lanes` of them, lane by lane.

    * token: of the row whose `window` and `weights` come a cycle later. `advance`: it is taken.
    * o: the sums of one group after the other. While a group's sums leave, those of the next one are made.
    """

    def __init__(self, size: EngineSize):
        self.size = size
        super().__init__(
            {
                "depthwise": In(1),
                "token": In(token_layout(size)),
                "window": In(size.row_bits),
                "weights": In(size.row_bits * size.outputs),
                "advance": Out(1),
                "o": Out(stream.Signature(sums_layout(size))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size, width = self.size, self.size.requantizers
        # Down the pipeline: a register for the stores, and those of the MAC array.
        tokens = [self.token]
        tokens += [Signal(token_layout(size), name=f"token{n}") for n in range(MacArray.LATENCY_CYCLES + 1)]
        with m.If(self.advance):
            m.d.sync += [new.eq(old) for old, new in pairwise(tokens)]
        m.submodules.macs = macs = MacArray(size.lanes, size.outputs)
        m.d.comb += [macs.enable.eq(self.advance), macs.x.eq(self.window), macs.w.eq(self.weights)]

        # Accumulators, and the sums that wait to leave.
        token = tokens[-1]
        sums = [Signal(signed(32), name=f"sum{n}", reset_less=True) for n in range(size.lanes)]
        totals = [Signal(signed(32), name=f"total{n}") for n in range(size.lanes)]
        held = Signal(32 * size.lanes, reset_less=True)
        held_count, held_channel = Signal(range(size.lanes + 1)), Signal(CHANNEL_BITS)
        held_pixel_ends, held_job_ends, leaves, empties = Signal(), Signal(), Signal(), Signal()
        for n, (sum_, total) in enumerate(zip(sums, totals, strict=True)):
            term = macs.products.word_select(n, 16).as_signed()
            if n < size.outputs:
                term = Mux(self.depthwise, term, macs.sums.word_select(n, macs.sum_bits).as_signed())
            m.d.comb += total.eq(Mux(token.first, 0, sum_) + Mux(token.known, term, 0))
            with m.If(self.advance & token.valid):
                m.d.sync += sum_.eq(total)
        ends = held_count <= width
        m.d.comb += [
            empties.eq((held_count == 0) | (leaves & ends)),
            self.advance.eq(~(token.valid & token.last) | empties),
            leaves.eq(self.o.valid & self.o.ready),
            self.o.valid.eq(held_count != 0),
            self.o.payload.sums.eq(held),
            self.o.payload.count.eq(Mux(ends, held_count, width)),
            self.o.payload.channel.eq(held_channel),
            self.o.payload.pixel_ends.eq(ends & held_pixel_ends),
            self.o.payload.job_ends.eq(ends & held_job_ends),
        ]
        with m.If(leaves):
            m.d.sync += [held.eq(held >> 32 * width), held_channel.eq(held_channel + width)]
            m.d.sync += held_count.eq(Mux(ends, 0, held_count - width))
        with m.If(self.advance & token.valid & token.last):
            m.d.sync += [
                held.eq(Cat(totals)),
                held_count.eq(token.count),
                held_channel.eq(token.channel),
                held_pixel_ends.eq(token.pixel_ends),
                held_job_ends.eq(token.job_ends),
            ]
        return m
