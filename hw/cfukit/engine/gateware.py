"""The streaming engine: it computes whole operators in the data TCM, through the CFU's memory port. This file connects its units.

    walker -> gather -> WindowOrder -> Sums -> Results -> packer -> memory
                        WeightStore ----/        /
                       ChannelStore ------------/   with `residual`: Addends -> Results
               Loader: WeightStore, ChannelStore

While a job computes, loads from main memory with `behind` may go on: they write rows of the stores behind those that the job reads.

The memory port does three things, in this order of precedence: it writes results and copies, loads weights and channels, and reads windows.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import connect, flipped

from cfukit.dma import DmaPort
from cfukit.engine.addends import Addends
from cfukit.engine.loader import Loader
from cfukit.engine.model import EngineModel, Job, Status
from cfukit.engine.order import WindowOrder
from cfukit.engine.results import Results
from cfukit.engine.size import EngineSize
from cfukit.engine.stores import ChannelStore, WeightStore
from cfukit.engine.sums import Sums, sums_layout
from cfukit.gateware import State
from cfukit.memory import MemoryPort
from cfukit.parts.row_packer import RowPacker
from cfukit.parts.stream_buffer import StreamBuffer
from cfukit.parts.window_gather import OUTSTANDING, WindowGather
from cfukit.parts.window_walker import ADDRESS_BITS, CHANNEL_BITS, WINDOWS, WindowWalker

KIND = data.StructLayout({"depthwise": 1, "adds": 1, "alike": 1, "largest": 1, "makes_terms": 1})
"""Of a job. depthwise: all that compute but CONV and CONV_ADD. adds: ADD. alike: SUM and MAX. largest: MAX. makes_terms: TERMS."""
RESIDUAL_JOBS = (Job.CONV_ADD, Job.DEPTHWISE_ADD)


class Engine(State):
    """`start` with `job` begins a job. `computing` or `loading` say that one runs, `status` how the last one went (0: well).

    Jobs follow each other, with two exceptions:

    * A job that computes may begin while weights are `streaming` from main memory: it waits for each row.
    * While a job computes, one load of weights and one of channels may begin `behind` it, if `may_load_behind`. `ahead`: the last load
      was such a one.

    While a load is `settling`, the descriptor must not change.
    """

    def __init__(self, memory: MemoryPort, size: EngineSize, dma: DmaPort | None = None):
        assert memory.width == size.row_bits and size.dma == (dma.width if dma else 0)
        self.memory, self.dma, self.size = memory, dma, size
        self.windows = Signal(WINDOWS)
        self.rows = Signal(16)
        self.output_address = Signal(ADDRESS_BITS)
        self.output_pixel_bytes = Signal(ADDRESS_BITS - 3)
        self.output_channels = Signal(CHANNEL_BITS)
        self.input_zero_point, self.output_zero_point = Signal(signed(8)), Signal(signed(8))
        self.low, self.high = Signal(signed(8)), Signal(signed(8))
        self.main_begin, self.main_bytes = Signal(32), Signal(32)
        self.addend, self.addend_pixel_bytes = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS - 3)
        self.sum_zero_point, self.sum_low, self.sum_high = (
            Signal(signed(8)),
            Signal(signed(8)),
            Signal(signed(8)),
        )
        self.first_row = Signal(2)
        # What instructions drive for one cycle.
        self.start, self.job = Signal(), Signal(range(16))
        self.by_dma, self.behind = Signal(), Signal()
        self.from_address, self.count = Signal(32), Signal(16)
        self.feed, self.feed_restarts, self.feed_channels = Signal(), Signal(), Signal()
        self.fed = Signal(64)
        # What they see.
        self.computing, self.loading, self.status = Signal(), Signal(), Signal(4)
        self.settling, self.streaming, self.ahead, self.may_load_behind = (
            Signal(),
            Signal(),
            Signal(),
            Signal(),
        )
        self.reset()

    # --- gateware

    def gateware(self, m: Module) -> None:
        size = self.size
        m.submodules.loader = loader = Loader(size)
        m.submodules.weights = weights = WeightStore(size)
        m.submodules.channels = channels = ChannelStore(size)
        m.submodules.walker = walker = WindowWalker(size.lanes)
        m.submodules.gather = gather = WindowGather(size.lanes, size.window_rows, size.pixels)
        m.submodules.order = order = WindowOrder(size)
        m.submodules.sums = sums = Sums(size)
        m.submodules.summed = summed = StreamBuffer(
            sums_layout(size)
        )  # a full packer does not reach back into the sums
        m.submodules.results = results = Results(size)
        m.submodules.packer = packer = RowPacker(size.requantizers, size.lanes, size.pixels)
        begins, kind = self._control(m)
        depthwise = kind.depthwise
        base_row, base_channels = self._behind(m, weights, channels)

        m.d.comb += [
            loader.start.eq(self.start),
            loader.job.eq(self.job),
            loader.by_dma.eq(self.by_dma),
            loader.behind.eq(self.behind),
            loader.free_rows.eq(size.weight_rows - weights.count),
            loader.free_channels.eq(size.channels - channels.count * size.requantizers),
            loader.address.eq(self.from_address),
            loader.count.eq(self.count),
            loader.to.eq(self.output_address),
            loader.main_begin.eq(self.main_begin),
            loader.main_bytes.eq(self.main_bytes),
            loader.feed.eq(self.feed),
            loader.feed_restarts.eq(self.feed_restarts),
            loader.feed_channels.eq(self.feed_channels),
            loader.fed.eq(self.fed),
            weights.restart.eq(loader.restarts_weights),
            weights.behind.eq(self.start & self.behind),
            weights.columns.eq(loader.columns),
            channels.restart.eq(loader.restarts_channels),
            channels.behind.eq(self.start & self.behind),
            walker.start.eq(begins),
            walker.windows.eq(self.windows),
            walker.windows.depthwise.eq(depthwise),
            gather.start.eq(begins),
            gather.depthwise.eq(depthwise),
            gather.zero_point.eq(self.input_zero_point),
            gather.rows.eq(self.rows),
            gather.room.eq(order.room),
            order.start.eq(begins),
            order.depthwise.eq(depthwise),
            order.alike.eq(kind.alike),
            order.rows.eq(self.rows),
            order.outputs.eq(Mux(depthwise, self.windows.channels, self.output_channels)),
            order.output_height.eq(self.windows.output_height),
            order.output_width.eq(self.windows.output_width),
            order.begins.eq(gather.begins),
            order.gathered.eq(gather.gathered),
            order.write.eq(gather.write),
            order.bank.eq(gather.bank),
            order.row.eq(gather.row),
            order.data.eq(gather.data),
            order.mask.eq(gather.mask),
            order.known_rows.eq(weights.known),
            order.streams.eq(loader.streams),
            order.base.eq(base_row),
            order.loaded.eq(weights.count),
            self.settling.eq(loader.settles),
            self.streaming.eq(loader.streams),
            order.advance.eq(sums.advance),
            weights.address.eq(order.weight),
            weights.enable.eq(sums.advance),
            sums.depthwise.eq(depthwise),
            sums.largest.eq(kind.largest),
            sums.token.eq(order.token),
            sums.window.eq(order.window),
            sums.weights.eq(weights.data),
            channels.address.eq(results.row),
            channels.enable.eq(results.enable),
            results.channels.eq(channels.data),
            results.known_rows.eq(channels.known),
            results.base.eq(base_channels),
            results.adds.eq(kind.adds),
            results.alike.eq(kind.alike),
            results.make_terms.eq(self.start & (self.job == Job.TERMS)),
            results.makes_terms.eq(kind.makes_terms),
            results.zero_point.eq(self.output_zero_point),
            results.low.eq(self.low),
            results.high.eq(self.high),
            packer.start.eq(begins),
            packer.address.eq(self.output_address),
            packer.pixel_bytes.eq(self.output_pixel_bytes),
            packer.pairs.eq((size.pixels == 2) & ~depthwise),
        ]
        connect(m, loader.rows, weights.rows)
        connect(m, loader.words, channels.words)
        connect(m, walker.runs, gather.runs)
        connect(m, sums.o, summed.i)
        connect(m, summed.o, results.i)
        connect(m, results.o, packer.i)
        addends = self._residual(m, begins, kind, results) if size.residual else None
        written, writes = self._memory_port(m, loader, gather, packer, addends)
        m.d.comb += self.loading.eq(loader.busy | channels.pending | (writes & ~self.computing))
        with m.If(written | results.terms_made):
            m.d.sync += self.computing.eq(0)
        if self.dma is not None:
            connect(m, loader.commands, flipped(self.dma.read_commands))
            connect(m, self.dma.read_data, loader.elements)
        with m.If(loader.bad):
            m.d.sync += self.status[3].eq(1)
        with m.If(gather.misfit):
            m.d.sync += self.status[1].eq(1)
        with m.If(order.exceeds):
            m.d.sync += self.status[2].eq(1)

    def _control(self, m: Module) -> tuple[Signal, data.View[data.StructLayout]]:
        """Begin or refuse jobs. Whether a job of windows begins, and of which kind the job is."""
        begins, kind = Signal(), Signal(KIND)
        jobs: tuple[Job, ...] = (Job.CONV, Job.DEPTHWISE, Job.ADD, Job.SUM, Job.MAX)
        depthwise = self.job != Job.CONV
        if self.size.residual:
            jobs, depthwise = (*jobs, *RESIDUAL_JOBS), depthwise & (self.job != Job.CONV_ADD)
        m.d.sync += begins.eq(0)
        with m.If(self.start & ~self.behind):
            m.d.sync += [
                self.status.eq(0),
                kind.depthwise.eq(depthwise),
                kind.adds.eq(self.job == Job.ADD),
                kind.alike.eq((self.job == Job.SUM) | (self.job == Job.MAX)),
                kind.largest.eq(self.job == Job.MAX),
                kind.makes_terms.eq(self.job == Job.TERMS),
            ]
            with m.Switch(self.job):
                with m.Case(*jobs):
                    bad = (self.rows == 0) | (self.rows > self.size.window_rows) | self._a_size_is_0()
                    m.d.sync += [self.computing.eq(~bad), begins.eq(~bad), self.status.eq(bad)]
                with m.Case(Job.WEIGHTS, Job.DEPTHWISE_WEIGHTS, Job.CHANNELS, Job.COPY):
                    pass
                with m.Case(Job.TERMS):
                    m.d.sync += self.computing.eq(1)
                with m.Default():
                    m.d.sync += self.status.eq(Status.REFUSED)
        return begins, kind

    def _behind(self, m: Module, weights: WeightStore, channels: ChannelStore) -> tuple[Signal, Signal]:
        """The first row of weights and of channels of the job that computes. What may be loaded beside it."""
        row, channel_row = Signal.like(weights.base), Signal.like(channels.base)
        if self.size.residual:
            first_row = Mux((self.job == Job.CONV_ADD) | (self.job == Job.DEPTHWISE_ADD), self.first_row, 0)
            with m.If(self.start & ~self.behind):
                m.d.sync += channel_row.eq(channels.base + first_row)
        if not self.size.dma:
            return row, channel_row
        done_weights, done_channels = Signal(), Signal()
        is_channels = self.job == Job.CHANNELS
        m.d.comb += self.may_load_behind.eq(
            ~self.loading & ~(self.computing & Mux(is_channels, done_channels, done_weights))
        )
        with m.If(self.start):
            m.d.sync += self.ahead.eq(self.behind)
            with m.If(self.behind):
                m.d.sync += [
                    done_channels.eq(done_channels | is_channels),
                    done_weights.eq(done_weights | ~is_channels),
                ]
            with m.Else():
                m.d.sync += row.eq(weights.base)
                if not self.size.residual:
                    m.d.sync += channel_row.eq(channels.base)
                m.d.sync += [done_weights.eq(0), done_channels.eq(0)]
        return row, channel_row

    def _a_size_is_0(self) -> Value:
        w = self.windows
        sizes = [w.height, w.width, w.channels, w.filter_height, w.filter_width, w.output_height]
        return Cat(size == 0 for size in [*sizes, w.output_width, self.output_channels]).any()

    def _residual(
        self, m: Module, begins: Signal, kind: data.View[data.StructLayout], results: Results
    ) -> Addends:
        """The second operands of CONV_ADD and DEPTHWISE_ADD."""
        m.submodules.addends = addends = Addends(self.size)
        with m.If(self.start & ~self.behind):
            m.d.sync += results.sums_up.eq((self.job == Job.CONV_ADD) | (self.job == Job.DEPTHWISE_ADD))
        m.d.comb += [
            addends.start.eq(begins),
            addends.address.eq(self.addend),
            addends.pixel_bytes.eq(self.addend_pixel_bytes),
            addends.pairs.eq((self.size.pixels == 2) & ~kind.depthwise),
            results.sum_zero_point.eq(self.sum_zero_point),
            results.sum_low.eq(self.sum_low),
            results.sum_high.eq(self.sum_high),
        ]
        connect(m, results.places, addends.places)
        connect(m, addends.o, results.addends)
        return addends

    def _memory_port(
        self, m: Module, loader: Loader, gather: WindowGather, packer: RowPacker, addends: Addends | None
    ) -> tuple[Signal, Signal]:
        """Who has the port. Whether the last row of a job is written in this cycle; whether any row waits to be written."""
        memory = self.memory
        m.submodules.rows_out = rows_out = SyncFIFO(width=len(packer.o.payload.as_value()), depth=OUTSTANDING)
        row, written, copied = Signal(packer.o.payload.shape()), Signal(), Signal(packer.o.payload.shape())
        copies = loader.copies
        reads = loader.reads.valid
        m.d.comb += [
            copied.address.eq(copies.payload.address),
            copied.data.eq(copies.payload.data),
            copied.mask.eq(~0),
            rows_out.w_data.eq(Mux(copies.valid, copied, packer.o.payload.as_value())),
            rows_out.w_en.eq(packer.o.valid | copies.valid),
            packer.o.ready.eq(rows_out.w_rdy),
            copies.ready.eq(rows_out.w_rdy),
            loader.queued.eq(rows_out.level),
            row.eq(rows_out.r_data),
            memory.we.eq(rows_out.r_rdy),
            memory.cmd_valid.eq(rows_out.r_rdy | reads | gather.reads.valid),
            memory.addr.eq(
                Mux(rows_out.r_rdy, row.address, Mux(reads, loader.reads.payload, gather.reads.payload))
            ),
            memory.data.eq(row.data),
            memory.mask.eq(row.mask),
            rows_out.r_en.eq(memory.cmd_ready),
            loader.reads.ready.eq(memory.cmd_ready & ~rows_out.r_rdy),
            gather.reads.ready.eq(memory.cmd_ready & ~rows_out.r_rdy & ~reads),
            loader.answer.valid.eq(memory.rsp_valid),
            loader.answer.payload.eq(memory.rsp_data),
            gather.answer.valid.eq(memory.rsp_valid & ~loader.owns_memory),
            gather.answer.payload.eq(memory.rsp_data),
            written.eq(rows_out.r_rdy & memory.cmd_ready & row.last),
        ]
        if addends is not None:
            self._share_reads(m, gather, addends, rows_out.r_rdy | reads, loader.owns_memory)
        return written, rows_out.r_rdy

    def _share_reads(
        self, m: Module, gather: WindowGather, addends: Addends, taken: Value, owned: Signal
    ) -> None:
        """Reads of addends come before those of windows. `taken`: others have the port. `owned`: and the answers."""
        memory = self.memory
        m.submodules.owners = owners = SyncFIFO(width=1, depth=OUTSTANDING)  # of the answers to come
        asks, answers = Signal(), Signal()
        m.d.comb += [
            asks.eq(owners.w_rdy & ~taken),
            answers.eq(memory.rsp_valid & ~owned),
            addends.reads.ready.eq(memory.cmd_ready & asks),
            gather.reads.ready.eq(memory.cmd_ready & asks & ~addends.reads.valid),
            memory.cmd_valid.eq(taken | (asks & (addends.reads.valid | gather.reads.valid))),
            owners.w_data.eq(addends.reads.valid),
            owners.w_en.eq(memory.cmd_ready & asks & (addends.reads.valid | gather.reads.valid)),
            owners.r_en.eq(answers),
            addends.answer.valid.eq(answers & owners.r_data),
            addends.answer.payload.eq(memory.rsp_data),
            gather.answer.valid.eq(answers & ~owners.r_data),
        ]
        with m.If(~taken & addends.reads.valid):
            m.d.comb += memory.addr.eq(addends.reads.payload)

    # --- model

    def reset(self) -> None:
        self.model = EngineModel(self.memory, self.size, self.dma)
