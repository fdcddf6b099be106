"""A faulty CFU is found, and the message says everything needed to understand it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfukit import (
    Cfu,
    Fixed,
    HandshakeInstruction,
    Instruction,
    Mode,
    SequentialInstruction,
    Signal,
    State,
    Variable,
    VerilogCfu,
)
from cfukit.testing import CfuMismatch, check_gateware, check_verilog, run_cocotb
from support.marks import long_except


class Add(Instruction):
    """rd = rs1 + rs2."""

    time = Fixed(1)

    def gateware(self, m, cmd):
        return cmd.rs1 + cmd.rs2

    def call(self, funct7, rs1, rs2):
        return rs1 + rs2


class OffByOne(Add):
    def gateware(self, m, cmd):
        return cmd.rs1 + cmd.rs2 + (cmd.rs1 == 0x7FFFFFFF)


class LatencyOfTwo(Add):
    """Declared latency 1, real latency 2: one register too many delays the sum."""

    def gateware(self, m, cmd):
        return cmd.pipe(cmd.rs1 + cmd.rs2)


class Sequential(SequentialInstruction):
    """rd = rs1 + rs2 after `real` cycles."""

    real = 5
    time = Fixed(5)

    def gateware(self, m, work):
        left = Signal(8)
        total = Signal(32)
        m.d.comb += work.rd.eq(total)
        with m.If(work.start):
            m.d.sync += [left.eq(self.real), total.eq(work.rs1 + work.rs2)]
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
            m.d.comb += work.done.eq(left == 1)

    def call(self, funct7, rs1, rs2):
        return rs1 + rs2


class TooSlow(Sequential):
    real = 6


class WrongInterval(Sequential):
    time = Fixed(5, interval_cycles=5)


class WrongVariable(Sequential):
    time = Variable(9)

    def cycles(self, funct7, rs1, rs2):
        return 4


class Hangs(SequentialInstruction):
    """rd = 0 at once, but no answer for rs1 = 0x80808080."""

    time = Fixed(0)

    def gateware(self, m, work):
        m.d.comb += work.done.eq(work.start & (work.rs1 != 0x80808080))

    def call(self, funct7, rs1, rs2):
        return 0


class Counting(Add):
    """rd = number of commands since reset, including this one."""

    def __init__(self, forgets_reset=False, ungated=False):
        super().__init__(name="counting")
        self.count = Signal(32, reset_less=forgets_reset)
        self.ungated = ungated

    def gateware(self, m, cmd):
        if self.ungated:
            m.d.sync += self.count.eq(self.count + 1)
        else:
            with m.If(cmd.fire):
                m.d.sync += self.count.eq(self.count + 1)
        return self.count + 1

    def reset(self):
        self.value = 0

    def call(self, funct7, rs1, rs2):
        self.value += 1
        return self.value


class Dropping(HandshakeInstruction):
    """rd = rs1 + rs2 a cycle later, but rsp_valid does not wait for rsp_ready."""

    time = Fixed(1, interval_cycles=1)

    def gateware(self, m, port):
        m.d.comb += port.cmd_ready.eq(1)
        m.d.sync += [port.rsp_valid.eq(port.cmd_valid), port.rd.eq(port.rs1 + port.rs2)]

    def call(self, funct7, rs1, rs2):
        return rs1 + rs2


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        (OffByOne(), r"instruction off_by_one: call \d+ \(funct7 \d+, rs1 0x7fffffff, .*expected 0x.*seed 1"),
        (LatencyOfTwo(), r"instruction latency_of_two: call \d+ .* got .*there 1 cycle later"),
        (TooSlow(), r"instruction too_slow: call 0 .* answered after 6 cycles, declared are 5"),
        (WrongInterval(), r"was accepted 6 cycles after the one before, declared are 5"),
        (WrongVariable(), r"answered after 5 cycles, declared are 4"),
        (Counting(forgets_reset=True), r"instruction counting: call 0 .* segment [1-9]"),
        (Counting(ungated=True), r"instruction counting: call 0 .* expected 0x00000001"),
        (Dropping(), r"response-stays"),
        (
            Hangs(),
            r"instruction hangs: call \d+ \(funct7 \d+, rs1 0x80808080, .*one-response.*never answered",
        ),
    ],
)
def test_wrong_gateware(instruction: Instruction, message: str) -> None:
    with pytest.raises(CfuMismatch, match=message) as caught:
        check_gateware(Cfu({2: instruction}, name="wrong"), 1, 1500)
    details = caught.value.details
    assert details["funct3"] == 2 and details["seed"] == 1 and len(details["operands"]) == 2


class Piped(Add):
    """rd = rs1 + rs2 after `registers` registers, while the CFU expects what its latency says."""

    def __init__(self, registers: int, latency: int, own: bool = False, counts: bool = False):
        super().__init__(name="piped", time=Fixed(latency))
        self.registers, self.own_registers, self.counts = registers, own, counts
        self.stateful = counts
        self.count = Signal(8)

    def gateware(self, m, cmd):
        with m.If(cmd.fire):
            m.d.sync += self.count.eq(self.count + 1)
        value = cmd.rs1 + cmd.rs2 + (self.count if self.counts else 0)
        for _ in range(self.registers):
            value = cmd.pipe(value)
        return value

    def reset(self):
        self.before = 0

    def call(self, funct7, rs1, rs2):
        self.before += 1
        return rs1 + rs2 + (self.before - 1 & 255 if self.counts else 0)


PIPELINES = (st.integers(0, 6), st.integers(0, 5), st.booleans(), st.booleans(), st.integers(1, 99))


def check_pipeline(registers: int, latency: int, own: bool, counts: bool, seed: int) -> None:
    """The message tells by how many cycles, and which latency would be right: with that one the CFU passes."""
    own = own and latency > 0
    needed = latency if own else max(0, latency - 1)
    cfu = Cfu({0: Add(), 5: Piped(registers, latency, own, counts)}, name="deep")
    if registers == needed:
        check_gateware(cfu, seed, 300)
        return
    with pytest.raises(CfuMismatch) as caught:
        check_gateware(cfu, seed, 300)
    error = caught.value
    distance = abs(needed - registers)
    told = f"{distance} cycle{'s' if distance > 1 else ''} {'earlier' if registers < needed else 'later'}"
    assert error.details["rule"] == "declared-time" and error.given.endswith(
        f"the right value was there {told}"
    )
    assert f"latency_cycles={latency} needs {needed or 'no'} cmd.pipe register" in error.hint
    right = error.details["got"]
    assert error.details["expected"] == latency and f"latency_cycles={right} is right" in error.hint
    if right > 0 or not own:
        check_gateware(Cfu({5: Piped(registers, right, own, counts)}, name="deep"), seed, 300)


@given(*PIPELINES)
@settings(max_examples=10, deadline=None)
def test_a_pipeline_of_another_depth_than_declared_is_told_as_time(
    registers: int, latency: int, own: bool, counts: bool, seed: int
) -> None:
    check_pipeline(registers, latency, own, counts, seed)


@pytest.mark.long
@given(*PIPELINES)
@settings(max_examples=200, deadline=None)
def test_a_pipeline_of_another_depth_at_length(
    registers: int, latency: int, own: bool, counts: bool, seed: int
) -> None:
    check_pipeline(registers, latency, own, counts, seed)


@pytest.mark.parametrize("check", [check_gateware, check_verilog])
def test_the_declared_time_is_told_of_gateware_and_verilog(check: Callable[..., object]) -> None:
    with pytest.raises(CfuMismatch, match=r"the right value was there 2 cycles earlier") as caught:
        check(Cfu({0: Piped(0, 3)}, name="deep"), 1, 400)
    assert caught.value.hint == (
        "latency_cycles=3 needs 2 cmd.pipe registers on every path; as it is, latency_cycles=1 is right"
    )


class Flag(Add):
    """rd = 1 where rs1 is even; the gateware says the contrary."""

    def gateware(self, m, cmd):
        return cmd.rs1[0]

    def call(self, funct7, rs1, rs2):
        return 1 - rs1 % 2


class OnePathOnly(Add):
    """One of two operands is late: no shift of time explains what comes."""

    def gateware(self, m, cmd):
        return cmd.rs1 + cmd.pipe(cmd.rs2)


@pytest.mark.parametrize("instruction", [Flag(), OnePathOnly(), OffByOne()])
@pytest.mark.parametrize("operations", [64, 1500])
def test_a_wrong_value_is_no_matter_of_time(instruction: Instruction, operations: int) -> None:
    with pytest.raises(CfuMismatch) as caught:
        check_gateware(Cfu({0: instruction}), 1, operations)
    assert caught.value.details["rule"] == "value" and not caught.value.hint


class Twice(Sequential):
    """Raises `done` in two cycles."""

    def gateware(self, m, work):
        left, total = Signal(8), Signal(32)
        m.d.comb += work.rd.eq(total)
        with m.If(work.start):
            m.d.sync += [left.eq(6), total.eq(work.rs1 + work.rs2)]
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
            m.d.comb += work.done.eq(left <= 2)


def test_a_second_response_is_named() -> None:
    message = (
        "call 0 .* breaks the rule one-response in cycle 6: it was answered twice, .* the answer to call 1"
    )
    with pytest.raises(CfuMismatch, match=message) as caught:
        check_gateware(Cfu({0: Twice()}), 1, 100)
    assert caught.value.hint == "`done` is 1 in one cycle only"


class Total(State):
    def __init__(self):
        self.total = Signal(32)
        self.reset()

    def reset(self):
        self.value = 0


class Put(Instruction):
    """total += rs1; the gateware loses the word 0x80808080."""

    rs2 = None
    modes = (Mode(3, "all"),)
    time = Fixed(1)

    def gateware(self, m, cmd):
        with m.If(cmd.fire & (cmd.rs1 != 0x80808080)):
            m.d.sync += self.state.total.eq(self.state.total + cmd.rs1)
        return 0

    def call(self, funct7, rs1, rs2):
        self.state.value += rs1
        return 0


class Take(Instruction):
    """rd = total."""

    rs1 = rs2 = None
    modes = ()
    time = Fixed(1)

    def gateware(self, m, cmd):
        return self.state.total

    def call(self, funct7, rs1, rs2):
        return self.state.value


def test_the_calls_that_touched_the_state_are_shown(tmp_path: Path) -> None:
    """The instruction that reads a state is seen to be wrong; the one that spoilt it stands above it."""
    total = Total()
    cfu = Cfu({0: Put(state=total), 1: Take(state=total), 2: Add()}, name="sum")
    with pytest.raises(CfuMismatch, match=r"instruction take: call \d+ got 0x") as caught:
        check_gateware(cfu, 1, 500, tmp_path / "waves" / "sum.vcd")
    history = caught.value.details["history"]
    assert history and any("put all (funct7 3, rs1 0x80808080) = 0x00000000" in line for line in history)
    assert not any("add" in line for line in history) and len(history) <= 17
    for line in history:
        assert line in caught.value.message and "rs2" not in line and "  " not in line


def test_a_waveform_shows_the_failure(tmp_path: Path) -> None:
    waves = tmp_path / "some where" / "off.vcd"
    with pytest.raises(CfuMismatch) as caught:
        check_gateware(Cfu({0: OffByOne()}, name="off"), 1, 1500, waves)
    assert caught.value.message.endswith(f"gtkwave '{waves}'") and caught.value.details["waves"] == str(waves)
    assert (
        value_in(waves, "rsp_payload_outputs_0", caught.value.cycle + 2.25, 1e-6)
        == caught.value.details["got"]
    )


@pytest.mark.slow
def test_a_waveform_of_verilog_shows_the_failure(tmp_path: Path) -> None:
    waves = tmp_path / "hang.vcd"
    with pytest.raises(CfuMismatch) as caught:
        check_verilog(in_verilog(tmp_path, HANGS), 1, 5000, waves)
    assert value_in(waves, "kept", caught.value.cycle + 2.25, 1e-6) & 0xFFFF == 0x8080


def value_in(path: Path, name: str, cycle: float, period: float) -> int:
    """The value of a signal of a VCD file at a time in clock cycles."""
    text = path.read_text()
    number, unit = re.search(r"\$timescale\s+(\d+)\s*(\w+)", text).groups()
    end = cycle * period / (int(number) * {"s": 1, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "fs": 1e-15}[unit])
    code = re.search(rf"\$var \w+ \d+ (\S+) {name}\b", text)[1]
    value = -1
    for line in text[text.index("$enddefinitions") :].splitlines():
        if line.startswith("#") and int(line[1:]) > end:
            break
        if line.startswith("b") and line.split()[1:] == [code]:
            value = int(line.split()[0][1:], 2)
    return value


def test_an_autonomous_cfu_must_say_so() -> None:
    """A cycle counter must be declared autonomous: otherwise a simulator may skip idle cycles."""

    class Clock(Add):
        """rd = cycles since reset."""

        def __init__(self):
            super().__init__(name="clock")
            self.now = Signal(32)

        def gateware(self, m, cmd):
            m.d.sync += self.now.eq(self.now + 1)
            return self.now

        def call(self, funct7, rs1, rs2):
            return self.now_cycles

    check_gateware(Cfu({0: Clock()}, name="clock", autonomous=True), 1, 500)
    with pytest.raises(CfuMismatch, match="instruction clock"):
        check_gateware(Cfu({0: Clock()}, name="clock"), 1, 500)


# One module holds all faults, so it is compiled only once. At funct3 0, funct7 selects the fault.
FAULTS = """
module Cfu(input clk, input reset, input cmd_valid, output cmd_ready, input [9:0] cmd_payload_function_id,
           input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1,
           output rsp_valid, input rsp_ready, output [31:0] rsp_payload_outputs_0);
  localparam HALF_READY = 1, HANGS = 2, REFUSES = 3, TWICE = 4, CHANGES = 5, BUSY = 6, LOSES = 7;
  reg full;
  reg [31:0] kept;
  reg [6:0] last, left;
  wire [6:0] fault = !cmd_valid ? last : cmd_payload_function_id[2:0] == 0 ? cmd_payload_function_id[9:3] : 0;
  wire hung = last == HANGS && kept[15:0] == 16'h8080;
  wire ready = !full || (rsp_valid && rsp_ready);
  assign rsp_valid = full && left == 0 && !hung;
  assign rsp_payload_outputs_0 = kept;
  assign cmd_ready = fault == HALF_READY || fault == BUSY ? !full
    : fault == REFUSES ? ready && !(cmd_valid && cmd_payload_inputs_0 == 32'h80808080)
    : ready;
  always @(posedge clk) begin
    if (left != 0) left <= left - 1;
    if (rsp_valid && rsp_ready) begin
      full <= last == TWICE && kept[3:0] == 5;
      kept[3:0] <= 0;
    end
    if (last == CHANGES && rsp_valid && !rsp_ready) kept <= kept + 1;
    if (last == LOSES && rsp_valid) full <= 0;
    if (cmd_valid && cmd_ready) begin
      full <= 1;
      kept <= cmd_payload_inputs_0 + cmd_payload_inputs_1;
      last <= fault;
      left <= fault == BUSY ? 59 : 0;
    end
    if (reset) begin
      full <= 0;
      left <= 0;
      last <= 0;
    end
  end
endmodule
"""
RIGHT, HALF_READY, HANGS, REFUSES, TWICE, CHANGES, BUSY, LOSES = range(8)


def in_verilog(folder: Path, fault: int, time: Fixed = Fixed(1), *, adapter: bool = False) -> VerilogCfu:
    path = folder / "cfu.v"
    path.write_text(FAULTS)
    instruction = Add(name="add", time=time)
    instruction.modes = [Mode(fault, "faulty")]
    return VerilogCfu(path, {0: instruction}, name="wrong", adapter=adapter)


def test_right_verilog(tmp_path: Path) -> None:
    check_verilog(in_verilog(tmp_path, RIGHT), 1, 3000)


@pytest.mark.parametrize(
    ("fault", "time", "message"),
    [
        (HALF_READY, Fixed(1, 2), "no-double-execution.*cmd_ready is 0 .*adapter=True"),
        (BUSY, Fixed(60, 61), "no-double-execution"),
        (
            HANGS,
            Fixed(1),
            r"instruction add faulty: call \d+ \(.*one-response.*it never answered \(10\d\d cycles waited\)",
        ),
        (REFUSES, Fixed(1), r"rs1 0x80808080.*command-accepted"),
        (TWICE, Fixed(1), "no-spurious-response"),
        (CHANGES, Fixed(1), "response-stays"),
        (LOSES, Fixed(1), "response-stays"),
        (BUSY, Fixed(59, 61), "answered after 60 cycles, declared are 59"),
        (BUSY, Fixed(60, 60), "accepted 61 cycles after the one before, declared are 60"),
    ],
)
def test_wrong_verilog(tmp_path: Path, fault: int, time: Fixed, message: str) -> None:
    with pytest.raises(CfuMismatch, match=message):
        check_verilog(in_verilog(tmp_path, fault, time), 1, 5000)


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "time"), [(HALF_READY, Fixed(1, 2)), (BUSY, Fixed(60, 61))])
def test_the_adapter_mends_the_rule(tmp_path: Path, fault: int, time: Fixed) -> None:
    check_verilog(in_verilog(tmp_path, fault, time, adapter=True), 1, 5000)


@pytest.mark.slow
def test_the_published_form_breaks_the_rule_without_the_adapter() -> None:
    folder = Path(__file__).resolve().parents[2] / "proj" / "verilog_depthwise"
    with pytest.raises(CfuMismatch, match="no-double-execution"):
        check_verilog(VerilogCfu(folder / "cfu.v", adapter=False), 1, 2000)


IN_COCOTB = (
    (HALF_READY, Fixed(1, 2), "no-double-execution"),
    (HANGS, Fixed(1), "one-response"),
    (REFUSES, Fixed(1), "command-accepted"),
    (CHANGES, Fixed(1), "response-stays"),
    (BUSY, Fixed(59, 61), "declared-time"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "time", "rule"), long_except(IN_COCOTB, IN_COCOTB[0], IN_COCOTB[-1]))
def test_cocotb_finds_the_same(tmp_path: Path, fault: int, time: Fixed, rule: str) -> None:
    with pytest.raises(CfuMismatch, match="cocotb on verilator") as caught:
        run_cocotb(in_verilog(tmp_path, fault, time), tmp_path, "verilator", 1, 600)
    assert caught.value.details["rule"] == rule
