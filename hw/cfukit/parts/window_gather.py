"""From runs of bytes anywhere in a memory to windows that fill whole rows of a store."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from cfukit.parts.window_walker import ADDRESS_BITS, CHANNEL_BITS, RUN

OUTSTANDING = 4


class WindowGather(wiring.Component):
    """Reads the bytes of runs and packs them into rows of `lanes` bytes, window after window.

    A window takes `rows` rows. Its bytes lie one behind the other. With `depthwise` each run begins a row of its own. The rest of a
    run's last row is 0. Runs that are not inside are filled with `zero_point`. The store is a ring of `depth` rows.

    With two banks, each a store of its own, windows go to bank 0 and bank 1 in turn, and both of a pair lie in the same rows. With
    `depthwise` all go to bank 0.

    * reads: addresses of rows of the memory, a multiple of `lanes`. Answers come on `answer`, in order, and cannot be refused; at
      most OUTSTANDING are awaited.
    * write, bank, row, data, mask: to the store. `gathered` is 1 in the cycle of a window's last write.
    * room: another window fits into bank 0. It is looked at before the first read of each window there, in whose cycle `begins` is 1.
    * misfit: a window ended in the cycle before that does not take `rows` rows.
    * `start` begins a job at row 0 of the store.
    * Throughput: a segment per cycle. A segment is what lies within one row of the memory and within one row of the store, so a run
      that is aligned alike on both sides takes a cycle per row, any other one at most two.
    """

    def __init__(self, lanes: int = 16, depth: int = 512, banks: int = 1):
        self.lanes, self.depth, self.banks = lanes, depth, banks
        super().__init__(
            {
                "start": In(1),
                "runs": In(stream.Signature(RUN)),
                "depthwise": In(1),
                "zero_point": In(signed(8)),
                "rows": In(range(depth + 1)),
                "room": In(1),
                "reads": Out(stream.Signature(unsigned(ADDRESS_BITS))),
                "answer": In(stream.Signature(unsigned(8 * lanes), always_ready=True)),
                "write": Out(1),
                "bank": Out(1),
                "row": Out(range(depth)),
                "data": Out(8 * lanes),
                "mask": Out(lanes),
                "begins": Out(1),
                "gathered": Out(1),
                "misfit": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, lane_bits = self.lanes, (self.lanes - 1).bit_length()
        # What is left of the run in hand, and where its next byte goes.
        busy, inside, last = Signal(), Signal(), Signal()
        address, left = Signal(ADDRESS_BITS), Signal(CHANNEL_BITS)
        base, place, fresh = Signal(range(self.depth)), Signal(range(lanes * self.depth)), Signal()
        source, target = Signal(lane_bits), place[:lane_bits]
        count, room = Signal(lane_bits + 1), Signal(lane_bits + 1)
        m.d.comb += [
            source.eq(Mux(inside, address[:lane_bits], 0)),
            room.eq(lanes - Mux(source > target, source, target)),
            count.eq(Mux(left < room, left, room)),
        ]
        segment = data.StructLayout(
            {
                "rotation": unsigned(lane_bits),
                "begin": unsigned(lane_bits),
                "end": unsigned(lane_bits + 1),
                "bank": unsigned(1),
                "row": unsigned((self.depth - 1).bit_length()),
                "inside": unsigned(1),
                "last": unsigned(1),
            }
        )
        m.submodules.segments = segments = SyncFIFO(width=segment.size, depth=OUTSTANDING)
        m.submodules.answers = answers = SyncFIFO(width=8 * lanes, depth=OUTSTANDING)
        takes, run_ends, window_ends = Signal(), Signal(), Signal()
        bank, may_begin = Signal(), Signal()
        entry = Signal(segment)
        m.d.comb += [
            may_begin.eq(self.room | ~fresh | bank),
            self.reads.valid.eq(busy & inside & segments.w_rdy & may_begin),
            self.reads.payload.eq((address >> lane_bits) << lane_bits),
            takes.eq(busy & segments.w_rdy & may_begin & (self.reads.ready | ~inside)),
            run_ends.eq(left <= room),
            window_ends.eq(run_ends & last),
            segments.w_en.eq(takes),
            segments.w_data.eq(entry),
            entry.rotation.eq(target - source),
            entry.begin.eq(target),
            entry.end.eq(target + count),
            entry.bank.eq(bank),
            entry.row.eq(base + place[lane_bits:]),
            entry.inside.eq(inside),
            entry.last.eq(window_ends),
            self.runs.ready.eq(~busy | (takes & run_ends)),
        ]
        with m.If(takes):
            m.d.sync += [address.eq(address + count), left.eq(left - count), fresh.eq(0)]
            m.d.sync += place.eq(place + count)
            with m.If(run_ends):
                m.d.sync += busy.eq(0)
                with m.If(self.depthwise):
                    m.d.sync += place.eq((place[lane_bits:] + 1) << lane_bits)
            with m.If(window_ends):
                m.d.sync += [place.eq(0), fresh.eq(1)]
                with m.If(bank | self.depthwise | (self.banks == 1)):
                    m.d.sync += [base.eq(base + self.rows), bank.eq(0)]
                with m.Else():
                    m.d.sync += bank.eq(1)
        with m.If(self.runs.ready & self.runs.valid):
            run = self.runs.payload
            m.d.sync += [
                busy.eq(1),
                address.eq(run.address),
                left.eq(run.count),
                inside.eq(run.inside),
                last.eq(run.last),
            ]
        # A cycle later: how many rows the window took that has ended.
        ended, end = Signal(), Signal(range(lanes * self.depth + 1))
        m.d.sync += [ended.eq(takes & window_ends), end.eq(place + count)]
        m.d.comb += self.misfit.eq(ended & (((end + lanes - 1) >> lane_bits) != self.rows))
        with m.If(self.start):
            m.d.sync += [place.eq(0), base.eq(0), fresh.eq(1), bank.eq(0)]

        # The other end: the answer of the oldest segment, turned into place.
        head = Signal(segment)
        m.d.comb += [
            answers.w_en.eq(self.answer.valid),
            answers.w_data.eq(self.answer.payload),
            head.eq(segments.r_data),
            self.write.eq(segments.r_rdy & (answers.r_rdy | ~head.inside)),
            segments.r_en.eq(self.write),
            answers.r_en.eq(self.write & head.inside),
            self.bank.eq(head.bank),
            self.row.eq(head.row),
            self.gathered.eq(self.write & head.last),
            self.begins.eq(takes & fresh & ~bank),
        ]
        turned: Value = answers.r_data
        for bit in range(lane_bits):
            turned = Mux(head.rotation[bit], turned.rotate_left(8 << bit), turned)
        for lane in range(lanes):
            byte = Mux(head.inside, turned.word_select(lane, 8), self.zero_point)
            m.d.comb += [
                self.mask[lane].eq(lane >= head.begin),
                self.data.word_select(lane, 8).eq(Mux(lane < head.end, byte, 0)),
            ]
        return m
