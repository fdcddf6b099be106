"""Where the weights and the parameters of the channels lie while a job computes. Both stores count what was written since reset."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from cfukit.engine.size import CHANNEL, EngineSize
from cfukit.parts.requantizer import SHIFT_BITS


class WeightStore(wiring.Component):
    """Rows of lanes * outputs weights.

    * rows: rows of `lanes` weights. With `columns`, `outputs` of them make one of the store; else each is the first part of one, whose
      rest is 0. `restart`: the next one begins the store's first row.
    * address, enable: `data` has the row a cycle later, and keeps it while `enable` is 0.
    * known: rows from this one on were not written since reset.
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
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        outputs, row = self.size.outputs, self.rows.payload
        store = Memory(shape=unsigned(len(self.data)), depth=self.size.weight_rows, init=[])
        m.submodules.store = store
        read, write = store.read_port(), store.write_port(granularity=self.size.row_bits)
        part, at = Signal(range(max(2, outputs))), Signal(range(self.size.weight_rows))
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.data.eq(read.data),
            write.addr.eq(at),
            write.data.eq(Cat(row, Mux(self.columns, row, 0).replicate(outputs - 1))),
            write.en.eq(Mux(self.rows.valid, Mux(self.columns, 1 << part, -1), 0)),
        ]
        with m.If(self.rows.valid):
            with m.If(self.columns & (part != outputs - 1)):
                m.d.sync += part.eq(part + 1)
            with m.Else():
                m.d.sync += [part.eq(0), at.eq(at + 1)]
                with m.If(at == self.known):
                    m.d.sync += self.known.eq(self.known + 1)
        with m.If(self.restart):
            m.d.sync += [at.eq(0), part.eq(0)]
        return m


class ChannelStore(wiring.Component):
    """Rows of the parameters of `requantizers` channels.

    * words: bias, multiplier and shift of one channel after the other. `restart`: the next one is channel 0's bias.
    * address, enable: `data` has the row a cycle later, and keeps it while `enable` is 0.
    * known: channels from this one on were not written since reset.
    """

    def __init__(self, size: EngineSize):
        self.size = size
        super().__init__(
            {
                "restart": In(1),
                "words": In(stream.Signature(unsigned(32), always_ready=True)),
                "address": In(range(size.channels // size.requantizers)),
                "enable": In(1),
                "data": Out(CHANNEL.size * size.requantizers),
                "known": Out(range(size.channels + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        per_row, word = self.size.requantizers, self.words.payload
        store = Memory(shape=unsigned(len(self.data)), depth=self.size.channels // per_row, init=[])
        m.submodules.store = store
        read, write = store.read_port(), store.write_port(granularity=CHANNEL.size)
        kind, number = Signal(range(3)), Signal(range(self.size.channels))
        bias, multiplier, channel = Signal(32), Signal(31), Signal(CHANNEL)
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.data.eq(read.data),
            channel.bias.eq(bias),
            channel.multiplier.eq(multiplier),
            channel.shift.eq(word[:SHIFT_BITS].as_signed()),
            write.addr.eq(number >> (per_row - 1).bit_length()),
            write.data.eq(channel.as_value().replicate(per_row)),
        ]
        with m.If(self.words.valid):
            m.d.sync += kind.eq(Mux(kind == 2, 0, kind + 1))
            with m.Switch(kind):
                with m.Case(0):
                    m.d.sync += bias.eq(word)
                with m.Case(1):
                    m.d.sync += multiplier.eq(word)
                with m.Default():
                    m.d.sync += number.eq(number + 1)
                    with m.If(number == self.known):
                        m.d.sync += self.known.eq(self.known + 1)
                    m.d.comb += write.en.eq(1 << (number % per_row))
        with m.If(self.restart):
            m.d.sync += [kind.eq(0), number.eq(0)]
        return m
