"""The L2 cache of a system whose CFU reaches main memory too. It never holds what DRAM does not.

LiteX's own L2 writes a line back when it needs the place, so what the CPU has stored may be in no other place for long. This one
writes through: a store is acknowledged when the controller has taken it, and all that any port asks for later comes behind it,
because a bank of DRAM serves its accesses in order.

A load that hits takes 2 cycles. A store takes 3 or more, until the controller takes its command; it does not wait for the chip.
"""

from __future__ import annotations

from typing import Any

from litex.gen import LiteXModule
from litex.soc.interconnect import stream, wishbone
from migen import FSM, Case, Cat, Constant, If, Memory, Mux, NextState, Replicate, Signal

WRITES = 4  # that wait for the chip


class WriteThroughCache(LiteXModule):
    """A direct-mapped cache of `size_bytes` between `bus` (words of 32 bits) and `port` of LiteDRAM's controller.

    A line is what the port moves in an access, or a word, which then takes several accesses.

    asks: it has a command for the controller.
    """

    def __init__(self, port: Any, size_bytes: int) -> None:
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        self.asks = port.cmd.valid
        port_bits = len(port.rdata.data)
        width = max(32, port_bits)
        beats = width // port_bits
        words = width // 32
        word_bits, index_bits = (words - 1).bit_length(), (size_bytes * 8 // width - 1).bit_length()
        beat_bits = (beats - 1).bit_length()
        line = bus.adr[word_bits : word_bits + port.address_width - beat_bits]
        index, tag = line[:index_bits], line[index_bits:]
        word = bus.adr[:word_bits] if words > 1 else Constant(0)

        contents, tags = Memory(width, 1 << index_bits), Memory(1 + len(tag), 1 << index_bits)
        data, entry = (
            contents.get_port(write_capable=True, we_granularity=8),
            tags.get_port(write_capable=True),
        )
        self.specials += contents, tags, data, entry
        writes = stream.SyncFIFO([("data", width), ("we", width // 8)], WRITES)
        self.submodules += writes

        # The parts of a line: which is asked for next, and what has come before the last one.
        part, come, parts = Signal(max=max(2, beats)), Signal(max=max(2, beats)), Signal(width)
        asked, filled = Signal(), Signal()
        self.comb += [
            asked.eq(port.cmd.ready & (part == beats - 1)),
            filled.eq(port.rdata.valid & (come == beats - 1)),
            parts[width - port_bits :].eq(port.rdata.data),
        ]
        self.sync += [
            If(port.cmd.valid & port.cmd.ready, part.eq(Mux(asked, 0, part + 1))),
            If(port.rdata.valid, come.eq(Mux(filled, 0, come + 1))),
        ]
        if beats > 1:
            before = Signal(width - port_bits)
            self.comb += parts[: width - port_bits].eq(before)
            self.sync += If(port.rdata.valid, before.eq(parts[port_bits:]))
            narrow = stream.StrideConverter(writes.source.description, port.wdata.description)
            self.submodules += narrow
            self.comb += [writes.source.connect(narrow.sink), narrow.source.connect(port.wdata)]
        else:
            self.comb += writes.source.connect(port.wdata)

        hit = Signal()
        lanes = Signal(width // 8)  # the bytes of the line that a store changes
        self.comb += [
            hit.eq(entry.dat_r == ((1 << len(tag)) | tag)),
            data.adr.eq(index),
            entry.adr.eq(index),
            entry.dat_w.eq((1 << len(tag)) | tag),
            data.dat_w.eq(Replicate(bus.dat_w, words)),
            lanes.eq(Cat(*(bus.sel & Replicate(word == n, 4) for n in range(words)))),
            writes.sink.data.eq(Replicate(bus.dat_w, words)),
            writes.sink.we.eq(lanes),
            port.cmd.addr.eq(Cat(part, line) if beats > 1 else line),
            port.rdata.ready.eq(1),
            _word_of(data.dat_r, word, bus.dat_r),
        ]
        self.fsm = fsm = FSM(reset_state="IDLE")
        fsm.act("IDLE", If(bus.cyc & bus.stb, NextState("TEST")))
        fsm.act(
            "TEST",
            If(
                bus.we,
                # The data are there before the command: the controller does not wait for them.
                writes.sink.valid.eq(1),
                If(writes.sink.ready, If(hit, data.we.eq(lanes)), NextState("WRITE")),
            )
            .Elif(hit, bus.ack.eq(1), NextState("IDLE"))
            .Else(port.cmd.valid.eq(1), port.cmd.last.eq(1), If(asked, NextState("FILL"))),
        )
        fsm.act(
            "WRITE",
            port.cmd.valid.eq(1),
            port.cmd.we.eq(1),
            port.cmd.last.eq(1),
            If(asked, bus.ack.eq(1), NextState("IDLE")),
        )
        fsm.act(
            "FILL",
            data.dat_w.eq(parts),
            _word_of(parts, word, bus.dat_r),
            If(
                filled,
                data.we.eq(Replicate(1, width // 8)),
                entry.we.eq(1),
                bus.ack.eq(1),
                NextState("IDLE"),
            ),
        )


def _word_of(line: Any, word: Any, target: Any) -> Any:
    """Assign word number `word` of a line to `target`."""
    places = range(0, len(line), 32)
    if len(places) == 1:
        return target.eq(line)
    return Case(word, {n: target.eq(line[at : at + 32]) for n, at in enumerate(places)})
