"""From sums to int8: the parameters of the channels, the terms of an ADD, and the requantisers side by side."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory, ReadPort
from amaranth.lib.wiring import In, Out

from cfukit.engine.addends import PLACE
from cfukit.engine.model import ADD_ROW, ADD_SHIFT
from cfukit.engine.size import CHANNEL, EngineSize
from cfukit.engine.sums import sums_layout
from cfukit.parts.requantizer import SHIFT_BITS, Requantizer
from cfukit.parts.row_packer import item_layout


@dataclass(frozen=True)
class _State:
    """Of the register before the requantisers, and the tag of their result."""

    tag: data.View[data.StructLayout]
    result: data.View[data.StructLayout]
    moves: Signal
    filled: Signal
    known: Signal
    known_terms: Signal
    terms_left: Signal


class Results(wiring.Component):
    """Sums -> results, `requantizers` per cycle.

    * row, enable, channels, known_rows: the ChannelStore, which answers a cycle later. base: its row with the job's first channels.
    * adds: each sum is that of an ADD. alike: every channel is one of the job's first row.
    * `make_terms` fills the tables of ADD's terms from the job's first two rows; `terms_made` is 1 for a cycle at the end. Meanwhile
      `makes_terms` is 1, and no sums come.
    * zero_point, low, high: as the Requantizer has them.
    * Latency: that of the Requantizer and one cycle more.

    An engine with `residual` has more. With `sums_up` a result does not leave: it goes through the tables of terms and the requantisers
    once more, together with its addend. Such results come before new sums, so they always find room, and stay in order.

    * places: of the items that enter, for the Addends. addends: what those answer.
    * sum_zero_point, sum_low, sum_high: of what leaves then. Its scale is that of row ADD_ROW when the terms were made.
    * Throughput with `sums_up`: `requantizers` results in two cycles.
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
                **(self._residual_ports() if size.residual else {}),
            }
        )
        self.tag_layout = data.StructLayout(
            {
                "count": range(width + 1),
                "second": 1,
                "pixel_ends": 1,
                "last": 1,
                "term": unsigned(9 + size.residual),
                "is_term": 1,
                **({"again": 1, "is_sum": 1} if size.residual else {}),
            }
        )

    def _residual_ports(self) -> dict[str, wiring.Member]:
        return {
            "sums_up": In(1),
            "places": Out(stream.Signature(PLACE, always_ready=True)),
            "addends": In(stream.Signature(unsigned(8 * self.size.requantizers))),
            "sum_zero_point": In(signed(8)),
            "sum_low": In(signed(8)),
            "sum_high": In(signed(8)),
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width, sums = self.size.requantizers, self.i.payload
        residual = bool(self.size.residual)
        requantizers = [Requantizer(self.tag_layout.size, announces=residual)]
        requantizers += [Requantizer() for _ in range(1, width)]
        # A register while the channel store is read.
        tag, moves, filled = Signal(self.tag_layout), Signal(), Signal()
        asked, known, row = Signal(32 * width, reset_less=True), Signal(), Signal.like(self.row)
        term, terms_left = Signal(9 + residual), Signal()  # of the table that is made
        last_term = 512 if residual else 511  # behind the terms comes the scale
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
            m.d.comb += row.eq(term[8:])
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
                m.d.sync += [term.eq(term + 1), terms_left.eq(term != last_term)]
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
        if residual:
            state = _State(tag, result, moves, filled, known, known_terms, terms_left)
            self._sum_up(m, requantizers, tables, state)
        return m

    def _sum_up(
        self, m: Module, requantizers: list[Requantizer], tables: list[list[ReadPort]], state: _State
    ) -> None:
        """The second time: what changes in the above."""
        first, tag, result = requantizers[0], state.tag, state.result
        loops, next_tag = Signal(), Signal(self.tag_layout)
        multiplier, shift = Signal(31), Signal(signed(SHIFT_BITS))
        channel = Signal(CHANNEL)
        takes = self.i.valid & self.i.ready
        m.d.comb += [
            loops.eq(first.o.valid & result.again & self.addends.valid),
            self.addends.ready.eq(first.o.valid & result.again),
            self.i.ready.eq(state.moves & ~loops),
            self.o.valid.eq(first.o.valid & ~result.is_term & ~result.again),
            self.places.valid.eq(takes & self.sums_up),
            self.places.payload.second.eq(self.i.payload.second),
            self.places.payload.pixel_ends.eq(self.i.payload.pixel_ends),
            channel.eq(self.channels[: CHANNEL.size]),
            next_tag.eq(first.next_tag),
            self.terms_made.eq(first.o.valid & result.is_term & (result.term == 512)),
        ]
        # An item that enters again makes room for itself, so it never waits for the register.
        with m.If(state.moves):
            m.d.sync += [tag.again.eq(self.sums_up & ~state.terms_left), tag.is_sum.eq(0)]
        with m.If(loops):
            m.d.sync += [state.filled.eq(1), tag.eq(result), tag.again.eq(0), tag.is_sum.eq(1)]
        with m.If(state.filled & tag.is_term & (tag.term == 512)):
            m.d.sync += [multiplier.eq(Mux(state.known, channel.multiplier, 0)), shift.eq(channel.shift)]
        for n, requantizer in enumerate(requantizers):
            reads, request = [table[n] for table in tables], requantizer.i.payload
            with m.If(loops):
                m.d.comb += [
                    reads[0].addr.eq(requantizer.o.payload.value),
                    reads[1].addr.eq(self.addends.payload.word_select(n, 8)),
                ]
            with m.If(tag.is_sum):
                m.d.comb += [
                    request.total.eq(Mux(state.known_terms, reads[0].data + reads[1].data, 0)),
                    request.bias.eq(0),
                    request.multiplier.eq(multiplier),
                    request.shift.eq(shift),
                ]
            with m.If(next_tag.is_sum):
                m.d.comb += [
                    requantizer.zero_point.eq(self.sum_zero_point),
                    requantizer.low.eq(self.sum_low),
                    requantizer.high.eq(self.sum_high),
                ]
            with m.If(result.again):
                m.d.comb += requantizer.o.ready.eq(self.addends.valid)

    def _term_table(self, m: Module, number: int, first: Requantizer) -> list[ReadPort]:
        """Term by int8, 32 bits each, with a read port for each requantiser. The first requantiser makes the terms."""
        memory = Memory(shape=signed(32), depth=256, init=[])
        m.submodules[f"terms{number}"] = memory
        write, tag = memory.write_port(), Signal(self.tag_layout)
        m.d.comb += [
            tag.eq(first.o.payload.tag),
            write.addr.eq(tag.term[:8]),
            write.data.eq(first.o.payload.scaled),
            write.en.eq(first.o.valid & tag.is_term & (tag.term[8:] == number)),
        ]
        if number == 1:
            m.d.comb += self.terms_made.eq(write.en & (tag.term == 511))
        return [memory.read_port() for _ in range(self.size.requantizers)]
