"""Small CFUs in Verilog for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PORTS = """\
  input clk, input reset,
  input cmd_valid, output cmd_ready, input [9:0] cmd_payload_function_id,
  input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1,
  output rsp_valid, input rsp_ready, output [31:0] rsp_payload_outputs_0"""
HANDSHAKE = """\
  assign cmd_ready = rsp_ready;
  assign rsp_valid = cmd_valid;
"""


def module_cfu(rd: str, body: str = "", ports: str = PORTS) -> str:
    """A combinational module Cfu that answers the expression `rd`."""
    return f"module Cfu (\n{ports}\n);\n{HANDSHAKE}{body}  assign rsp_payload_outputs_0 = {rd};\nendmodule\n"


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files by their names below `folder`; the path of the first."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / next(iter(files))
