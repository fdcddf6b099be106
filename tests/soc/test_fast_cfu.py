"""The verilated CFU of the fast simulator: when a clock edge can be computed alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfukit_soc.fast.build import _edge_stands_alone, _verilate
from support.bare import ODD_CFU

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
    assert _edge_stands_alone(tmp_path / "made") is alone
