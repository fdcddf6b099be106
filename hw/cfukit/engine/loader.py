"""Weights and channels on their way into the stores: from the data TCM, from main memory, or word by word from the CPU. Copies into
the data TCM."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from cfukit.dma import COMMAND
from cfukit.engine.model import Job
from cfukit.engine.size import EngineSize
from cfukit.engine.stores import words_layout
from cfukit.parts.window_gather import OUTSTANDING
from cfukit.parts.window_walker import ADDRESS_BITS


def copy_layout(size: EngineSize) -> data.StructLayout:
    """A row for an aligned address of the data TCM."""
    return data.StructLayout({"address": unsigned(ADDRESS_BITS), "data": unsigned(size.row_bits)})


class Loader(wiring.Component):
    """What `start` with a job of loading does, and `feed`.

    * start, job, address, count: a job that loads. With a count of 0 it does not begin. behind: it loads behind what the store has, and
      only what fits beside that: free_rows, free_channels.
    * busy: a job loads. `owns_memory`: answers of the data TCM are for the loader. `settles`: it is not known yet whether the job is
      refused. `streams`: weights come from main memory, and may be used as they come.
    * by_dma: the job loads from main memory, of which `main_bytes` from `main_begin` on may be read, both
      multiples of `lanes`. `bad`: it is refused, because of what it would read or because the store is smaller.
    * feed: `words` go to the weights, or the first of them to the channels. With `feed_restarts`, the next ones go to the begin of
      both stores, or of the channels' alone if bit 1 is 1, or of the weights' alone if bit 2 is. Bit 0 says whether weights are in columns.
    * copies: what a job COPY writes to the data TCM, from `to` on. queued: how many of these rows wait to be written, at most OUTSTANDING.
    * rows, columns, restarts_weights: as the WeightStore takes them. words, restarts_channels: as the ChannelStore takes them.
    * Throughput: from main memory a row per cycle; from the data TCM a row per cycle for weights, and in three cycles for channels.
    """

    def __init__(self, size: EngineSize):
        self.size = size
        row = unsigned(size.row_bits)
        super().__init__(
            {
                "start": In(1),
                "job": In(range(16)),
                "by_dma": In(1),
                "behind": In(1),
                "free_rows": In(range(size.weight_rows + 1)),
                "free_channels": In(range(size.channels + 1)),
                "address": In(32),
                "count": In(16),
                "to": In(ADDRESS_BITS),
                "queued": In(range(OUTSTANDING + 1)),
                "main_begin": In(32),
                "main_bytes": In(32),
                "feed": In(1),
                "feed_restarts": In(1),
                "feed_channels": In(1),
                "fed": In(64),
                "busy": Out(1),
                "owns_memory": Out(1),
                "settles": Out(1),
                "streams": Out(1),
                "bad": Out(1),
                "reads": Out(stream.Signature(unsigned(ADDRESS_BITS))),
                "answer": In(stream.Signature(row, always_ready=True)),
                "commands": Out(stream.Signature(COMMAND)),
                "elements": In(stream.Signature(row)),
                "copies": Out(stream.Signature(copy_layout(size))),
                "rows": Out(stream.Signature(row, always_ready=True)),
                "columns": Out(1),
                "restarts_weights": Out(1),
                "words": Out(stream.Signature(words_layout(size))),
                "restarts_channels": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size, words = self.size, self.size.lanes // 4
        weights, channels, copies = Signal(), Signal(), Signal()  # what is being loaded
        reads_main = Signal()  # else the data TCM
        address = Signal(32)
        to_ask, to_come, flying = Signal(16), Signal(16), Signal(range(OUTSTANDING + 1))
        asks, arrives, may_ask = Signal(), Signal(), Signal()
        arrived = Signal(size.row_bits)
        m.d.comb += [
            self.busy.eq(weights | channels | copies),
            self.owns_memory.eq(self.busy & ~reads_main),
            self.streams.eq(weights & reads_main & ~self.settles),
            self.reads.valid.eq(self.owns_memory & (to_ask != 0) & may_ask),
            self.reads.payload.eq(address),
            asks.eq(self.reads.valid & self.reads.ready),
            arrives.eq(
                Mux(
                    reads_main,
                    self.elements.valid & self.elements.ready,
                    self.answer.valid & self.owns_memory,
                )
            ),
            arrived.eq(Mux(reads_main, self.elements.payload, self.answer.payload)),
        ]
        m.d.sync += flying.eq(flying + asks - (self.answer.valid & self.owns_memory))
        with m.If(asks):
            m.d.sync += [to_ask.eq(to_ask - 1), address.eq(address + size.lanes)]

        with m.If(weights):
            m.d.comb += [
                may_ask.eq(flying != OUTSTANDING),
                self.rows.valid.eq(arrives),
                self.rows.payload.eq(arrived),
                self.elements.ready.eq(reads_main),
            ]
            with m.If(arrives):
                m.d.sync += to_come.eq(to_come - 1)
                with m.If(to_come == 1):
                    m.d.sync += weights.eq(0)

        to = Signal(ADDRESS_BITS)
        with m.If(copies):
            m.d.comb += [
                may_ask.eq(flying + self.queued < OUTSTANDING),
                self.copies.valid.eq(Mux(reads_main, self.elements.valid, arrives)),
                self.copies.payload.address.eq(to),
                self.copies.payload.data.eq(arrived),
                self.elements.ready.eq(reads_main & self.copies.ready),
            ]
            with m.If(arrives):
                m.d.sync += [to_come.eq(to_come - 1), to.eq(to + size.lanes)]
                with m.If(to_come == 1):
                    m.d.sync += copies.eq(0)

        # Channels: a row waits until its words are taken.
        row, full, first_word = Signal(size.row_bits), Signal(), Signal(range(max(2, words)))
        taken, rest = Signal(), Signal(range(words + 1))
        with m.If(channels):
            m.d.comb += [
                may_ask.eq((flying == 0) & ~full),
                taken.eq(full & self.words.ready),
                self.elements.ready.eq(reads_main & (~full | taken)),
                rest.eq(words - first_word),
                self.words.valid.eq(full),
                self.words.payload.words.eq(row >> (first_word << 5)),
                self.words.payload.count.eq(Mux(to_come < rest, to_come, rest)),
            ]
            with m.If(taken):
                m.d.sync += [full.eq(0), first_word.eq(0), to_come.eq(to_come - self.words.payload.count)]
                with m.If(to_come <= rest):
                    m.d.sync += channels.eq(0)
            with m.If(arrives):
                m.d.sync += [row.eq(arrived), full.eq(1)]

        loads_weights = (self.job == Job.WEIGHTS) | (self.job == Job.DEPTHWISE_WEIGHTS)
        with m.If(self.start & (loads_weights | (self.job == Job.CHANNELS) | (self.job == Job.COPY))):
            m.d.sync += reads_main.eq(self.by_dma)
        with m.If(self.start & loads_weights):
            m.d.comb += self.restarts_weights.eq(1)
            m.d.sync += [
                weights.eq(self.count != 0),
                self.columns.eq(self.job == Job.WEIGHTS),
                address.eq(self.address),
                to_ask.eq(self.count),
                to_come.eq(self.count),
            ]
        with m.If(self.start & (self.job == Job.COPY)):
            m.d.sync += [
                copies.eq(self.count != 0),
                to.eq(self.to & ~(size.lanes - 1)),
                address.eq(self.address),
                to_ask.eq(self.count),
                to_come.eq(self.count),
            ]
        with m.If(self.start & (self.job == Job.CHANNELS)):
            offset = self.address[2 : (size.lanes - 1).bit_length()]
            n_words = Signal(16)
            m.d.comb += [n_words.eq(self.count + (self.count << 1)), self.restarts_channels.eq(1)]
            m.d.sync += [
                channels.eq(self.count != 0),
                address.eq(self.address & ~(size.lanes - 1)),
                to_ask.eq((n_words + offset + words - 1) >> (words - 1).bit_length()),
                to_come.eq(n_words),
                first_word.eq(offset),
            ]
        if size.dma:
            self._read_main(m, Cat(weights, channels, copies), address, to_ask)
        self._feed(m)
        return m

    def _read_main(self, m: Module, loads: Value, address: Signal, elements: Signal) -> None:
        """Three cycles after `start`, one command for all elements; or the job is refused, and none of `loads` remains."""
        size, lane_bits = self.size, (self.size.lanes - 1).bit_length()
        most = Signal(16)
        with m.Switch(self.job):
            with m.Case(Job.WEIGHTS):
                m.d.comb += most.eq(Mux(self.behind, self.free_rows, size.weight_rows) * size.outputs)
            with m.Case(Job.DEPTHWISE_WEIGHTS):
                m.d.comb += most.eq(Mux(self.behind, self.free_rows, size.weight_rows))
            with m.Case(Job.COPY):
                m.d.comb += most.eq(0xFFFF)
            with m.Default():
                m.d.comb += most.eq(Mux(self.behind, self.free_channels, size.channels))
        aligned = Mux(self.job == Job.CHANNELS, self.address[:2], self.address[:lane_bits]) == 0
        checks, fits = Signal(3), Signal()  # a cycle for each sum
        offset, end = Signal(32), Signal(33)
        m.d.sync += [
            checks.eq(checks << 1),
            offset.eq(address - self.main_begin),
            end.eq(offset + (elements << lane_bits)),
        ]
        m.d.comb += self.settles.eq(checks != 0)
        with m.If(self.start):
            m.d.sync += [checks.eq(self.by_dma & (self.count != 0)), fits.eq(aligned & (self.count <= most))]
        command = self.commands
        with m.If(checks[2]):
            with m.If(fits & (end <= self.main_bytes)):
                m.d.sync += command.valid.eq(1)
            with m.Else():
                m.d.comb += self.bad.eq(1)
                m.d.sync += loads.eq(0)
        m.d.comb += [command.payload.addr.eq(address), command.payload.count.eq(elements)]
        with m.If(command.valid & command.ready):
            m.d.sync += command.valid.eq(0)

    def _feed(self, m: Module) -> None:
        size, words = self.size, self.size.lanes // 4
        fed_words, row, full = Signal(range(max(2, words))), Signal(size.row_bits), Signal()
        m.d.sync += full.eq(0)
        with m.If(full):
            m.d.comb += [self.rows.valid.eq(1), self.rows.payload.eq(row)]
        with m.If(self.feed & self.feed_restarts):
            m.d.comb += [self.restarts_weights.eq(~self.fed[1]), self.restarts_channels.eq(~self.fed[2])]
            with m.If(~self.fed[1]):
                m.d.sync += [fed_words.eq(0), self.columns.eq(self.fed[0])]
        with m.Elif(self.feed & self.feed_channels):
            m.d.comb += [
                self.words.valid.eq(1),
                self.words.payload.words.eq(self.fed[:32]),
                self.words.payload.count.eq(1),
            ]
        with m.Elif(self.feed):
            m.d.sync += row.eq(Cat(row, self.fed[: 32 * size.fed_words])[-size.row_bits :])
            with m.If(fed_words == words - size.fed_words):
                m.d.sync += [fed_words.eq(0), full.eq(1)]
            with m.Else():
                m.d.sync += fed_words.eq(fed_words + size.fed_words)
