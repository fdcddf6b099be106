"""Verilog as people write it: module Cfu is found, its ports are checked, and all files that it needs come along."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfukit import MemoryPort, VerilogCfu, load_cfu
from cfukit.verilog_text import code_only, definitions
from cfukit_base.errors import BuildError
from support.verilog import HANDSHAKE, PORTS, module_cfu, write

SUM = "cmd_payload_inputs_0 + cmd_payload_inputs_1"
ADDER = module_cfu(SUM)


def text_of(folder: Path, files: dict[str, str]) -> str:
    return load_cfu(write(folder, files)).verilog()


@pytest.mark.parametrize(
    "text",
    [
        "// The module Cfu adds.\n" + ADDER,
        "/* module Cfu ( */\n" + ADDER,
        ADDER.replace("endmodule", "endmodule : Cfu"),
        ADDER.replace("module Cfu", "module\n  Cfu"),
        ADDER.replace("module Cfu (", "module \\Cfu (").replace("\\Cfu (", "\\Cfu  ("),
        ADDER.replace("module Cfu (", "module Cfu #(parameter WIDTH = 32) ("),
        ADDER.replace("  input clk", '  (* keep = "module Cfu" *) input clk'),
        "`define IN input\n`define WORD [31:0]\n" + ADDER.replace("input [31:0]", "`IN `WORD"),
        "`define PORTS \\\n" + PORTS.replace("\n", " \\\n") + "\n" + ADDER.replace(PORTS, "`PORTS"),
        "`ifdef OTHER\n" + ADDER.replace(PORTS, "input a") + "`else\n" + ADDER + "`endif\n",
        "`default_nettype none\n`timescale 1ns/1ps\n" + ADDER,
        ADDER.replace("\n", "\r\n"),
        ADDER.replace("assign rsp_payload", 'initial $display("module Cfu // %d", 1);\n  assign rsp_payload'),
        ADDER.replace("assign rsp_payload_outputs_0 = ", "reg [31:0] q; always @* q <= #1 ").replace(
            "endmodule", "assign rsp_payload_outputs_0 = q;\nendmodule"
        ),
    ],
    ids=range(14),
)
def test_module_cfu_is_found_and_renamed(tmp_path: Path, text: str) -> None:
    made = text_of(tmp_path, {"cfu.sv": text})
    assert "inner_cmd_ready" in made and definitions(made) == {"Cfu", "Cfu_inner"}
    assert code_only(made).count("module Cfu") == 1 + code_only(made).count("module Cfu_inner")


def test_old_style_ports(tmp_path: Path) -> None:
    names = "clk, reset, cmd_valid, cmd_ready, cmd_payload_function_id, cmd_payload_inputs_0, cmd_payload_inputs_1"
    names += ", rsp_valid, rsp_ready, rsp_payload_outputs_0"
    declarations = (
        PORTS.replace(", input", "; input").replace(", output", "; output").replace(",\n", ";\n") + ";\n"
    )
    text = (
        f"module Cfu ({names});\n{declarations}{HANDSHAKE}assign rsp_payload_outputs_0 = {SUM};\nendmodule\n"
    )
    assert "Cfu_inner" in text_of(tmp_path, {"cfu.v": text})


def test_bytes_that_are_no_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "cfu.v"
    for comment in (b"// \xe9t\xe9\n", b"\xef\xbb\xbf// utf-8\n", "// été\n".encode()):
        path.write_bytes(comment + ADDER.encode())
        assert "Cfu_inner" in load_cfu(path).verilog()


def test_a_path_with_odd_characters(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s 100 % "odd" é'
    assert "`EXTRA" in text_of(
        folder, {"cfu.v": '`include "a b.vh"\n' + module_cfu("`EXTRA"), "a b.vh": "`define EXTRA 7\n"}
    )


# --- ports ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("input [31:0] port0_din, output [13:0] port0_addr", r"port0_din, port0_addr; .*memory=MemoryPort"),
        ("output mem_cmd_valid", r"mem_cmd_valid; .*memory=MemoryPort"),
        ("input dma_read_cmd_ready", r"dma_read_cmd_ready; .*dma=DmaPort"),
        ("output [31:0] m_axi_araddr", r"m_axi_araddr; .*dma=DmaPort"),
        ("output led", r"led; its ports are clk, reset, .*rsp_payload_outputs_0$"),
    ],
)
def test_unknown_ports_are_named(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(BuildError, match=f"a port that nothing is connected to: {message}"):
        text_of(tmp_path, {"cfu.v": ADDER.replace(PORTS, f"{PORTS}, {more}")})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "input rsp_ready",
            "output rsp_ready",
            "rsp_ready of module Cfu is an output of 1 bit; an input of 1 bit",
        ),
        (
            "input [9:0]",
            "input [2:0]",
            "function_id of module Cfu is an input of 3 bits; an input of 10 bits",
        ),
        ("input rsp_ready, ", "", "module Cfu has no port rsp_ready; its ports are"),
        ("rsp_ready,", "ready,", "no port rsp_ready and has a port that nothing is connected to: ready"),
        ("[31:0] rsp_payload_outputs_0", "[31:0] rsp_payload_outputs_0,", r"cfu.v:6: .*extraneous comma"),
    ],
)
def test_wrong_ports_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = ADDER.replace("  assign cmd_ready = rsp_ready;\n", "  assign cmd_ready = 1;\n")
    assert text.count(old) == 1
    with pytest.raises(BuildError, match=message):
        text_of(tmp_path, {"cfu.v": text.replace(old, new)})


def test_a_declared_memory_port_needs_no_hint(tmp_path: Path) -> None:
    path = write(tmp_path, {"cfu.v": ADDER})
    with pytest.raises(BuildError, match="has no port mem_cmd_valid") as caught:
        VerilogCfu(path, memory=MemoryPort(64)).verilog()
    assert caught.value.hint == ""


def test_a_mistake_has_its_file_and_line(tmp_path: Path) -> None:
    files = {
        "cfu.v": '`include "part.vh"\n' + module_cfu("`EXTRA"),
        "part.vh": "// one\n`define EXTRA 7\nwire wire;\n",
    }
    with pytest.raises(BuildError, match=r"/part.vh:3: the Verilog does not elaborate: syntax error"):
        text_of(tmp_path, files)
    with pytest.raises(BuildError, match=r"/cfu.v:2: .*[Cc]annot find include file: 'none.vh'"):
        text_of(tmp_path, {"cfu.v": '\n`include "none.vh"\n' + ADDER})
    with pytest.raises(BuildError, match=r"/cfu.v:9: .*[Cc]annot find.*'none'"):
        text_of(tmp_path, {"cfu.v": module_cfu("0", "  none n();\n")})


# --- several files -------------------------------------------------------------------------------------------------------


def test_includes_stand_in_the_text(tmp_path: Path) -> None:
    """From the file's folder, the main file's and the project's; nested; guarded against each other; not in comments."""
    files = {
        "cfu.v": '// `include "none.vh"\n`include "rtl/a.vh" // first\n'
        '`ifdef NEVER\n`include "absent.vh"\n`endif\n' + module_cfu("`A + `B + `ROOT"),
        "rtl/a.vh": '`ifndef GUARD_A\n`define GUARD_A\n`include "b.vh"\n`include <root.vh>\n`define A 1\n`endif',
        "rtl/b.vh": '`ifndef GUARD_B\n`define GUARD_B\n`include "a.vh"\n`define B 2\n`endif\n',
        "root.vh": "`define ROOT 3\n",
    }
    made = text_of(tmp_path, files)
    assert made.count("`include") == 2 and "absent.vh" in made and "// first" in made
    assert all(made.count(f"`define {name}") == 1 for name in ("A 1", "B 2", "ROOT 3", "GUARD_A"))


