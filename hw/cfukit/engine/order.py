"""The windows in their store, and the order in which they meet the weights."""

from __future__ import annotations

from itertools import pairwise

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from cfukit.engine.size import EngineSize
from cfukit.parts.window_walker import CHANNEL_BITS, SIZE_BITS

PLACE = data.StructLayout({"x": unsigned(SIZE_BITS), "y": unsigned(SIZE_BITS)})  # of a pixel, counted from 1


def token_layout(size: EngineSize) -> data.StructLayout:
    """What goes along with a row of a window. A group is the outputs that are summed at once.

    * first, last: of its group. count: outputs of the group, from `channel` on. pixel_ends, job_ends: with this group.
    * known: the row of weights was written since reset. pair: the group is of two pixels.
    """
    return data.StructLayout(
        {
            "valid": 1,
            "first": 1,
            "last": 1,
            "known": 1,
            "pair": 1,
            "count": range(size.lanes + 1),
            "channel": unsigned(CHANNEL_BITS),
            "pixel_ends": 1,
            "job_ends": 1,
        }
    )


class WindowOrder(wiring.Component):
    """For each pixel, for each group of output channels, the rows of its window: one per cycle.

    The windows' store is a ring. A window goes when its last group has been read; with `depthwise` each group has one of its own.
    An engine with two pixels has two stores, and reads the same row of both; a pixel that is the job's last alone is no pair.

    * start: begins a job of output_height * output_width pixels with `outputs` channels. alike: all groups have the same weights.
    * room, begins, gathered, write, bank, row, data, mask: as WindowGather has them.
    * advance: everything moves. `token` says what is read in this cycle. A cycle later `window` has the row, and the WeightStore,
      which reads the row `weight`, its weights. base: the row of the job's first weights.
    * streams: weights are being loaded; if they were when the job began, they are its own, and it has `loaded` rows of them.
    * exceeds: the weights are more than their store holds.
    """

    def __init__(self, size: EngineSize):
        self.size = size
        super().__init__(
            {
                "start": In(1),
                "depthwise": In(1),
                "alike": In(1),
                "rows": In(16),
                "outputs": In(CHANNEL_BITS),
                "output_height": In(SIZE_BITS),
                "output_width": In(SIZE_BITS),
                "room": Out(1),
                "begins": In(1),
                "gathered": In(1),
                "write": In(1),
                "bank": In(1),
                "row": In(range(size.window_rows)),
                "data": In(size.row_bits),
                "mask": In(size.lanes),
                "advance": In(1),
                "token": Out(token_layout(size)),
                "weight": Out(range(size.weight_rows)),
                "known_rows": In(range(size.weight_rows + 1)),
                "base": In(range(size.weight_rows)),
                "streams": In(1),
                "loaded": In(range(size.weight_rows + 1)),
                "window": Out(size.row_bits * size.pixels),
                "exceeds": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = self.size
        base, at = Signal(range(size.window_rows)), Signal(range(size.window_rows))
        for bank in range(size.pixels):
            store = Memory(shape=unsigned(size.row_bits), depth=size.window_rows, init=[])
            m.submodules[f"store{bank}"] = store
            write, read = store.write_port(granularity=8), store.read_port()
            m.d.comb += [
                write.addr.eq(self.row),
                write.data.eq(self.data),
                write.en.eq(Mux(self.write & (self.bank == bank), self.mask, 0)),
                read.addr.eq(base + at),
                read.en.eq(self.advance),
                self.window.word_select(bank, size.row_bits).eq(read.data),
            ]
        # Windows in the store: rows that are taken in each bank, and windows that are complete.
        used, ready = Signal(range(size.window_rows + 1)), Signal(range(2 * size.window_rows + 1))
        released, pair, most = Signal(), Signal(), Signal(range(size.window_rows + 1))
        # `begins` and `released` come late in a cycle: they choose among sums, so that no adder is behind them.
        m.d.sync += [most.eq(size.window_rows - self.rows), ready.eq(ready + self.gathered)]
        m.d.comb += self.room.eq(used <= most)
        with m.If(self.begins & ~released):
            m.d.sync += used.eq(used + self.rows)
        with m.If(released & ~self.begins):
            m.d.sync += used.eq(used - self.rows)
        with m.If(released):
            m.d.sync += ready.eq(ready + self.gathered - Mux(pair, 2, 1))

        issue, running, awaits = Signal(), Signal(), Signal()
        number = Signal(range(size.weight_rows))  # of the row of weights, from the job's first one on
        m.d.sync += awaits.eq(awaits & self.streams)
        row, left, channel = Signal(range(size.window_rows + 2)), Signal(CHANNEL_BITS), Signal(CHANNEL_BITS)
        step = Mux(self.depthwise, size.lanes, size.outputs)
        group_ends, pixel_ends, job_ends, rewinds = Signal(), Signal(), Signal(), Signal()
        # The pixel in hand, the one behind it, and the one behind that.
        first, second, third = (Signal(PLACE, name=f"pixel{n}") for n in range(3))
        for place, following in pairwise((first, second, third)):
            row_ends = place.x == self.output_width
            m.d.comb += [following.x.eq(Mux(row_ends, 1, place.x + 1)), following.y.eq(place.y + row_ends)]
        first_is_last, second_is_last = (
            (place.x == self.output_width) & (place.y == self.output_height) for place in (first, second)
        )
        m.d.comb += [
            issue.eq(
                running & self.advance & (ready > pair) & (~(awaits & self.streams) | (number < self.loaded))
            ),
            group_ends.eq(row == self.rows),
            pixel_ends.eq(group_ends & (left <= step)),
            rewinds.eq(pixel_ends | (group_ends & self.alike)),
            job_ends.eq(pixel_ends & Mux(pair, second_is_last, first_is_last)),
            pair.eq((size.pixels == 2) & ~self.depthwise & ~first_is_last),
            self.token.pair.eq(pair),
            released.eq(issue & group_ends & (self.depthwise | pixel_ends)),
            self.token.valid.eq(issue),
            self.token.first.eq(row == 1),
            self.token.last.eq(group_ends),
            self.token.known.eq(self.weight < self.known_rows),
            self.token.count.eq(Mux(left < step, left, step)),
            self.token.channel.eq(channel),
            self.token.pixel_ends.eq(pixel_ends),
            self.token.job_ends.eq(job_ends),
        ]
        with m.If(issue):
            m.d.sync += [
                row.eq(row + 1),
                at.eq(at + 1),
                number.eq(number + 1),
                self.weight.eq(self.weight + 1),
            ]
            with m.If((number == size.weight_rows - 1) & ~rewinds):
                m.d.comb += self.exceeds.eq(1)
            with m.If(group_ends):
                m.d.sync += [row.eq(1), at.eq(0), left.eq(left - step), channel.eq(channel + step)]
            with m.If(released):
                m.d.sync += base.eq(base + self.rows)
            with m.If(rewinds):
                m.d.sync += [number.eq(0), self.weight.eq(self.base)]
            with m.If(pixel_ends):
                m.d.sync += [left.eq(self.outputs), channel.eq(0)]
                m.d.sync += first.eq(Mux(pair, third, second))
            with m.If(job_ends):
                m.d.sync += running.eq(0)
        with m.If(self.start):
            m.d.sync += [
                running.eq(1),
                awaits.eq(1),
                first.x.eq(1),
                first.y.eq(1),
                row.eq(1),
                left.eq(self.outputs),
                channel.eq(0),
            ]
            m.d.sync += [
                base.eq(0),
                at.eq(0),
                number.eq(0),
                self.weight.eq(self.base),
                used.eq(0),
                ready.eq(0),
            ]
        return m
