"""Where the weights and the parameters of the channels lie while a job computes. Both stores count what was written since reset."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from cfukit.engine.size import CHANNEL, EngineSize
from cfukit.parts.requantizer import SHIFT_BITS


class WeightStore(wiring.Component):
    """Rows of lanes * outputs weights.

    * rows: rows of `lanes` weights. With `columns`, `outputs` of them make one of the store; else each is the first part of one, whose
      rest is 0. `restart`: the next one begins the store's first row, or, with `behind`, the one behind those that are complete.
    * address, enable: `data` has the row a cycle later, and keeps it while `enable` is 0.
    * known: rows from this one on were not written since reset.
    * base: the row that was written first since `restart`; count: how many are complete since then, at most all of the store.
    """

    def __init__(self, size: EngineSize):
        self.size = size
        super().__init__(
            {
                "restart": In(1),
                "behind": In(1),
                "columns": In(1),
                "rows": In(stream.Signature(unsigned(size.row_bits), always_ready=True)),
                "address": In(range(size.weight_rows)),
                "enable": In(1),
                "data": Out(size.row_bits * size.outputs),
                "known": Out(range(size.weight_rows + 1)),
                "base": Out(range(size.weight_rows)),
                "count": Out(range(size.weight_rows + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        outputs, row = self.size.outputs, self.rows.payload
        store = Memory(shape=unsigned(len(self.data)), depth=self.size.weight_rows, init=[])
        m.submodules.store = store
        read, write = store.read_port(), store.write_port(granularity=self.size.row_bits)
        part, at, following = (
            Signal(range(max(2, outputs))),
            Signal.like(self.address),
            Signal.like(self.address),
        )
        completes = Signal()
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.data.eq(read.data),
            completes.eq(self.rows.valid & ~(self.columns & (part != outputs - 1))),
            following.eq(at + completes),
            write.addr.eq(at),
            write.data.eq(Cat(row, Mux(self.columns, row, 0).replicate(outputs - 1))),
            write.en.eq(Mux(self.rows.valid, Mux(self.columns, 1 << part, -1), 0)),
        ]
        m.d.sync += at.eq(following)
        with m.If(self.rows.valid):
            m.d.sync += part.eq(Mux(completes, 0, part + 1))
        with m.If(completes):
            m.d.sync += self.count.eq(self.count + (self.count != self.size.weight_rows))
            with m.If(at == self.known):
                m.d.sync += self.known.eq(self.known + 1)
        with m.If(self.restart):
            begin = Mux(self.behind, following, 0)
            m.d.sync += [at.eq(begin), self.base.eq(begin), self.count.eq(0), part.eq(0)]
        return m


def words_layout(size: EngineSize) -> data.StructLayout:
    """What a ChannelStore takes: `count` words, the first one in the low bits."""
    words = size.lanes // 4
    return data.StructLayout({"words": unsigned(32 * words), "count": range(words + 1)})


class ChannelStore(wiring.Component):
    """Rows of the parameters of `requantizers` channels.

    * words: bias, multiplier and shift of one channel after the other. A channel is written per cycle, so four words at a time are taken
      in three of four cycles. The first channel of a row fills all of it. `pending`: a channel waits to be written.
    * restart: the next word is the bias of the store's first channel, or, with `behind`, of the first one in the row behind those that
      were written.
    * address, enable: `data` has the row a cycle later, and keeps it while `enable` is 0.
    * known: rows from this one on were not written since reset.
    * base: the row that was written first since `restart`; count: how many were begun since then, at most all of the store.
    """

    def __init__(self, size: EngineSize):
        self.size = size
        super().__init__(
            {
                "restart": In(1),
                "behind": In(1),
                "words": In(stream.Signature(words_layout(size))),
                "pending": Out(1),
                "address": In(range(size.channels // size.requantizers)),
                "enable": In(1),
                "data": Out(CHANNEL.size * size.requantizers),
                "known": Out(range(size.channels // size.requantizers + 1)),
                "base": Out(range(size.channels // size.requantizers)),
                "count": Out(range(size.channels // size.requantizers + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        per_row, depth = self.size.requantizers, self.size.channels // self.size.requantizers
        store = Memory(shape=unsigned(len(self.data)), depth=depth, init=[])
        m.submodules.store = store
        read, write = store.read_port(), store.write_port(granularity=CHANNEL.size)

        # What is left of earlier words, and the new ones behind it.
        left, n_left = Signal(96), Signal(range(4))
        words, n_words = Signal(192), Signal(range(7))
        takes, complete = Signal(), Signal()
        m.d.comb += [
            self.pending.eq(n_left == 3),
            self.words.ready.eq(~self.pending),
            takes.eq(self.words.valid & self.words.ready),
            n_words.eq(n_left + Mux(takes, self.words.payload.count, 0)),
            complete.eq(n_words >= 3),
        ]
        with m.Switch(n_left):
            for n in range(4):
                with m.Case(n):
                    m.d.comb += words.eq(Cat(left[: 32 * n], self.words.payload.words))
        m.d.sync += left.eq(Mux(complete, words[96:], words))
        m.d.sync += n_left.eq(Mux(complete, n_words - 3, n_words))

        channel, row, part = Signal(CHANNEL), Signal.like(self.address), Signal(range(max(2, per_row)))
        begins, begin = Signal(), Mux(self.behind, row + (part != 0), 0)
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.data.eq(read.data),
            channel.bias.eq(words[:32]),
            channel.multiplier.eq(words[32:63]),
            channel.shift.eq(words[64 : 64 + SHIFT_BITS].as_signed()),
            begins.eq(complete & (part == 0)),
            write.addr.eq(row),
            write.data.eq(channel.as_value().replicate(per_row)),
        ]
        with m.If(complete):
            m.d.comb += write.en.eq(Mux(begins, -1, 1 << part))
            with m.If(part == per_row - 1):
                m.d.sync += [part.eq(0), row.eq(row + 1)]
            with m.Else():
                m.d.sync += part.eq(part + 1)
        with m.If(begins):
            m.d.sync += self.count.eq(self.count + (self.count != depth))
            with m.If(row == self.known):
                m.d.sync += self.known.eq(self.known + 1)
        with m.If(self.restart):
            m.d.sync += [n_left.eq(0), part.eq(0), row.eq(begin), self.base.eq(begin), self.count.eq(0)]
        return m
