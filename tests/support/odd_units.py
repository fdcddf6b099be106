"""Instructions with less usual handshakes. Their results are those of latency_cfu."""

from __future__ import annotations

from cfukit import Fixed, HandshakeInstruction, SequentialInstruction, Signal, State, Variable


class Counted:
    """The model that all of them share: rd depends on how many commands were executed before."""

    state: State

    def call(self, funct7, rs1, rs2):
        return self.state.next(rs1, rs2)  # type: ignore[attr-defined]


class Countdown(Counted, SequentialInstruction):
    """A fixed number of cycles, in the form If(start)/Elif(busy) of docs/cfu.md."""

    def __init__(self, latency_cycles: int, **options):
        super().__init__(time=Fixed(latency_cycles), **options)

    def gateware(self, m, work):
        left, kept = Signal(range(self.time.latency_cycles + 1)), Signal(32)
        m.d.comb += work.rd.eq(kept)
        with m.If(work.start):
            m.d.sync += [
                left.eq(self.time.latency_cycles),
                kept.eq(self.state.expression(work.rs1, work.rs2)),
            ]
            m.d.sync += self.state.signal.eq(self.state.signal + 1)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
            m.d.comb += work.done.eq(left == 1)


class Lazy(Counted, SequentialInstruction):
    """1 + (rs1 mod 8) cycles, in the same form."""

    time = Variable(max_cycles=8, min_cycles=1)

    def gateware(self, m, work):
        left, kept, busy = Signal(3), Signal(32), Signal()
        m.d.comb += work.rd.eq(kept)
        with m.If(work.start):
            m.d.sync += [
                left.eq(work.rs1[:3]),
                kept.eq(self.state.expression(work.rs1, work.rs2)),
                busy.eq(1),
            ]
            m.d.sync += self.state.signal.eq(self.state.signal + 1)
        with m.Elif(busy):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 0):
                m.d.comb += work.done.eq(1)
                m.d.sync += busy.eq(0)

    def cycles(self, funct7, rs1, rs2):
        return 1 + rs1 % 8


class Buffered(Counted, HandshakeInstruction):
    """Latency 1 at full rate on the bare ports: one result register."""

    time = Fixed(latency_cycles=1, interval_cycles=1)

    def gateware(self, m, port):
        full, rd = Signal(), Signal(32)
        m.d.comb += [port.cmd_ready.eq(~full | port.rsp_ready), port.rsp_valid.eq(full), port.rd.eq(rd)]
        with m.If(port.cmd_ready):
            m.d.sync += full.eq(port.cmd_valid)
            with m.If(port.cmd_valid):
                m.d.sync += rd.eq(self.state.expression(port.rs1, port.rs2))
                m.d.sync += self.state.signal.eq(self.state.signal + 1)
