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
            "pixel_ends": unsigned(1),
            "last": unsigned(1),
        }
    )


class RowPacker(wiring.Component):
    """Collects bytes, and writes whole rows where they follow each other.

    Item: `count` (1 to `width`) bytes for consecutive addresses. The first byte after `start` goes to `address`. `pixel_ends`: the next
    item begins `pixel_bytes` behind the first byte of the pixel that ends. `last`: nothing follows.
    Row: `data` and `mask` for the aligned `address`. `last` is 1 in the row behind which nothing follows.

    * Latency: a row comes out in the cycle after its last item. Throughput: one item per cycle while rows are taken; an item that
      ends a pixel and reaches into the next row may take two.
    """

    def __init__(self, width: int = 2, lanes: int = 16):
        self.width, self.lanes = width, lanes
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
                "i": In(stream.Signature(item_layout(width))),
                "o": Out(stream.Signature(row)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, width, lane_bits = self.lanes, self.width, (self.lanes - 1).bit_length()
        item = self.i.payload
        pixel, at = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS)  # the pixel's first byte, the next byte
        held, held_mask = Signal(8 * lanes), Signal(lanes)  # the row that is being filled
        over, over_last = Signal(), Signal()  # the held row must leave before the next item

        # The item in its place, in two rows.
        wide, wide_mask = Signal(16 * lanes), Signal(2 * lanes)
        lane = at[:lane_bits]
        count_mask = Cat(n < item.count for n in range(width))
        for n in range(lanes):
            with m.If(lane == n):
                m.d.comb += wide_mask.eq(count_mask << n)
                m.d.comb += [
                    wide.word_select(n + k, 8).eq(item.bytes.word_select(k, 8)) for k in range(width)
                ]
        keep = Cat(bit.replicate(8) for bit in wide_mask)
        full, full_mask = Signal(8 * lanes), Signal(lanes)
        m.d.comb += [
            full.eq(held | (wide & keep)[: 8 * lanes]),
            full_mask.eq(held_mask | wide_mask[:lanes]),
        ]
        row_ends, jumps, spills = Signal(), Signal(), Signal()
        next_pixel, next_at = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS)
        m.d.comb += [
            next_pixel.eq(pixel + self.pixel_bytes),
            next_at.eq(at + item.count),
            jumps.eq(item.last | (item.pixel_ends & (next_pixel != next_at))),
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
                row.address.eq(Mux(over, row.address + lanes, (at >> lane_bits) << lane_bits)),
                row.data.eq(Mux(over, held, full)),
                row.mask.eq(Mux(over, held_mask, full_mask)),
                row.last.eq(Mux(over, over_last, item.last & ~spills)),
            ]
            with m.If(over):
                m.d.sync += [over.eq(0), held.eq(0), held_mask.eq(0)]
        with m.If(takes):
            m.d.sync += [at.eq(next_at), held.eq(full), held_mask.eq(full_mask)]
            with m.If(leaves):
                m.d.sync += [
                    held.eq((wide & keep)[8 * lanes :]),
                    held_mask.eq(wide_mask[lanes:]),
                    over.eq(spills & jumps),
                    over_last.eq(item.last),
                ]
            with m.If(item.pixel_ends):
                m.d.sync += [at.eq(next_pixel), pixel.eq(next_pixel)]
        with m.If(self.start):
            m.d.sync += [pixel.eq(self.address), at.eq(self.address)]
            m.d.sync += [held.eq(0), held_mask.eq(0)]
        return m
