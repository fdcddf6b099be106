"""cfu.json (schema cfukit.cfu/1) and cfu_ops.h, generated from a Cfu's declarations.

The header stands on `cfu.h` (`cfu_op0..7(funct7, a, b)`). For an instruction `dot` on funct3 0 it has the macro
`cfu_dot_op(funct7, rs1, rs2)` (funct7 an integer constant expression), the macros of its parameters `CFU_DOT_...`, and functions:
`cfu_dot(rs1, rs2)` with funct7 = 0, or one `cfu_dot_MODE(rs1, rs2)` per named mode. Unused operands are not arguments.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cfukit.instruction import Fixed, Instruction

if TYPE_CHECKING:
    from cfukit.cfu import BaseCfu


def description(cfu: BaseCfu) -> dict[str, object]:
    """The document cfukit.cfu/1."""
    return {
        "schema": "cfukit.cfu/1",
        "name": cfu.name,
        "about": cfu.about,
        "module": "Cfu",
        "params": cfu.params,
        "autonomous": cfu.autonomous,
        "memory_port": {"width": cfu.memory.width} if cfu.memory else None,
        "front_end": cfu.front_end,
        "instructions": [_instruction(funct3, item) for funct3, item in cfu.instructions.items()],
    }


def description_text(cfu: BaseCfu) -> str:
    """cfu.json."""
    return json.dumps(description(cfu), indent=1) + "\n"


def _instruction(funct3: int, item: Instruction) -> dict[str, object]:
    time: dict[str, object] = {"kind": "variable", "max_cycles": item.time.max_cycles}
    if isinstance(item.time, Fixed):
        time = {
            "kind": "fixed",
            "latency_cycles": item.time.latency_cycles,
            "interval_cycles": item.interval_cycles,
        }
    modes = None
    if item.modes is not None:
        modes = [{"value": mode.value, "name": mode.name, "doc": mode.doc} for mode in item.modes]
    return {
        "funct3": funct3,
        "name": item.name,
        "version": item.version,
        "doc": item.doc,
        "params": dict(item.params),
        "rs1": item.rs1 or "",
        "rs2": item.rs2 or "",
        "rd": item.rd,
        "funct7": modes,
        "time": time,
        "stateful": item.stateful,
    }


def header_text(cfu: BaseCfu) -> str:
    """cfu_ops.h."""
    lines = [
        f'/* The instructions of CFU "{_comment(cfu.name)}". Generated; do not edit. */',
        "#ifndef CFU_OPS_H",
        "#define CFU_OPS_H",
        "",
        "#include <stdint.h>",
        "",
        '#include "cfu.h"',
        "",
    ]
    for name, value in cfu.params.items():
        if isinstance(value, int):
            lines.append(f"#define CFU_PARAM_{_macro(name)} {_literal(value)}")
    for funct3, item in cfu.instructions.items():
        lines += ["", *_functions(funct3, item)]
    return "\n".join([*lines, "", "#endif", ""])


def _functions(funct3: int, item: Instruction) -> Iterator[str]:
    upper = _macro(item.name)
    yield f"/* funct3 {funct3}: {item.name}, version {item.version}, {_time(item)}"
    yield from _wrap(item.doc or "(not documented)")
    for field in ("rs1", "rs2", "rd"):
        if getattr(item, field):
            yield from _wrap(f"{field}: {getattr(item, field)}")
    yield " */"
    yield f"#define CFU_{upper}_VERSION {item.version}"
    for name, value in item.params.items():
        yield f"#define CFU_{upper}_{_macro(name)} {_literal(int(value))}"
    yield f"#define cfu_{item.name}_op(funct7, rs1, rs2) cfu_op{funct3}((funct7), (rs1), (rs2))"
    if item.modes is None:
        yield _function(item, f"cfu_{item.name}", f"cfu_op{funct3}", "0")
        return
    for mode in item.modes:
        if mode.doc:
            yield f"/* {_comment(mode.doc)} */"
        yield f"#define CFU_{upper}_{_macro(mode.name)} {mode.value}"
        yield _function(item, f"cfu_{item.name}_{mode.name}", f"cfu_op{funct3}", str(mode.value))


def _function(item: Instruction, name: str, operation: str, funct7: str) -> str:
    used = [field for field in ("rs1", "rs2") if getattr(item, field) is not None]
    arguments = ", ".join(f"uint32_t {field}" for field in used) or "void"
    rs1, rs2 = ("rs1" if "rs1" in used else "0u"), ("rs2" if "rs2" in used else "0u")
    return (
        f"static inline uint32_t {name}({arguments})\n{{\n    return {operation}({funct7}, {rs1}, {rs2});\n}}"
    )


def _time(item: Instruction) -> str:
    if isinstance(item.time, Fixed):
        rate = f"{item.interval_cycles} cycles" if item.interval_cycles > 1 else "cycle"
        return f"latency {item.time.latency_cycles}, a command every {rate}"
    return f"at most {item.time.max_cycles} cycles"


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(_comment(text), 100, initial_indent=" * ", subsequent_indent=" * ")


def _comment(text: str) -> str:
    return text.replace("*/", "* /").replace("/*", "/ *")


def _macro(name: str) -> str:
    return re.sub(r"\W", "_", name).upper()


def _literal(value: int) -> str:
    return f"({value})" if value < 0 else str(value)
