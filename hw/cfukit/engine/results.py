"""From sums to int8: the parameters of the channels, the terms of an ADD, and the requantisers side by side."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory, ReadPort
from amaranth.lib.wiring import In, Out

from cfukit.engine.model import ADD_ROW, ADD_SHIFT
from cfukit.engine.size import CHANNEL, EngineSize
from cfukit.engine.sums import sums_layout
from cfukit.parts.requantizer import Requantizer
from cfukit.parts.row_packer import item_layout


class Results(wiring.Component):
    """Sums -> results, `requantizers` per cycle.

    * row, enable, channels, known_rows: the ChannelStore, which answers a cycle later. base: its row with the job's first channels.
    * adds: each sum is that of an ADD. alike: every channel is one of the job's first row.
    * `make_terms` fills the tables of ADD's terms from the job's first two rows; `terms_made` is 1 for a cycle at the end. Meanwhile
      `makes_terms` is 1, and no sums come.
    * zero_point, low, high: as the Requantizer has them.
    * Latency: that of the Requantizer and one cycle more.
    """

    def __init__(self, size: EngineSize):
        self.size = size
        width = size.requantizers
        super().__init__(
            {
                "i": In(stream.Signature(sums_layout(size))),
                "o": Out(stream.Signature(item_layout(width))),
                "row": Out(range(size.channels // width)),
                "enable": Out(1),
                "channels": In(CHANNEL.size * width),
                "known_rows": In(range(size.channels // width + 1)),
                "base": In(range(size.channels // width)),
                "adds": In(1),
                "alike": In(1),
                "make_terms": In(1),
                "makes_terms": In(1),
                "terms_made": Out(1),
                "zero_point": In(signed(8)),
                "low": In(signed(8)),
                "high": In(signed(8)),
            }
        )
        self.tag_layout = data.StructLayout(
            {
                "count": range(width + 1),
                "second": 1,
                "pixel_ends": 1,
                "last": 1,
                "term": unsigned(9),
                "is_term": 1,
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width, sums = self.size.requantizers, self.i.payload
        requantizers = [Requantizer(self.tag_layout.size if n == 0 else 0) for n in range(width)]
        # A register while the channel store is read.
        tag, moves, filled = Signal(self.tag_layout), Signal(), Signal()
        asked, known, row = Signal(32 * width, reset_less=True), Signal(), Signal.like(self.row)
        term, terms_left = Signal(9), Signal()  # of the table that is made
        m.d.comb += [
            moves.eq(~filled | requantizers[0].i.ready),
            self.i.ready.eq(moves),
            row.eq(sums.channel >> (width - 1).bit_length()),
            self.row.eq(self.base + row),
            self.enable.eq(moves),
        ]
        with m.If(self.alike):
            m.d.comb += row.eq(0)
        with m.If(self.adds):
            m.d.comb += row.eq(ADD_ROW)
        with m.If(self.makes_terms):
            m.d.comb += row.eq(term[8])
        with m.If(moves):
            m.d.sync += [
                filled.eq(self.i.valid | terms_left),
                known.eq(self.row < self.known_rows),
                asked.eq(Mux(terms_left, term[:8].as_signed() << ADD_SHIFT, sums.sums)),
                tag.count.eq(sums.count),
                tag.second.eq(sums.second),
                tag.pixel_ends.eq(sums.pixel_ends),
                tag.last.eq(sums.job_ends),
                tag.term.eq(term),
                tag.is_term.eq(terms_left),
            ]
            with m.If(terms_left):
                m.d.sync += [term.eq(term + 1), terms_left.eq(term != 511)]
        with m.If(self.make_terms):
            m.d.sync += [terms_left.eq(1), term.eq(0)]
        known_terms = Signal()
        with m.If(self.terms_made):
            m.d.sync += known_terms.eq(1)
        tables = [self._term_table(m, n, requantizers[0]) for n in range(2)]

        m.d.comb += requantizers[0].i.payload.tag.eq(tag)
        for n, requantizer in enumerate(requantizers):
            m.submodules[f"requantizer{n}"] = requantizer
            channel = Signal(CHANNEL, name=f"channel{n}")
            pair, request = sums.sums.word_select(n, 32), requantizer.i.payload
            reads = [table[n] for table in tables]
            terms = Mux(known_terms, reads[0].data + reads[1].data, 0)
            m.d.comb += [
                reads[0].addr.eq(pair[:8]),
                reads[1].addr.eq(-((pair[:16] + 128) >> 8)),
                reads[0].en.eq(moves),
                reads[1].en.eq(moves),
                channel.eq(self.channels.word_select(n, CHANNEL.size)),
                requantizer.i.valid.eq(filled),
                request.total.eq(Mux(self.adds, terms, asked.word_select(n, 32).as_signed())),
                request.bias.eq(channel.bias),
                request.multiplier.eq(Mux(known, channel.multiplier, 0)),
                request.shift.eq(channel.shift),
                requantizer.zero_point.eq(self.zero_point),
                requantizer.low.eq(self.low),
                requantizer.high.eq(self.high),
                requantizer.o.ready.eq(self.o.ready | self.makes_terms),
                self.o.payload.bytes.word_select(n, 8).eq(requantizer.o.payload.value),
            ]
        result = Signal(self.tag_layout)
        m.d.comb += [
            result.eq(requantizers[0].o.payload.tag),
            self.o.valid.eq(requantizers[0].o.valid & ~result.is_term),
            self.o.payload.count.eq(result.count),
            self.o.payload.second.eq(result.second),
            self.o.payload.pixel_ends.eq(result.pixel_ends),
            self.o.payload.last.eq(result.last),
        ]
        return m

    def _term_table(self, m: Module, number: int, first: Requantizer) -> list[ReadPort]:
        """Term by int8, 32 bits each, with a read port for each requantiser. The first requantiser makes the terms."""
        memory = Memory(shape=signed(32), depth=256, init=[])
        m.submodules[f"terms{number}"] = memory
        write, tag = memory.write_port(), Signal(self.tag_layout)
        m.d.comb += [
            tag.eq(first.o.payload.tag),
            write.addr.eq(tag.term[:8]),
            write.data.eq(first.o.payload.scaled),
            write.en.eq(first.o.valid & tag.is_term & (tag.term[8] == number)),
        ]
        if number == 1:
            m.d.comb += self.terms_made.eq(write.en & (tag.term == 511))
        return [memory.read_port() for _ in range(self.size.requantizers)]
