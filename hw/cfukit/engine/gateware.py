"""The streaming engine: convolutions that run through the memory port on their own, made of the parts in cfukit.parts.

    walker -> gather -> window store -\\
                        weight store --> MAC array -> accumulators -> requantizers -> packer -> memory
                                                       channel store -/

The memory port does three things, in this order of precedence: it writes results, loads weights and channels, and reads windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory, ReadPort

from cfukit.engine.model import ADD_ROW, ADD_SHIFT, EngineModel, Job
from cfukit.gateware import State
from cfukit.memory import MemoryPort
from cfukit.parts.mac_array import MacArray
from cfukit.parts.requantizer import SHIFT_BITS, Requantizer
from cfukit.parts.row_packer import RowPacker
from cfukit.parts.window_gather import OUTSTANDING, WindowGather
from cfukit.parts.window_walker import ADDRESS_BITS, CHANNEL_BITS, SIZE_BITS, WINDOWS, WindowWalker


@dataclass(frozen=True)
class EngineSize:
    """How large an engine is.

    * lanes: bytes of a row, of the memory port as of the stores: 4, 8 or 16.
    * outputs: output channels that are computed at once; lanes * outputs multiplications per cycle.
    * requantizers: results per cycle: 1, 2 or 4.
    * weight_rows: each has lanes * outputs weights. window_rows: each has `lanes` activations. channels: output channels of a job.
    """

    lanes: int = 16
    outputs: int = 4
    requantizers: int = 2
    weight_rows: int = 512
    window_rows: int = 512
    channels: int = 512

    @property
    def fed_words(self) -> int:
        """Words of weights that one `feed` takes."""
        return min(2, self.lanes // 4)


CHANNEL = data.StructLayout({"bias": signed(32), "multiplier": unsigned(31), "shift": signed(SHIFT_BITS)})


class Engine(State):
    """One job at a time. `start` with `job` begins it, `busy` says that it runs, `status` how it went (0: well)."""

    def __init__(self, memory: MemoryPort, size: EngineSize):
        assert memory.width == 8 * size.lanes
        self.memory, self.size = memory, size
        self.windows = Signal(WINDOWS)
        self.rows = Signal(16)
        self.output_address = Signal(ADDRESS_BITS)
        self.output_pixel_bytes = Signal(ADDRESS_BITS - 3)
        self.output_channels = Signal(CHANNEL_BITS)
        self.input_zero_point, self.output_zero_point = Signal(signed(8)), Signal(signed(8))
        self.low, self.high = Signal(signed(8)), Signal(signed(8))
        # What instructions drive for one cycle.
        self.start, self.job = Signal(), Signal(range(8))
        self.from_address, self.count = Signal(ADDRESS_BITS), Signal(16)
        self.feed, self.feed_restarts, self.feed_channels = Signal(), Signal(), Signal()
        self.word, self.second_word = Signal(32), Signal(32)
        # What they see.
        self.busy, self.status = Signal(), Signal(4)
        self.adds, self.makes_terms = Signal(), Signal()  # the job is ADD, TERMS
        # What was written since reset. The rest counts as 0.
        self.known_rows = Signal(range(size.weight_rows + 1))
        self.known_channels = Signal(range(size.channels + 1))
        self.known_terms = Signal()
        self.reset()

    # --- gateware

    def gateware(self, m: Module) -> None:
        size, memory = self.size, self.memory
        m.submodules.walker = walker = WindowWalker(size.lanes)
        m.submodules.gather = gather = WindowGather(size.lanes, size.window_rows)
        m.submodules.packer = packer = RowPacker(size.requantizers, size.lanes)
        m.submodules.rows_out = rows_out = SyncFIFO(width=len(packer.o.payload.as_value()), depth=4)

        runs, depthwise = Signal(), Signal()  # a job of windows; of which kind
        bad = Signal()
        m.d.comb += [
            runs.eq(
                self.start & ((self.job == Job.CONV) | (self.job == Job.DEPTHWISE) | (self.job == Job.ADD))
            ),
            bad.eq((self.rows == 0) | (self.rows > size.window_rows) | self._a_size_is_0()),
        ]
        outputs = Signal(CHANNEL_BITS)
        m.d.comb += outputs.eq(Mux(depthwise, self.windows.channels, self.output_channels))
        begins = Signal()
        m.d.sync += begins.eq(0)
        with m.If(self.start):
            m.d.sync += [self.busy.eq(1), self.status.eq(0), depthwise.eq(self.job != Job.CONV)]
            m.d.sync += [self.adds.eq(self.job == Job.ADD), self.makes_terms.eq(self.job == Job.TERMS)]
        with m.If(runs):
            with m.If(bad):
                m.d.sync += [self.busy.eq(0), self.status.eq(1)]
            with m.Else():
                m.d.sync += begins.eq(1)

        m.d.comb += [
            walker.start.eq(begins),
            walker.windows.eq(self.windows),
            walker.windows.depthwise.eq(depthwise),
            gather.start.eq(begins),
            gather.depthwise.eq(depthwise),
            gather.zero_point.eq(self.input_zero_point),
            gather.rows.eq(self.rows),
            gather.runs.valid.eq(walker.runs.valid),
            gather.runs.payload.eq(walker.runs.payload),
            walker.runs.ready.eq(gather.runs.ready),
            packer.start.eq(begins),
            packer.address.eq(self.output_address),
            packer.pixel_bytes.eq(self.output_pixel_bytes),
            rows_out.w_data.eq(packer.o.payload.as_value()),
            rows_out.w_en.eq(packer.o.valid),
            packer.o.ready.eq(rows_out.w_rdy),
        ]
        loader = self._loader(m)
        self._compute(m, begins, depthwise, outputs, gather, packer)

        # The memory port.
        row = Signal(packer.o.payload.shape())
        m.d.comb += [
            row.eq(rows_out.r_data),
            memory.we.eq(rows_out.r_rdy),
            memory.cmd_valid.eq(rows_out.r_rdy | loader.reads | gather.reads.valid),
            memory.addr.eq(
                Mux(rows_out.r_rdy, row.address, Mux(loader.reads, loader.address, gather.reads.payload))
            ),
            memory.data.eq(row.data),
            memory.mask.eq(row.mask),
            rows_out.r_en.eq(memory.cmd_ready),
            loader.ready.eq(memory.cmd_ready & ~rows_out.r_rdy),
            gather.reads.ready.eq(memory.cmd_ready & ~rows_out.r_rdy & ~loader.reads),
            gather.answer.valid.eq(memory.rsp_valid & ~loader.busy),
            gather.answer.payload.eq(memory.rsp_data),
        ]
        with m.If(rows_out.r_rdy & memory.cmd_ready & row.last):
            m.d.sync += self.busy.eq(0)
        with m.If(gather.misfit):
            m.d.sync += self.status[1].eq(1)

    def _a_size_is_0(self) -> Value:
        w = self.windows
        sizes = [w.height, w.width, w.channels, w.filter_height, w.filter_width, w.output_height]
        return Cat(size == 0 for size in [*sizes, w.output_width, self.output_channels]).any()

    def _loader(self, m: Module) -> _Loader:
        """Weights and channels, from memory or word by word from the CPU, into their stores."""
        size, memory = self.size, self.memory
        words = size.lanes // 4
        loader = _Loader()
        weights, columns, channels = (
            Signal(),
            Signal(),
            Signal(),
        )  # what is being loaded; all columns or the first
        to_ask, to_come, flying = Signal(16), Signal(16), Signal(range(OUTSTANDING + 1))
        asks = Signal()
        m.d.comb += [
            loader.busy.eq(weights | channels),
            loader.reads.eq(weights & (to_ask != 0) & (flying != OUTSTANDING)),
            asks.eq(loader.reads & loader.ready),
        ]
        arrives = Signal()
        m.d.comb += arrives.eq(memory.rsp_valid & loader.busy)
        m.d.sync += flying.eq(flying + asks - arrives)
        with m.If(asks):
            m.d.sync += [to_ask.eq(to_ask - 1), loader.address.eq(loader.address + size.lanes)]

        # Weight rows: `outputs` rows of the memory make one of the store, or only its first part.
        row_bits = 8 * size.lanes
        store = Memory(shape=unsigned(row_bits * size.outputs), depth=size.weight_rows, init=[])
        m.submodules.weights = store
        self.weight_read = store.read_port()
        write = store.write_port(granularity=row_bits)
        part, at = Signal(range(max(2, size.outputs))), Signal(range(size.weight_rows))
        fed, fed_words, fed_row = Signal(), Signal(range(max(2, words))), Signal(row_bits)
        writes, row = Signal(), Signal(row_bits)
        m.d.comb += [
            writes.eq((arrives & weights) | fed),
            write.addr.eq(at),
            # A row of depthwise weights is one of the memory, and zeros.
            row.eq(Mux(weights, memory.rsp_data, fed_row)),
            write.data.eq(Cat(row, Mux(columns, row, 0).replicate(size.outputs - 1))),
            write.en.eq(Mux(writes, Mux(columns, 1 << part, -1), 0)),
        ]
        with m.If(writes):
            with m.If(columns & (part != size.outputs - 1)):
                m.d.sync += part.eq(part + 1)
            with m.Else():
                m.d.sync += [part.eq(0), at.eq(at + 1)]
                with m.If(at == self.known_rows):
                    m.d.sync += self.known_rows.eq(self.known_rows + 1)
        with m.If(arrives & weights):
            m.d.sync += to_come.eq(to_come - 1)
            with m.If(to_come == 1):
                m.d.sync += [weights.eq(0), self.busy.eq(0)]
        m.d.sync += fed.eq(0)

        # Channels: three words each.
        store = Memory(
            shape=unsigned(CHANNEL.size * size.requantizers),
            depth=size.channels // size.requantizers,
            init=[],
        )
        m.submodules.channels = store
        self.channel_read = store.read_port()
        write = store.write_port(granularity=CHANNEL.size)
        word, word_valid = Signal(32), Signal()
        kind, number = Signal(range(3)), Signal(range(size.channels))
        bias, multiplier, channel = Signal(32), Signal(31), Signal(CHANNEL)
        m.d.comb += [
            channel.bias.eq(bias),
            channel.multiplier.eq(multiplier),
            channel.shift.eq(word[:SHIFT_BITS].as_signed()),
            write.addr.eq(number >> (size.requantizers - 1).bit_length()),
            write.data.eq(channel.as_value().replicate(size.requantizers)),
        ]
        with m.If(word_valid):
            m.d.sync += kind.eq(Mux(kind == 2, 0, kind + 1))
            with m.Switch(kind):
                with m.Case(0):
                    m.d.sync += bias.eq(word)
                with m.Case(1):
                    m.d.sync += multiplier.eq(word)
                with m.Default():
                    m.d.sync += number.eq(number + 1)
                    with m.If(number == self.known_channels):
                        m.d.sync += self.known_channels.eq(self.known_channels + 1)
                    m.d.comb += write.en.eq(1 << (number % size.requantizers))
        # From memory: a row at a time is shifted out, while the next one is on its way.
        shifting, shifts_left = Signal(row_bits), Signal(range(words + 1))
        waiting, waiting_full = Signal(row_bits), Signal()
        first_word = Signal(range(max(2, words)))
        with m.If(channels):
            m.d.comb += [
                loader.reads.eq((to_ask != 0) & (flying == 0) & ~waiting_full),
                word.eq(shifting[:32]),
                word_valid.eq(shifts_left != 0),
            ]
            with m.If(arrives):
                m.d.sync += [waiting.eq(memory.rsp_data), waiting_full.eq(1)]
            with m.If(shifts_left != 0):
                m.d.sync += [shifting.eq(shifting >> 32), shifts_left.eq(shifts_left - 1)]
                m.d.sync += to_come.eq(to_come - 1)
                with m.If(to_come == 1):
                    m.d.sync += [channels.eq(0), self.busy.eq(0), shifts_left.eq(0), waiting_full.eq(0)]
            with m.If(waiting_full & (shifts_left <= 1) & ~((shifts_left == 1) & (to_come == 1))):
                m.d.sync += [
                    shifting.eq(waiting >> (first_word << 5)),
                    shifts_left.eq(words - first_word),
                    first_word.eq(0),
                    waiting_full.eq(0),
                ]

        with m.If(self.start & ((self.job == Job.WEIGHTS) | (self.job == Job.DEPTHWISE_WEIGHTS))):
            m.d.sync += [
                weights.eq(self.count != 0),
                self.busy.eq(self.count != 0),
                columns.eq(self.job == Job.WEIGHTS),
                loader.address.eq(self.from_address),
                to_ask.eq(self.count),
                to_come.eq(self.count),
                at.eq(0),
                part.eq(0),
            ]
        with m.If(self.start & (self.job == Job.CHANNELS)):
            offset = self.from_address[2 : (size.lanes - 1).bit_length()]
            n_words = Signal(16)
            m.d.comb += n_words.eq(self.count * 3)
            m.d.sync += [
                channels.eq(self.count != 0),
                self.busy.eq(self.count != 0),
                loader.address.eq(self.from_address & ~(size.lanes - 1)),
                to_ask.eq((n_words + offset + words - 1) >> (words - 1).bit_length()),
                to_come.eq(n_words),
                first_word.eq(offset),
                kind.eq(0),
                number.eq(0),
            ]

        # Word by word.
        with m.If(self.feed & self.feed_restarts):
            m.d.sync += [at.eq(0), part.eq(0), fed_words.eq(0), kind.eq(0), number.eq(0)]
            m.d.sync += columns.eq(self.word[0])
        with m.Elif(self.feed & self.feed_channels):
            m.d.comb += [word.eq(self.word), word_valid.eq(1)]
        with m.Elif(self.feed):
            new = Cat(self.word, self.second_word)[: 32 * size.fed_words]
            m.d.sync += fed_row.eq(Cat(fed_row, new)[-row_bits:])
            with m.If(fed_words == words - size.fed_words):
                m.d.sync += [fed_words.eq(0), fed.eq(1)]
            with m.Else():
                m.d.sync += fed_words.eq(fed_words + size.fed_words)
        return loader

    def _compute(
        self,
        m: Module,
        begins: Signal,
        depthwise: Signal,
        outputs: Signal,
        gather: WindowGather,
        packer: RowPacker,
    ) -> None:
        """From windows in the store to results in the packer."""
        size = self.size
        w = self.windows
        store = Memory(shape=unsigned(8 * size.lanes), depth=size.window_rows, init=[])
        m.submodules.windows = store
        write, window_read = store.write_port(granularity=8), store.read_port()
        m.d.comb += [
            write.addr.eq(gather.row),
            write.data.eq(gather.data),
            write.en.eq(Mux(gather.write, gather.mask, 0)),
        ]
        # Windows in the store: rows that are taken, and windows that are complete.
        used, ready = Signal(range(size.window_rows + 1)), Signal(range(size.window_rows + 1))
        released = Signal()
        m.d.comb += gather.room.eq(used + self.rows <= size.window_rows)
        m.d.sync += used.eq(used + Mux(gather.begins, self.rows, 0) - Mux(released, self.rows, 0))
        m.d.sync += ready.eq(ready + gather.gathered - released)

        # The order of rows: for each pixel, for each group of output channels, the rows of its window.
        advance, issue, running = Signal(), Signal(), Signal()
        x, y = Signal(SIZE_BITS), Signal(SIZE_BITS)
        row, left, channel = Signal(range(size.window_rows + 2)), Signal(CHANNEL_BITS), Signal(CHANNEL_BITS)
        base, at = Signal(range(size.window_rows)), Signal(range(size.window_rows))
        weight = Signal(range(size.weight_rows))
        step = Mux(depthwise, size.lanes, size.outputs)
        group_ends, pixel_ends, job_ends = Signal(), Signal(), Signal()
        m.d.comb += [
            issue.eq(running & advance & (ready != 0)),
            group_ends.eq(row == self.rows),
            pixel_ends.eq(group_ends & (left <= step)),
            job_ends.eq(pixel_ends & (x == w.output_width) & (y == w.output_height)),
            released.eq(issue & group_ends & (depthwise | pixel_ends)),
            window_read.addr.eq(base + at),
            window_read.en.eq(advance),
            self.weight_read.addr.eq(weight),
            self.weight_read.en.eq(advance),
        ]
        with m.If(issue):
            m.d.sync += [row.eq(row + 1), at.eq(at + 1), weight.eq(weight + 1)]
            with m.If((weight == size.weight_rows - 1) & ~pixel_ends):
                m.d.sync += self.status[2].eq(1)
            with m.If(group_ends):
                m.d.sync += [row.eq(1), at.eq(0), left.eq(left - step), channel.eq(channel + step)]
            with m.If(released):
                m.d.sync += base.eq(base + self.rows)
            with m.If(pixel_ends):
                m.d.sync += [weight.eq(0), left.eq(outputs), channel.eq(0), x.eq(x + 1)]
                with m.If(x == w.output_width):
                    m.d.sync += [x.eq(1), y.eq(y + 1)]
            with m.If(job_ends):
                m.d.sync += running.eq(0)
        with m.If(begins):
            m.d.sync += [running.eq(1), x.eq(1), y.eq(1), row.eq(1), left.eq(outputs), channel.eq(0)]
            m.d.sync += [base.eq(0), at.eq(0), weight.eq(0), used.eq(0), ready.eq(0)]

        # Down the pipeline: a register for the stores, and those of the MAC array.
        token_layout = data.StructLayout(
            {
                "valid": 1,
                "first": 1,
                "last": 1,
                "known": 1,
                "count": range(size.lanes + 1),
                "channel": unsigned(CHANNEL_BITS),
                "pixel_ends": 1,
                "job_ends": 1,
            }
        )
        tokens = [Signal(token_layout, name=f"token{n}") for n in range(MacArray.LATENCY_CYCLES + 2)]
        m.d.comb += [
            tokens[0].valid.eq(issue),
            tokens[0].first.eq(row == 1),
            tokens[0].last.eq(group_ends),
            tokens[0].known.eq(weight < self.known_rows),
            tokens[0].count.eq(Mux(left < step, left, step)),
            tokens[0].channel.eq(channel),
            tokens[0].pixel_ends.eq(pixel_ends),
            tokens[0].job_ends.eq(job_ends),
        ]
        with m.If(advance):
            m.d.sync += [new.eq(old) for old, new in pairwise(tokens)]
        m.submodules.macs = macs = MacArray(size.lanes, size.outputs)
        m.d.comb += [
            macs.enable.eq(advance),
            macs.x.eq(window_read.data),
            macs.w.eq(self.weight_read.data),
        ]

        # Accumulators, and the sums that wait to be requantised.
        token = tokens[-1]
        sums = [Signal(signed(32), name=f"sum{n}", reset_less=True) for n in range(size.lanes)]
        totals = [Signal(signed(32), name=f"total{n}") for n in range(size.lanes)]
        held = Signal(32 * size.lanes, reset_less=True)
        held_count, held_channel = Signal(range(size.lanes + 1)), Signal(CHANNEL_BITS)
        held_pixel_ends, held_job_ends, takes, empties = Signal(), Signal(), Signal(), Signal()
        for n, (sum_, total) in enumerate(zip(sums, totals, strict=True)):
            term = macs.products.word_select(n, 16).as_signed()
            if n < size.outputs:
                term = Mux(depthwise, term, macs.sums.word_select(n, macs.sum_bits).as_signed())
            m.d.comb += total.eq(Mux(token.first, 0, sum_) + Mux(token.known, term, 0))
            with m.If(advance & token.valid):
                m.d.sync += sum_.eq(total)
        width = size.requantizers
        m.d.comb += [
            empties.eq((held_count == 0) | (takes & (held_count <= width))),
            advance.eq(~(token.valid & token.last) | empties),
        ]
        with m.If(takes):
            m.d.sync += [held.eq(held >> 32 * width), held_channel.eq(held_channel + width)]
            m.d.sync += held_count.eq(Mux(held_count <= width, 0, held_count - width))
        with m.If(advance & token.valid & token.last):
            m.d.sync += [
                held.eq(Cat(totals)),
                held_count.eq(token.count),
                held_channel.eq(token.channel),
                held_pixel_ends.eq(token.pixel_ends),
                held_job_ends.eq(token.job_ends),
            ]

        # A register while the channel store is read, then the requantisers side by side.
        tag_layout = data.StructLayout(
            {"count": range(width + 1), "pixel_ends": 1, "last": 1, "term": unsigned(9), "is_term": 1}
        )
        tag, moves, filled = Signal(tag_layout), Signal(), Signal()
        asked, row = Signal(32 * width, reset_less=True), Signal.like(self.channel_read.addr)
        known = Signal(width)  # channels
        requantizers = [Requantizer(tag_layout.size if n == 0 else 0) for n in range(width)]
        ends = held_count <= width
        term, terms_left = Signal(9), Signal()  # of the table that TERMS makes
        m.d.comb += [
            moves.eq(~filled | requantizers[0].i.ready),
            takes.eq((held_count != 0) & moves),
            row.eq(held_channel >> (width - 1).bit_length()),
            self.channel_read.addr.eq(row),
            self.channel_read.en.eq(moves),
        ]
        with m.If(self.adds):
            m.d.comb += row.eq(ADD_ROW)
        with m.If(self.makes_terms):
            m.d.comb += row.eq(term[8])
        with m.If(moves):
            m.d.sync += [
                filled.eq(takes | terms_left),
                known.eq(Cat(row * width + n < self.known_channels for n in range(width))),
                asked.eq(Mux(terms_left, term[:8].as_signed() << ADD_SHIFT, held)),
                tag.count.eq(Mux(ends, held_count, width)),
                tag.pixel_ends.eq(ends & held_pixel_ends),
                tag.last.eq(ends & held_job_ends),
                tag.term.eq(term),
                tag.is_term.eq(terms_left),
            ]
            with m.If(terms_left):
                m.d.sync += [term.eq(term + 1), terms_left.eq(term != 511)]
        with m.If(self.start & (self.job == Job.TERMS)):
            m.d.sync += [terms_left.eq(1), term.eq(0)]
        tables = [self._term_table(m, n, requantizers[0], tag_layout) for n in range(2)]
        m.d.comb += requantizers[0].i.payload.tag.eq(tag)
        for n, requantizer in enumerate(requantizers):
            m.submodules[f"requantizer{n}"] = requantizer
            channel_of, total_of = (
                Signal(CHANNEL, name=f"channel{n}"),
                Signal(signed(32), name=f"total_of{n}"),
            )
            pair = held.word_select(n, 32)
            reads = [table.reads[n] for table in tables]
            m.d.comb += [
                reads[0].addr.eq(pair[:8]),
                reads[1].addr.eq(-((pair[:16] + 128) >> 8)),
                reads[0].en.eq(moves),
                reads[1].en.eq(moves),
                total_of.eq(
                    Mux(
                        self.adds,
                        Mux(self.known_terms, reads[0].data + reads[1].data, 0),
                        asked.word_select(n, 32),
                    )
                ),
            ]
            m.d.comb += [
                channel_of.eq(self.channel_read.data.word_select(n, CHANNEL.size)),
                requantizer.i.valid.eq(filled),
                requantizer.i.payload.total.eq(total_of),
                requantizer.i.payload.bias.eq(channel_of.bias),
                requantizer.i.payload.multiplier.eq(Mux(known[n], channel_of.multiplier, 0)),
                requantizer.i.payload.shift.eq(channel_of.shift),
                requantizer.zero_point.eq(self.output_zero_point),
                requantizer.low.eq(self.low),
                requantizer.high.eq(self.high),
                requantizer.o.ready.eq(packer.i.ready | self.makes_terms),
                packer.i.payload.bytes.word_select(n, 8).eq(requantizer.o.payload.value),
            ]
        result = Signal(tag_layout)
        m.d.comb += [
            result.eq(requantizers[0].o.payload.tag),
            packer.i.valid.eq(requantizers[0].o.valid & ~result.is_term),
            packer.i.payload.count.eq(result.count),
            packer.i.payload.pixel_ends.eq(result.pixel_ends),
            packer.i.payload.last.eq(result.last),
        ]

    def _term_table(
        self, m: Module, number: int, first: Requantizer, tag_layout: data.StructLayout
    ) -> _Table:
        """Term by int8, 32 bits each, with a read port for each requantiser. The first requantiser makes the terms."""
        memory = Memory(shape=signed(32), depth=256, init=[])
        m.submodules[f"terms{number}"] = memory
        table = _Table([memory.read_port() for _ in range(self.size.requantizers)])
        write, tag = memory.write_port(), Signal(tag_layout)
        m.d.comb += [
            tag.eq(first.o.payload.tag),
            write.addr.eq(tag.term[:8]),
            write.data.eq(first.o.payload.scaled),
            write.en.eq(first.o.valid & tag.is_term & (tag.term[8] == number)),
        ]
        with m.If(write.en & (tag.term == 511)):
            m.d.sync += [self.busy.eq(0), self.known_terms.eq(1)]
        return table

    # --- model

    def reset(self) -> None:
        self.model = EngineModel(self.memory, self.size)


@dataclass
class _Table:
    """The read ports of a table, one for each requantiser."""

    reads: list[ReadPort]


class _Loader:
    """The loader's side of the memory port."""

    def __init__(self) -> None:
        self.busy, self.reads, self.ready = Signal(), Signal(), Signal()
        self.address = Signal(ADDRESS_BITS)
