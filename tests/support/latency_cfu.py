"""A CFU with instructions of every latency. Their results depend on how many commands were executed before."""

from __future__ import annotations

from cfukit import (
    BaseCfu,
    Cfu,
    Fixed,
    HandshakeInstruction,
    Instruction,
    SequentialInstruction,
    Signal,
    State,
    Variable,
)

WORD = 0xFFFF_FFFF


class Count(State):
    """Counts commands. A command that is executed twice, or not at all, changes every later result."""

    def __init__(self) -> None:
        self.signal = Signal(32, name="count")
        self.reset()

    def reset(self) -> None:
        self.value = 0

    def next(self, rs1: int, rs2: int) -> int:
        self.value += 1
        return (rs1 + 3 * rs2 + (self.value << 16)) & WORD

    def expression(self, rs1, rs2):
        return rs1 + (rs2 << 1) + rs2 + ((self.signal + 1) << 16)


class Piped(Instruction):
    """rd = rs1 + 3 rs2 + 65536 * commands so far, after a pipeline of the given length."""

    def __init__(self, latency: int, state: Count):
        super().__init__(name=f"piped{latency}", state=state, time=Fixed(latency))

    def gateware(self, m, cmd):
        with m.If(cmd.fire):
            m.d.sync += self.state.signal.eq(self.state.signal + 1)
        value = Signal(32)
        m.d.comb += value.eq(self.state.expression(cmd.rs1, cmd.rs2))
        for _ in range(self.time.latency_cycles - 1):
            value = cmd.pipe(value)
        return value

    def call(self, funct7, rs1, rs2):
        return self.state.next(rs1, rs2)


class OwnPiped(Piped):
    """The same with registers of its own, and an addition after the last one."""

    own_registers = True

    def __init__(self, latency: int, state: Count):
        super().__init__(latency, state)
        self.name = f"own{latency}"

    def gateware(self, m, cmd):
        with m.If(cmd.fire):
            m.d.sync += self.state.signal.eq(self.state.signal + 1)
        operands, count = cmd.rs1 + 3 * cmd.rs2, self.state.signal + 1
        for _ in range(self.time.latency_cycles):
            operands, count = cmd.pipe(operands), cmd.pipe(count)
        return operands + (count << 16)


class Slow(SequentialInstruction):
    """The same after funct7 cycles."""

    time = Variable(127, min_cycles=0)

    def gateware(self, m, work):
        left = Signal(7)
        kept = Signal(32)
        value = Signal(32)
        m.d.comb += [value.eq(self.state.expression(work.rs1, work.rs2)), work.rd.eq(kept)]
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
            m.d.comb += work.done.eq(left == 1)
        with m.If(work.start):
            m.d.sync += [self.state.signal.eq(self.state.signal + 1), left.eq(work.funct7), kept.eq(value)]
            with m.If(work.funct7 == 0):
                m.d.comb += [work.done.eq(1), work.rd.eq(value)]

    def call(self, funct7, rs1, rs2):
        return self.state.next(rs1, rs2)

    def cycles(self, funct7, rs1, rs2):
        return funct7


class Passing(HandshakeInstruction):
    """The same in the same cycle, in the usual published form: no register, cmd_ready = rsp_ready."""

    time = Fixed(0)

    def gateware(self, m, port):
        m.d.comb += [
            port.cmd_ready.eq(port.rsp_ready),
            port.rsp_valid.eq(port.cmd_valid),
            port.rd.eq(self.state.expression(port.rs1, port.rs2)),
        ]
        with m.If(port.cmd_valid & port.rsp_ready):
            m.d.sync += self.state.signal.eq(self.state.signal + 1)

    def call(self, funct7, rs1, rs2):
        return self.state.next(rs1, rs2)


def make_latency_cfu(front_end: str = "gate") -> BaseCfu:
    """funct3 0..6: pipelines of 0, 1, 2, 34 and 100 cycles, `slow`, `passing`; 7 is unassigned."""
    state = Count()
    pipes = {index: Piped(latency, state) for index, latency in enumerate((0, 1, 2, 34, 100))}
    return Cfu(
        {**pipes, 5: Slow(name="slow", state=state), 6: Passing(name="passing", state=state)},
        name="latencies",
        front_end=front_end,
    )


SLOW = 5

# CFU Playground's template with the same function. cmd_ready = rsp_ready breaks the rule.
PUBLISHED = """
module Cfu (
  input               cmd_valid,
  output              cmd_ready,
  input      [9:0]    cmd_payload_function_id,
  input      [31:0]   cmd_payload_inputs_0,
  input      [31:0]   cmd_payload_inputs_1,
  output              rsp_valid,
  input               rsp_ready,
  output     [31:0]   rsp_payload_outputs_0,
  input               reset,
  input               clk
);
  reg [31:0] count;
  assign rsp_valid = cmd_valid;
  assign cmd_ready = rsp_ready;
  assign rsp_payload_outputs_0 = cmd_payload_inputs_0 + 3 * cmd_payload_inputs_1 + ((count + 1) << 16);
  always @(posedge clk)
    if (reset) count <= 0;
    else if (cmd_valid && cmd_ready) count <= count + 1;
endmodule
"""
