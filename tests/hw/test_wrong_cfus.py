"""A CFU with a fault is caught, and the message says what a person needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from cfukit import Cfu, Fixed, HandshakeInstruction, Instruction, SequentialInstruction, Signal, Variable, VerilogCfu
from cfukit.testing import CfuMismatch, check_gateware, check_verilog, run_cocotb


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
    """Declared 1, is 2: one register too many moves the sum behind its command."""

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
    """rd = 0 at once, but never for rs1 = 0x80808080."""

    time = Fixed(0)

    def gateware(self, m, work):
        m.d.comb += work.done.eq(work.start & (work.rs1 != 0x80808080))

    def call(self, funct7, rs1, rs2):
        return 0


class Counting(Add):
    """rd = number of commands since reset, itself included."""

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
        (OffByOne(), r"instruction off_by_one: call \d+ \(funct7 \d+, rs1 0x7fffffff, .*model 0x.*seed 1"),
        (LatencyOfTwo(), r"instruction latency_of_two: call 0 .* returned"),
        (TooSlow(), r"instruction too_slow: call 0 .* answered after 6 cycles, declared are 5"),
        (WrongInterval(), r"was accepted 6 cycles after the one before, declared are 5"),
        (WrongVariable(), r"answered after 5 cycles, declared are 4"),
        (Counting(forgets_reset=True), r"instruction counting: call 0 .* segment [1-9]"),
        (Counting(ungated=True), r"instruction counting: call 0 .* the model 0x00000001"),
        (Dropping(), r"response-stays"),
        (Hangs(), r"instruction hangs: call \d+ \(funct7 \d+, rs1 0x80808080, .*one-response.*never answered"),
    ],
)
def test_wrong_gateware(instruction: Instruction, message: str) -> None:
    with pytest.raises(CfuMismatch, match=message) as caught:
        check_gateware(Cfu({2: instruction}, name="wrong"), 1, 1500)
    details = caught.value.details
    assert details["funct3"] == 2 and details["seed"] == 1 and len(details["operands"]) == 2


def test_an_autonomous_cfu_must_say_so() -> None:
    """A counter of cycles is right when declared, and found when not: idle cycles would be skipped by a simulator."""

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


HEADER = """
module Cfu(input clk, input reset, input cmd_valid, output cmd_ready, input [9:0] cmd_payload_function_id,
           input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1,
           output rsp_valid, input rsp_ready, output [31:0] rsp_payload_outputs_0);
  wire [31:0] sum = cmd_payload_inputs_0 + cmd_payload_inputs_1;
"""
REGISTERED = """
  reg full; reg [31:0] kept;
  assign cmd_ready = {ready}; assign rsp_valid = {valid}; assign rsp_payload_outputs_0 = kept;
  always @(posedge clk) begin
    if (cmd_valid && cmd_ready) begin full <= 1; kept <= sum; end
    else if (rsp_valid && rsp_ready) full <= {after};
    if (reset) full <= 0;
  end
endmodule
"""
READY = "!full || rsp_ready"
VERILOG = {
    "right": REGISTERED.format(ready=READY, valid="full", after="0"),
    "breaks the rule": REGISTERED.format(ready="!full", valid="full", after="0"),
    "busy for long": """
  reg [6:0] left; reg [31:0] kept;
  assign cmd_ready = left == 0; assign rsp_valid = left == 1; assign rsp_payload_outputs_0 = kept;
  always @(posedge clk) begin
    if (cmd_valid && cmd_ready) begin left <= 60; kept <= sum; end
    else if (left > 1 || (left == 1 && rsp_ready)) left <= left - 1;
    if (reset) left <= 0;
  end
endmodule
""",
    "combinational": "assign cmd_ready = rsp_ready; assign rsp_valid = cmd_valid; assign rsp_payload_outputs_0 = sum;\nendmodule\n",
    "hangs": REGISTERED.format(ready=READY, valid="full && kept[15:0] != 16'h8080", after="0"),
    "refuses": REGISTERED.format(ready=f"({READY}) && cmd_payload_inputs_0 != 32'h80808080", valid="full", after="0"),
    "answers twice": REGISTERED.format(ready=READY, valid="full", after="kept[3:0] == 5"),
    "changes": REGISTERED.format(ready=READY, valid="full", after="0").replace(
        "if (reset)", "if (full && !rsp_ready) kept <= kept + 1; if (reset)"
    ),
}


def in_verilog(folder: Path, name: str, latency: int = 1, **options: object) -> VerilogCfu:
    path = folder / "cfu.v"
    path.write_text(HEADER + VERILOG[name])
    return VerilogCfu(path, {0: Add(name="add", time=Fixed(latency))}, name="wrong", **options)


def test_right_verilog(tmp_path: Path) -> None:
    check_verilog(in_verilog(tmp_path, "right", adapter=False), 1, 3000)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("breaks the rule", "no-double-execution.*adapter=True"),
        ("hangs", r"instruction add: call \d+ \(.*one-response.*it never answered \(10\d\d cycles waited\)"),
        ("refuses", r"rs1 0x80808080.*command-accepted"),
        ("answers twice", "no-spurious-response"),
        ("changes", "response-stays"),
    ],
)
def test_wrong_verilog(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(CfuMismatch, match=message):
        check_verilog(in_verilog(tmp_path, name, adapter=False), 1, 5000)


@pytest.mark.parametrize(("name", "latency"), [("combinational", 0), ("busy for long", 59)])
def test_the_rule_by_name_or_the_adapter(tmp_path: Path, name: str, latency: int) -> None:
    with pytest.raises(CfuMismatch, match="no-double-execution"):
        cfu = in_verilog(tmp_path, name, latency, adapter=False)
        cfu.instructions[0].time = Fixed(latency, latency + 1)
        check_verilog(cfu, 1, 2000)
    cfu = in_verilog(tmp_path, name, latency)
    cfu.instructions[0].time = Fixed(latency, 61 if latency else 1)
    check_verilog(cfu, 1, 2000)


@pytest.mark.slow
def test_cocotb_finds_the_same(tmp_path: Path) -> None:
    with pytest.raises(CfuMismatch, match="cocotb on verilator") as caught:
        run_cocotb(Cfu({2: OffByOne()}, name="wrong"), tmp_path, "verilator", 1, 500)
    assert caught.value.details["rule"] == "value"
    with pytest.raises(CfuMismatch, match="one-response"):
        run_cocotb(in_verilog(tmp_path, "hangs"), tmp_path, "verilator", 1, 500)
