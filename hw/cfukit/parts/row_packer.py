"""From single results to rows of a memory: output packing."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from cfukit.parts.window_walker import ADDRESS_BITS


def item_layout(width: int) -> data.StructLayout:
    """What a RowPacker takes: up to `width` bytes."""
    return data.StructLayout(
        {
            "bytes": unsigned(8 * width),
            "count": range(width + 1),
            "second": unsigned(1),
            "pixel_ends": unsigned(1),
            "last": unsigned(1),
        }
    )


class RowPacker(wiring.Component):
    """Collects bytes, and writes whole rows where they follow each other.

    Item: `count` (1 to `width`) bytes for consecutive addresses. The first byte after `start` goes to `address`. `pixel_ends`: the next
    item begins `pixel_bytes` behind the first byte of the pixel that ends. `last`: nothing follows.
    With `pairs` (if `pixels` is 2), pixels are filled two at a time, the first ones at `address` and `pixel_bytes` behind it; `second` says
    to which one of them an item belongs.
    Row: `data` and `mask` for the aligned `address`. `last` is 1 in the row behind which nothing follows.

    * Latency: a row comes out in the cycle after its last item. Throughput: one item per cycle while rows are taken; an item that
      ends a pixel and reaches into the next row may take two.
    """

    def __init__(self, width: int = 2, lanes: int = 16, pixels: int = 1):
        self.width, self.lanes, self.pixels = width, lanes, pixels
        row = data.StructLayout(
            {
                "address": unsigned(ADDRESS_BITS),
                "data": unsigned(8 * lanes),
                "mask": unsigned(lanes),
                "last": unsigned(1),
            }
        )
        super().__init__(
            {
                "start": In(1),
                "address": In(ADDRESS_BITS),
                "pixel_bytes": In(ADDRESS_BITS - 3),
                "pairs": In(1),
                "i": In(stream.Signature(item_layout(width))),
                "o": Out(stream.Signature(row)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, width, lane_bits = self.lanes, self.width, (self.lanes - 1).bit_length()
        item = self.i.payload
        # Of each pixel that is being filled: its first byte, the next byte, and the row.
        layout = data.StructLayout(
            {"pixel": ADDRESS_BITS, "at": ADDRESS_BITS, "row": 8 * lanes, "mask": unsigned(lanes)}
        )
        states = [Signal(layout, name=f"state{n}") for n in range(self.pixels)]
        over, over_last, over_second = Signal(), Signal(), Signal()  # a row must leave before the next item
        second, now, following = Signal(), Signal(layout), Signal(layout)
        m.d.comb += [
            second.eq(Mux(over, over_second, item.second)),
            now.eq(Mux(second, states[-1], states[0])),
            following.eq(now),
        ]
        for n, state in enumerate(states):
            with m.If(second == n):
                m.d.sync += state.eq(following)

        # The item in its place, in two rows.
        wide, wide_mask = Signal(16 * lanes), Signal(2 * lanes)
        lane = now.at[:lane_bits]
        count_mask = Cat(n < item.count for n in range(width))
        for n in range(lanes):
            with m.If(lane == n):
                m.d.comb += wide_mask.eq(count_mask << n)
                m.d.comb += [
                    wide.word_select(n + k, 8).eq(item.bytes.word_select(k, 8)) for k in range(width)
                ]
        keep = Cat(bit.replicate(8) for bit in wide_mask)
        full, full_mask = Signal(8 * lanes), Signal(lanes)
        row_ends, jumps, spills = Signal(), Signal(), Signal()
        next_pixel, next_at = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS)
        m.d.comb += [
            full.eq(now.row | (wide & keep)[: 8 * lanes]),
            full_mask.eq(now.mask | wide_mask[:lanes]),
            next_pixel.eq(now.pixel + (self.pixel_bytes << self.pairs)),
            next_at.eq(now.at + item.count),
            jumps.eq(item.last | (item.pixel_ends & (self.pairs | (next_pixel != next_at)))),
            row_ends.eq(wide_mask[lanes - 1]),
            spills.eq(wide_mask[lanes:].any()),
        ]
        free, takes, leaves = Signal(), Signal(), Signal()
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(~over & free),
            takes.eq(self.i.valid & self.i.ready),
            leaves.eq(takes & (row_ends | jumps)),
        ]
        row = self.o.payload
        with m.If(free):
            m.d.sync += self.o.valid.eq(leaves | over)
            m.d.sync += [
                row.address.eq(Mux(over, row.address + lanes, (now.at >> lane_bits) << lane_bits)),
                row.data.eq(Mux(over, now.row, full)),
                row.mask.eq(Mux(over, now.mask, full_mask)),
                row.last.eq(Mux(over, over_last, item.last & ~spills)),
            ]
            with m.If(over):
                m.d.sync += over.eq(0)
                m.d.comb += [following.row.eq(0), following.mask.eq(0)]
        with m.If(takes):
            m.d.comb += [following.at.eq(next_at), following.row.eq(full), following.mask.eq(full_mask)]
            with m.If(leaves):
                m.d.comb += [
                    following.row.eq((wide & keep)[8 * lanes :]),
                    following.mask.eq(wide_mask[lanes:]),
                ]
                m.d.sync += [over.eq(spills & jumps), over_last.eq(item.last), over_second.eq(item.second)]
            with m.If(item.pixel_ends):
                m.d.comb += [following.at.eq(next_pixel), following.pixel.eq(next_pixel)]
        with m.If(self.start):
            for n, state in enumerate(states):
                begin = Signal(ADDRESS_BITS, name=f"begin{n}")
                m.d.comb += begin.eq(self.address + (self.pixel_bytes if n else 0))
                m.d.sync += [state.pixel.eq(begin), state.at.eq(begin), state.row.eq(0), state.mask.eq(0)]
        return m
