"""The other operand of a sum in the output pipe: its bytes, in the order in which results leave."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from cfukit.engine.size import EngineSize
from cfukit.parts.window_walker import ADDRESS_BITS

PLACE = data.StructLayout({"second": 1, "pixel_ends": 1})
"""Of an item: as the RowPacker has them."""
IN_FLIGHT = 16  # items that are asked for and not yet taken; as many as Results has under way at most


class Addends(wiring.Component):
    """Items of `requantizers` bytes for the items of results, in the same order.

    * start: begins a job with the addend of the first pixel at `address`, and that of the next one `pixel_bytes` behind it. Both are
      taken as multiples of `requantizers`. pairs: pixels come two at a time.
    * places: of the items, at most IN_FLIGHT of them ahead of `o`.
    * reads, answer: the data TCM, one read at a time. A row is read once for each pixel.
    """

    def __init__(self, size: EngineSize):
        self.size = size
        super().__init__(
            {
                "start": In(1),
                "address": In(ADDRESS_BITS),
                "pixel_bytes": In(ADDRESS_BITS - 3),
                "pairs": In(1),
                "places": In(stream.Signature(PLACE, always_ready=True)),
                "reads": Out(stream.Signature(unsigned(ADDRESS_BITS))),
                "answer": In(stream.Signature(unsigned(size.row_bits), always_ready=True)),
                "o": Out(stream.Signature(unsigned(8 * size.requantizers))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size, width = self.size, self.size.requantizers
        item_bits, lane_bits = (width - 1).bit_length(), (size.lanes - 1).bit_length()
        m.submodules.places = places = SyncFIFO(width=PLACE.size, depth=IN_FLIGHT)
        m.submodules.items = items = SyncFIFO(width=8 * width, depth=IN_FLIGHT)
        place = data.View(PLACE, places.r_data)
        # Of each pixel: its first item, the next one, their row, and whether that must be read.
        unit = ADDRESS_BITS - item_bits
        layout = data.StructLayout({"pixel": unit, "at": unit, "row": size.row_bits, "misses": 1})
        states = [Signal(layout, name=f"state{n}") for n in range(size.pixels)]
        now, following, asked = Signal(layout), Signal(layout), Signal()
        takes, next_at = Signal(), Signal(unit)
        step = self.pixel_bytes >> item_bits
        last_of_row = now.at[: lane_bits - item_bits].all() if lane_bits > item_bits else True
        m.d.comb += [
            places.w_data.eq(self.places.payload.as_value()),
            places.w_en.eq(self.places.valid),
            now.eq(Mux(place.second, states[-1], states[0])),
            self.reads.valid.eq(places.r_rdy & now.misses & ~asked),
            self.reads.payload.eq(now.at >> (lane_bits - item_bits) << lane_bits),
            takes.eq(places.r_rdy & ~now.misses),
            places.r_en.eq(takes),
            items.w_data.eq(now.row.word_select(now.at[: lane_bits - item_bits], 8 * width)),
            items.w_en.eq(takes),
            self.o.valid.eq(items.r_rdy),
            self.o.payload.eq(items.r_data),
            items.r_en.eq(self.o.ready),
            next_at.eq(Mux(place.pixel_ends, now.pixel + (step << self.pairs), now.at + 1)),
            following.eq(now),
        ]
        with m.If(self.reads.valid & self.reads.ready):
            m.d.sync += asked.eq(1)
        with m.If(self.answer.valid):
            m.d.sync += asked.eq(0)
            m.d.comb += [following.row.eq(self.answer.payload), following.misses.eq(0)]
        with m.If(takes):
            m.d.comb += [following.at.eq(next_at), following.misses.eq(place.pixel_ends | last_of_row)]
            with m.If(place.pixel_ends):
                m.d.comb += following.pixel.eq(next_at)
        for n, state in enumerate(states):
            with m.If(place.second == n):
                m.d.sync += state.eq(following)
        with m.If(self.start):
            for n, state in enumerate(states):
                begin = Signal(unit, name=f"begin{n}")
                m.d.comb += begin.eq((self.address >> item_bits) + (step if n else 0))
                m.d.sync += [state.pixel.eq(begin), state.at.eq(begin), state.misses.eq(1)]
        return m
