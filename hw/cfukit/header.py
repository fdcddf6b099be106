"""cfu_ops.h: the instructions of a CFU as C functions, made from what cfu.json says of them.

The header includes `cfu.h`, which has `cfu_op0..7(funct7, a, b)`. For an instruction `dot` on funct3 0 it defines

* `cfu_dot(rs1, rs2)` with funct7 = 0, or one `cfu_dot_MODE(rs1, rs2)` for each named mode. An operand that the instruction
  does not use is no argument.
* the macro `cfu_dot_op(funct7, rs1, rs2)`, where funct7 is an integer constant expression.
* a macro `CFU_DOT_NAME` for each of its parameters.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from cfukit_base.artefacts import CfuDescription
from cfukit_base.artefacts.cfu import CfuInstruction, Time


def header_text(cfu: CfuDescription) -> str:
    """The text of cfu_ops.h."""
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
    for item in cfu.instructions:
        lines += ["", *_functions(item)]
    return "\n".join([*lines, "", "#endif", ""])


def function_arguments(cfu: CfuDescription) -> dict[str, int]:
    """The functions of cfu_ops.h, and how many arguments each takes."""
    return {
        f"cfu_{item.name}{suffix}": len(_operands(item))
        for item in cfu.instructions
        for suffix in (("",) if item.funct7 is None else (f"_{mode.name}" for mode in item.funct7))
    }


def _functions(item: CfuInstruction) -> Iterator[str]:
    upper = _macro(item.name)
    yield f"/* funct3 {item.funct3}: {item.name}, version {item.version}, {_time(item.time)}"
    yield from _wrap(item.doc or "(not documented)")
    for field, text in (("rs1", item.rs1), ("rs2", item.rs2), ("rd", item.rd)):
        if text:
            yield from _wrap(f"{field}: {text}")
    yield " */"
    yield f"#define CFU_{upper}_VERSION {item.version}"
    for name, value in item.params.items():
        yield f"#define CFU_{upper}_{_macro(name)} {_literal(value)}"
    operation = f"cfu_op{item.funct3}"
    yield f"#define cfu_{item.name}_op(funct7, rs1, rs2) {operation}((funct7), (rs1), (rs2))"
    if item.funct7 is None:
        yield _function(item, f"cfu_{item.name}", operation, "0")
        return
    for mode in item.funct7:
        if mode.doc:
            yield f"/* {_comment(mode.doc)} */"
        yield f"#define CFU_{upper}_{_macro(mode.name)} {mode.value}"
        yield _function(item, f"cfu_{item.name}_{mode.name}", operation, str(mode.value))


def _function(item: CfuInstruction, name: str, operation: str, funct7: str) -> str:
    used = _operands(item)
    arguments = ", ".join(f"uint32_t {field}" for field in used) or "void"
    rs1, rs2 = ("rs1" if "rs1" in used else "0u"), ("rs2" if "rs2" in used else "0u")
    return (
        f"static inline uint32_t {name}({arguments})\n{{\n    return {operation}({funct7}, {rs1}, {rs2});\n}}"
    )


def _operands(item: CfuInstruction) -> list[str]:
    return [field for field, text in (("rs1", item.rs1), ("rs2", item.rs2)) if text]


def _time(time: Time) -> str:
    if time.kind == "variable":
        return f"at most {time.max_cycles} cycles"
    interval = time.interval_cycles or 1
    rate = f"{interval} cycles" if interval > 1 else "cycle"
    return f"latency {time.latency_cycles}, a command every {rate}"


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(_comment(text), 100, initial_indent=" * ", subsequent_indent=" * ")


def _comment(text: str) -> str:
    return text.replace("*/", "* /").replace("/*", "/ *")


def _macro(name: str) -> str:
    return re.sub(r"\W", "_", name).upper()


def _literal(value: int) -> str:
    return f"({value})" if value < 0 else str(value)
