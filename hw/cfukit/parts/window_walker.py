"""The addresses of a convolution's windows, tap by tap."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from cfukit.parts.stream_buffer import StreamBuffer

ADDRESS_BITS = 20
SIZE_BITS = 12  # of heights, widths and strides
CHANNEL_BITS = 13
MERGED_TAPS, MERGED_CHANNELS = 16, 512  # their product is the end of a run's count


RUN = data.StructLayout(
    {
        "address": unsigned(ADDRESS_BITS),
        "count": unsigned(CHANNEL_BITS),
        "inside": unsigned(1),
        "last": unsigned(1),
    }
)
"""Bytes that lie side by side: the channels of one tap or of several.

`inside`: they exist; else each is the zero point. `last`: of its window.
"""

WINDOWS = data.StructLayout(
    {
        "address": unsigned(ADDRESS_BITS),  # of pixel (0, 0)
        "pixel_bytes": unsigned(ADDRESS_BITS - 3),  # from one pixel to the next
        "row_bytes": unsigned(ADDRESS_BITS - 3),
        "height": unsigned(SIZE_BITS),
        "width": unsigned(SIZE_BITS),
        "channels": unsigned(CHANNEL_BITS),  # of a tap
        "filter_height": unsigned(SIZE_BITS),
        "filter_width": unsigned(SIZE_BITS),
        "stride_height": unsigned(SIZE_BITS),
        "stride_width": unsigned(SIZE_BITS),
        "dilation_height": unsigned(SIZE_BITS),
        "dilation_width": unsigned(SIZE_BITS),
        "top": signed(SIZE_BITS),  # row of the first window's first tap: minus the padding
        "left": signed(SIZE_BITS),
        "output_height": unsigned(SIZE_BITS),
        "output_width": unsigned(SIZE_BITS),
        "depthwise": unsigned(1),
    }
)
"""What a WindowWalker walks over. Nothing may be 0 but the first two, top, left and depthwise."""


class WindowWalker(wiring.Component):
    """For each output pixel the taps of its window, row by row: runs of `channels` bytes for each tap.

        row    = top  + y * stride_height + filter_y * dilation_height
        column = left + x * stride_width  + filter_x * dilation_width
        address = address + row * row_bytes + column * pixel_bytes + first channel

    Taps that lie side by side in the memory, and are all inside or all outside, make one run: those of a filter row, if they are
    dense (dilation_width is 1 and pixel_bytes equals channels), fewer than MERGED_TAPS and of fewer than MERGED_CHANNELS channels.

    With `depthwise` the channels come in groups of `lanes`, the last one shorter: for each pixel, and each group, the taps, each a run.

    * `start` begins a walk; `windows` must not change until its last run is taken.
    * Latency: 3 cycles from `start` to the first run. Throughput: one run per cycle.
    * Area: two multipliers of 12 x 17 bits, and one of 4 x 13.
    """

    def __init__(self, lanes: int = 16):
        self.lanes = lanes
        super().__init__({"start": In(1), "windows": In(WINDOWS), "runs": Out(stream.Signature(RUN))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        w, lanes = self.windows, self.lanes
        walking = Signal()
        y, x = Signal(SIZE_BITS), Signal(SIZE_BITS)  # counted from 1
        filter_y, others = Signal(SIZE_BITS), Signal(SIZE_BITS)  # others: taps behind this one in its row
        first, left_channels = Signal(CHANNEL_BITS), Signal(CHANNEL_BITS)
        coordinate = signed(SIZE_BITS + 2)
        top, left, row, column = (Signal(coordinate, name=n) for n in ("top", "left", "row", "column"))

        # The taps of a run lie between the borders. So it ends before the image begins, where it ends, or with the filter row.
        merges, taps = Signal(), Signal(range(MERGED_TAPS))
        # The column of the row's last tap, and how far behind the image that lies.
        last, behind = Signal(signed(SIZE_BITS + 3)), Signal(signed(SIZE_BITS + 4))
        begins_image, ends_image = Signal(), Signal()
        dense = (w.dilation_width == 1) & (w.pixel_bytes == w.channels)
        few = (w.filter_width < MERGED_TAPS) & (w.channels < MERGED_CHANNELS)
        m.d.sync += merges.eq(~w.depthwise & dense & few)
        m.d.comb += [
            last.eq(column + others),
            behind.eq(last - w.width),
            begins_image.eq(merges & (column < 0) & (last >= 0)),
            ends_image.eq(merges & (column >= 0) & (column < w.width) & (behind >= 0)),
            taps.eq(
                Mux(begins_image, -column, Mux(ends_image, w.width - column, Mux(merges, others + 1, 1)))
            ),
        ]

        group_ends = Signal()
        x_ends, window_ends, pixel_ends, row_ends = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            group_ends.eq(~w.depthwise | (left_channels <= lanes)),
            x_ends.eq(Mux(merges, ~(begins_image | ends_image), others == 0)),
            window_ends.eq(x_ends & (filter_y == w.filter_height)),
            pixel_ends.eq(window_ends & group_ends),
            row_ends.eq(pixel_ends & (x == w.output_width)),
        ]

        advance = Signal()
        m.submodules.out = out = StreamBuffer(RUN)  # what follows does not reach back into the counters
        m.d.comb += advance.eq(out.i.ready)
        with m.If(advance & walking):
            m.d.sync += others.eq(Mux(begins_image, last, Mux(ends_image, behind, others - 1)))
            m.d.sync += column.eq(Mux(begins_image, 0, Mux(ends_image, w.width, column + w.dilation_width)))
            with m.If(x_ends):
                m.d.sync += [others.eq(w.filter_width - 1), column.eq(left)]
                m.d.sync += [filter_y.eq(filter_y + 1), row.eq(row + w.dilation_height)]
            with m.If(window_ends):
                m.d.sync += [filter_y.eq(1), row.eq(top)]
                m.d.sync += [first.eq(first + lanes), left_channels.eq(left_channels - lanes)]
            with m.If(pixel_ends):
                m.d.sync += [first.eq(0), left_channels.eq(w.channels)]
                m.d.sync += [x.eq(x + 1), left.eq(left + w.stride_width), column.eq(left + w.stride_width)]
            with m.If(row_ends):
                m.d.sync += [x.eq(1), left.eq(w.left), column.eq(w.left)]
                m.d.sync += [y.eq(y + 1), top.eq(top + w.stride_height), row.eq(top + w.stride_height)]
                with m.If(y == w.output_height):
                    m.d.sync += walking.eq(0)
        with m.If(self.start):
            m.d.sync += [walking.eq(1), y.eq(1), x.eq(1), filter_y.eq(1)]
            m.d.sync += others.eq(w.filter_width - 1)
            m.d.sync += [first.eq(0), left_channels.eq(w.channels)]
            m.d.sync += [top.eq(w.top), row.eq(w.top), left.eq(w.left), column.eq(w.left)]

        # Two more stages: the products, and in the buffer their sum.
        row_offset, column_offset = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS)
        origin = Signal(ADDRESS_BITS)
        run1, taps1 = Signal(RUN), Signal(range(MERGED_TAPS))
        with m.If(advance):
            m.d.sync += [
                out.i.valid.eq(walking),
                row_offset.eq(row[:SIZE_BITS] * w.row_bytes),
                column_offset.eq(column[:SIZE_BITS] * w.pixel_bytes),
                origin.eq(w.address + first),
                run1.count.eq(Mux(group_ends, left_channels, lanes)),  # depthwise
                taps1.eq(taps),
                run1.inside.eq((row >= 0) & (row < w.height) & (column >= 0) & (column < w.width)),
                run1.last.eq(window_ends),
            ]
        m.d.comb += [
            out.i.payload.eq(run1),
            out.i.payload.address.eq(origin + row_offset + column_offset),
            out.i.payload.count.eq(Mux(w.depthwise, run1.count, taps1 * w.channels)),
        ]
        connect(m, out.o, flipped(self.runs))
        return m
