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
      rest is 0. `restart`: the next one begins the store's first row.
    * address, enable: `data` has the row a cycle later, and keeps it while `enable` is 0.
    * known: rows from this one on were not written since reset. next: the row that is written next.
    """

    def __init__(self, size: EngineSize):
        self.size = size
        super().__init__(
            {
                "restart": In(1),
                "columns": In(1),
                "rows": In(stream.Signature(unsigned(size.row_bits), always_ready=True)),
                "address": In(range(size.weight_rows)),
                "enable": In(1),
                "data": Out(size.row_bits * size.outputs),
                "known": Out(range(size.weight_rows + 1)),
                "next": Out(range(size.weight_rows)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        outputs, row = self.size.outputs, self.rows.payload
        store = Memory(shape=unsigned(len(self.data)), depth=self.size.weight_rows, init=[])
        m.submodules.store = store
        read, write = store.read_port(), store.write_port(granularity=self.size.row_bits)
        part = Signal(range(max(2, outputs)))
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.data.eq(read.data),
            write.addr.eq(self.next),
            write.data.eq(Cat(row, Mux(self.columns, row, 0).replicate(outputs - 1))),
            write.en.eq(Mux(self.rows.valid, Mux(self.columns, 1 << part, -1), 0)),
        ]
        with m.If(self.rows.valid):
            with m.If(self.columns & (part != outputs - 1)):
                m.d.sync += part.eq(part + 1)
            with m.Else():
                m.d.sync += [part.eq(0), self.next.eq(self.next + 1)]
                with m.If(self.next == self.known):
                    m.d.sync += self.known.eq(self.known + 1)
        with m.If(self.restart):
            m.d.sync += [self.next.eq(0), part.eq(0)]
        return m


def words_layout(size: EngineSize) -> data.StructLayout:
    """What a ChannelStore takes: `count` words, the first one in the low bits."""
    words = size.lanes // 4
    return data.StructLayout({"words": unsigned(32 * words), "count": range(words + 1)})


class ChannelStore(wiring.Component):
    """Rows of the parameters of `requantizers` channels.

    * words: bias, multiplier and shift of one channel after the other. `restart`: the next one is channel 0's bias. A channel is
      written per cycle, so four words at a time are taken in three of four cycles. `pending`: a channel waits to be written.
    * address, enable: `data` has the row a cycle later, and keeps it while `enable` is 0.
    * known: channels from this one on were not written since reset.
    """

    def __init__(self, size: EngineSize):
        self.size = size
        super().__init__(
            {
                "restart": In(1),
                "words": In(stream.Signature(words_layout(size))),
                "pending": Out(1),
                "address": In(range(size.channels // size.requantizers)),
                "enable": In(1),
                "data": Out(CHANNEL.size * size.requantizers),
                "known": Out(range(size.channels + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        per_row = self.size.requantizers
        store = Memory(shape=unsigned(len(self.data)), depth=self.size.channels // per_row, init=[])
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

        channel, number = Signal(CHANNEL), Signal(range(self.size.channels))
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.data.eq(read.data),
            channel.bias.eq(words[:32]),
            channel.multiplier.eq(words[32:63]),
            channel.shift.eq(words[64 : 64 + SHIFT_BITS].as_signed()),
            write.addr.eq(number >> (per_row - 1).bit_length()),
            write.data.eq(channel.as_value().replicate(per_row)),
        ]
        with m.If(complete):
            m.d.comb += write.en.eq(1 << (number % per_row))
            m.d.sync += number.eq(number + 1)
            with m.If(number == self.known):
                m.d.sync += self.known.eq(self.known + 1)
        with m.If(self.restart):
            m.d.sync += [n_left.eq(0), number.eq(0)]
        return m
