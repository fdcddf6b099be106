"""The CFU's DMA port: the generated files, and the detection of CFUs that misuse it or differ from their model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit import Cfu, DmaPort, Instruction, Variable, VerilogCfu, load_cfu
from cfukit.base import BaseCfu
from cfukit.dma import DMA_TEST_BASE, DMA_TEST_BYTES
from cfukit.testing import (
    CfuMismatch,
    amaranth_driver,
    check_gateware,
    check_verilog,
    run_cocotb,
    vectors,
    verilator_driver,
)
from cfukit.testing.checks import hang_cycles
from cfukit.testing.dma_side import DmaSide
from cfukit.testing.stimulus import Segment, segments
from cfukit_base.artefacts import CfuDescription
from cfukit_base.cfu_ports import DMA_OUTSTANDING, DmaShape, dma_ports
from cfukit_base.errors import BuildError, ResultError, UsageError
from support.marks import long_except

FOLD = Path(__file__).resolve().parents[1] / "support" / "dma_cfu.py"


def fold(folder: Path, old: str = "", new: str = "", **params: int) -> BaseCfu:
    """The CFU of the tests, with `old` replaced."""
    text = FOLD.read_text()
    assert text.count(old) == 1 or not old
    path = folder / "cfu.py"
    path.write_text(text.replace(old, new) if old else text)
    return load_cfu(path, params)


@pytest.mark.parametrize("width", [32, 64, 128])
def test_ports_and_description(width: int) -> None:
    cfu = load_cfu(FOLD, {"width": width})
    text = cfu.verilog()
    for name, bits, direction in dma_ports(DmaShape(width=width)):
        range_ = rf"\[{bits - 1}:0\] " if bits > 1 else ""
        assert re.search(rf"^  {direction} {range_}{name};$", text, re.MULTILINE), name
    description = cfu.description()
    assert description.dma == DmaShape(width=width) and description.memory_port is None
    assert CfuDescription.parse(description.text(), "cfu.json") == description


def test_a_cfu_without_a_port_has_none() -> None:
    cfu = load_cfu(FOLD.parents[2] / "proj" / "template" / "cfu.py")
    assert cfu.description().dma is None and "dma_" not in cfu.verilog()


@pytest.mark.parametrize(("width", "lazy"), [(32, 0), (128, 2)])
def test_the_gateware_equals_its_model(width: int, lazy: int) -> None:
    check_gateware(load_cfu(FOLD, {"width": width, "lazy": lazy}), 3, 400)


@pytest.mark.slow
@pytest.mark.parametrize("width", long_except((32, 64, 128), 128))
def test_in_bulk_and_through_cocotb(width: int, tmp_path: Path) -> None:
    cfu = load_cfu(FOLD, {"width": width, "lazy": 1})
    check_verilog(cfu, 1, 20_000)
    run_cocotb(cfu, tmp_path, "verilator", 2, 200)


@pytest.mark.parametrize("old", ["", "payload.addr.eq(self.addr)"])
def test_both_benches_see_the_same(old: str, tmp_path: Path) -> None:
    """Cycle by cycle, up to the command that is out of range."""
    cfu = fold(tmp_path, old, "payload.addr.eq(self.addr + 0x800)", width=64, lazy=2)
    assert isinstance(cfu, Cfu)
    made = segments(cfu, 5, 300)
    bench = verilator_driver.build(cfu.verilog(), "fold", 0, cfu.dma_width)
    in_cpp = verilator_driver.play(bench, made, hang_cycles(cfu))
    in_python = amaranth_driver.play(cfu, made, hang_cycles(cfu))
    assert in_cpp == in_python
    assert in_python[-1].rule == (8 if old else 0)


# A wrong replacement in the gateware, and the message that it must cause.
WRONG = {
    "not aligned": ("payload.addr.eq(self.addr)", "payload.addr.eq(self.addr + 1)", r"dma-in-range.*0x4000"),
    "below": ("payload.addr.eq(self.addr)", "payload.addr.eq(self.addr - 64)", r"dma-in-range.*0x3fffff"),
    "beyond": ("payload.count.eq(self.count)", "payload.count.eq(self.count + 1)", r"dma-in-range|got"),
    "nothing": ("payload.count.eq(self.count)", "payload.count.eq(0)", "dma-in-range"),
    "elements are left": (
        "elements.ready.eq((turn == 0)",
        "elements.ready.eq(0 * (turn == 0)",
        "one-response|command-accepted",
    ),
    "one is counted twice": (
        "takes.eq(elements.valid & elements.ready)",
        "takes.eq(elements.valid)",
        "got|one-response",
    ),
    "it does not wait": ("~fold.asks & (fold.awaited == 0)", "~fold.asks", "got"),
    "a command is lost": ("with m.If(commands.ready):", "with m.If(1):", "one-response"),
    "it asks for ever": ("with m.If(commands.ready):", "with m.If(0):", "command-accepted"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_a_wrong_cfu_is_found(name: str, tmp_path: Path) -> None:
    old, new, message = WRONG[name]
    with pytest.raises(CfuMismatch, match=message):
        check_gateware(fold(tmp_path, old, new, width=32, lazy=2), 1, 400)


IN_VERILOG = """
module Cfu(input clk, input reset, input cmd_valid, output cmd_ready, input [9:0] cmd_payload_function_id,
           input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1,
           output rsp_valid, input rsp_ready, output [31:0] rsp_payload_outputs_0,
           output dma_read_cmd_valid, input dma_read_cmd_ready, output [31:0] dma_read_cmd_payload_addr,
           output [15:0] dma_read_cmd_payload_count,
           input dma_read_rsp_valid, output dma_read_rsp_ready, input [31:0] dma_read_rsp_payload_data);
  reg asks, waits, other;
  reg [31:0] address;
  assign cmd_ready = !asks && !waits && !other;
  assign {dma_read_cmd_valid, dma_read_cmd_payload_addr, dma_read_cmd_payload_count} = {asks, address, 16'd1};
  assign rsp_valid = other || waits && dma_read_rsp_valid;
  assign rsp_payload_outputs_0 = other ? 0 : dma_read_rsp_payload_data;
  assign dma_read_rsp_ready = waits && rsp_ready;
  always @(posedge clk) begin
    if (cmd_valid && cmd_ready) {asks, other, address} <=
      {cmd_payload_function_id[2:0] == 0, cmd_payload_function_id[2:0] != 0, cmd_payload_inputs_0};
    if (dma_read_cmd_valid && dma_read_cmd_ready) {asks, waits} <= 2'b01;
    if (rsp_valid && rsp_ready) {waits, other} <= 0;
    if (reset) {asks, waits, other} <= 0;
  end
endmodule
"""


class Peek(Instruction):
    """rd = the word at address rs1 of main memory."""

    rs2 = None
    time = Variable(min_cycles=1, max_cycles=3, exact=False)

    def __init__(self, dma: DmaPort):
        super().__init__(name="peek")
        self.dma = dma

    def call(self, funct7, rs1, rs2):
        return int.from_bytes(self.dma.load(rs1, 4), "little")

    def operands(self, rng):
        return 0, DMA_TEST_BASE + 4 * rng.randrange(DMA_TEST_BYTES // 4), 0


def in_verilog(folder: Path, text: str = IN_VERILOG, width: int = 32) -> VerilogCfu:
    (folder / "cfu.v").write_text(text)
    dma = DmaPort(width)
    return VerilogCfu(folder / "cfu.v", {0: Peek(dma)}, dma=dma)


def test_a_port_in_verilog(tmp_path: Path) -> None:
    check_verilog(in_verilog(tmp_path), 1, 2000)
    with pytest.raises(BuildError, match="dma_read_rsp_payload_data of module Cfu is an input of 32 bits"):
        in_verilog(tmp_path, width=64).verilog()
    with pytest.raises(BuildError, match=r"nothing is connected to: dma_read_cmd_valid.*dma=DmaPort"):
        VerilogCfu(tmp_path / "cfu.v").verilog()


def test_refused_declarations() -> None:
    with pytest.raises(UsageError, match="width is 256; one of 32, 64, 128"):
        DmaPort(256)
    port = DmaPort(32)
    with pytest.raises(ResultError, match="reads 4 bytes at address 0x40004000 by DMA"):
        port.load(DMA_TEST_BASE + DMA_TEST_BYTES, 4)
    with pytest.raises(ResultError, match="address 0x3fffffff"):
        port.load(DMA_TEST_BASE - 1, 4)


def test_vectors_leave_main_memory_alone() -> None:
    assert vectors(load_cfu(FOLD), 3, 100) == []


@given(
    seed=st.integers(0, 1000),
    bursts=st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 20)), min_size=1, max_size=12),
    ready=st.integers(1, (1 << 1024) - 1),
    takes=st.integers(1, (1 << 1024) - 1),
    waits=st.lists(st.integers(0, 9), min_size=1, max_size=5),
)
def test_main_memory_of_the_tests_keeps_the_rules(
    seed: int, bursts: list[tuple[int, int]], ready: int, takes: int, waits: list[int]
) -> None:
    """Elements come in order, none is lost, each waits for rsp_ready, and DMA_OUTSTANDING commands are the most."""
    segment = Segment("gaps", (), 0, 0, True, dma_seed=seed, dma_ready=ready, dma_waits=tuple(waits))
    side = DmaSide(segment, 64)
    wanted = [
        int.from_bytes(side.contents[8 * (at + n) : 8 * (at + n) + 8], "little")
        for at, count in bursts
        for n in range(count)
    ]
    ends = [sum(count for _, count in bursts[: n + 1]) for n in range(len(bursts))]
    got: list[int] = []
    accepted, held = 0, None
    for cycle in range(1024 * 300):
        open_, valid, data = side.drive()
        assert held is None or (valid and data == held)
        taken = bool(takes >> cycle % 1024 & 1)
        held = data if valid and not taken else None
        offered = accepted < len(bursts)
        at, count = bursts[min(accepted, len(bursts) - 1)]
        side.see(offered, DMA_TEST_BASE + 8 * at, count, taken)
        accepted += open_ and offered
        if valid and taken:
            got.append(data)
        assert accepted - sum(end <= len(got) for end in ends) <= DMA_OUTSTANDING
        if len(got) == len(wanted):
            break
    assert got == wanted and side.outside is None
