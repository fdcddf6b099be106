"""cfukit's gate before a module Cfu in Verilog: `cmd_ready` is 1 whenever no command is offered."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cfukit.verilog_text import code_only
from cfukit_base.cfu_ports import PORTS, CfuPort

INNER = "Cfu_inner"
_NAMES = re.compile(
    r"(?:\b(?:macro)?module\s+(?:(?:automatic|static)\s+)?|\bendmodule\s*:\s*)\\?(Cfu)(?![\w$])"
)


def with_gate(text: str, ports: Sequence[CfuPort] = PORTS) -> str:
    """`text` with its module Cfu renamed, behind a module Cfu that has the gate."""
    inner = INNER
    while re.search(rf"\b{inner}\b", text):
        inner += "_"
    lines = [f"  {port.direction} {_range(port.bits)}{port.name}" for port in ports]
    wires = [
        f"    .{port.name}({'inner_cmd_ready' if port.name == 'cmd_ready' else port.name})" for port in ports
    ]
    return "\n".join(
        [
            "// Module Cfu: cfukit's gate (cmd_ready is 1 whenever no command is offered) before the project's module.",
            "module Cfu(",
            ",\n".join(lines),
            ");",
            "  wire inner_cmd_ready;",
            "  assign cmd_ready = inner_cmd_ready | ~cmd_valid;",
            f"  {inner} inner(",
            ",\n".join(wires),
            "  );",
            "endmodule",
            "",
            _renamed(text, inner),
        ]
    )


def _renamed(text: str, inner: str) -> str:
    for match in reversed(list(_NAMES.finditer(code_only(text)))):
        text = text[: match.start(1)] + inner + text[match.end(1) :]
    return text


def _range(bits: int) -> str:
    return f"[{bits - 1}:0] " if bits > 1 else ""
