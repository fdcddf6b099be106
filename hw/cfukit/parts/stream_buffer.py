"""A stream cut in two by registers, in both directions."""

from __future__ import annotations

from amaranth.hdl import Module, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class StreamBuffer(wiring.Component):
    """Passes items on. Neither `valid` nor `ready` goes through in the same cycle, so paths of logic end here.

    * Latency: 1. Throughput: one item per cycle. Two items fit: one at the output, and behind it the one that came when the output
      had just stopped.
    """

    def __init__(self, shape: ShapeLike):
        self.shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        behind, waits = Signal(self.shape, reset_less=True), Signal()
        m.d.comb += self.i.ready.eq(~waits)
        with m.If(self.o.ready | ~self.o.valid):
            m.d.sync += [
                self.o.valid.eq(self.i.valid | waits),
                waits.eq(0),
                self.o.payload.eq(self.i.payload),
            ]
            with m.If(waits):
                m.d.sync += self.o.payload.eq(behind)
        with m.Elif(self.i.ready):
            m.d.sync += waits.eq(self.i.valid)
        with m.If(self.i.ready):
            m.d.sync += behind.eq(self.i.payload)
        return m