def test_modules_of_the_folder_are_found(tmp_path: Path) -> None:
    """As CFU Playground's projects have them: the main file names modules that lie beside it, in files of any name."""
    files = {
        "cfu.sv": module_cfu(
            "total", "  wire [31:0] total;\n  adder sum(cmd_payload_inputs_0, cmd_payload_inputs_1, total);\n"
        ),
        "arithmetic.sv": "module adder import numbers::*; (input [31:0] a, b, output [31:0] y);\n"
        "  half h(a, b, y);\nendmodule\n",
        "half.v": "module half (input [31:0] a, b, output [31:0] y);\n  assign y = a + b + numbers::ONE;\nendmodule\n",
        "numbers.sv": "package numbers;\n  localparam ONE = 1;\nendpackage\n",
        "cfu_old.v": ADDER,
        "test_bench.v": "module test_bench;\n  initial #5 $finish;\n  Cfu dut();\nendmodule\n",
    }
    cfu = load_cfu(write(tmp_path, files))
    made = cfu.verilog()
    assert definitions(made) == {"Cfu", "Cfu_inner", "adder", "half", "numbers"}
    assert made.index("package numbers") < made.index("numbers::ONE") and cfu.verilog_name == "cfu.sv"


def test_the_language_is_told_by_the_text(tmp_path: Path) -> None:
    names = {}
    for number, text in enumerate((ADDER, ADDER.replace("input clk", "input logic clk"))):
        names[number] = load_cfu(write(tmp_path, {f"cfu{number}.v": text})).verilog_name
    assert names == {0: "cfu.v", 1: "cfu.sv"}
    assert load_cfu(write(tmp_path, {"cfu.sv": ADDER})).verilog_name == "cfu.sv"


def test_the_text_does_not_depend_on_the_callers_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"p/cfu.v": '`include "part.vh"\n' + module_cfu("`EXTRA"), "p/part.vh": "`define EXTRA 7\n"}
    first = text_of(tmp_path, files)
    monkeypatch.chdir(write(tmp_path, {"q/part.vh": "`define EXTRA 8\n"}).parent)
    assert load_cfu(tmp_path / "p" / "cfu.v").verilog() == first
