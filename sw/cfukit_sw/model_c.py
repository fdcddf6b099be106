"""The linked packaging: a plan becomes model.c, and its constants a binary that the assembler includes.

Only the kernels that the plan uses are linked. Parameters are constant structs; the constants and the arena stand in
sections of their own, which the linker script places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cfukit_base.artefacts.plan import InArena, InConstants, Plan, Steps, Structs, Value, Variable
from cfukit_base.digest import digest_of
from cfukit_sw.kernels import Kernel, sources_of

HEAD = """\
/* {model}: {steps} kernel calls, {macs} multiply-accumulates. Generated from {registry} kernels; do not edit. */
#include "cfukit_kernels.h"
#include "cfukit_model.h"

extern const uint8_t cfukit_constants[];
static uint8_t arena[{near_bytes}] CFUKIT_ARENA __attribute__((aligned(16)));
"""

FAR = "static uint8_t far_arena[{far_bytes}] CFUKIT_FAR_ARENA __attribute__((aligned(16)));\n"

DATA = """\
/* The model's constants, {count} bytes. Generated; do not edit. */
    .section .rodata.cfukit.weights, "a"
    .balign 16
    .global cfukit_constants
cfukit_constants:
    .incbin "{file}"
"""


def write_model(plan: Plan, directory: Path, kernels: Sequence[Kernel] = ()) -> list[Path]:
    """Write model.c, model_data.S and the binary that it includes; return what to compile: the two and the kernels' sources.

    kernels: the project's. Compile with the library's include folder.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "model_data.bin").write_bytes(plan.constants)
    data, source = directory / "model_data.S", directory / "model.c"
    data.write_text(DATA.format(count=len(plan.constants), file="model_data.bin"))
    source.write_text(model_c(plan))
    return [source, data, *sources_of(plan, kernels)]


def plan_digest(plan: Plan) -> bytes:
    """16 bytes that identify a plan. The device reports them, so that host and firmware cannot disagree unnoticed."""
    document = plan.to_json()
    return bytes.fromhex(digest_of(document) + digest_of("second half", document))


def model_c(plan: Plan) -> str:
    """The text of model.c."""
    text = [
        HEAD.format(
            model=_comment(plan.model),
            steps=len(plan.steps),
            macs=f"{plan.macs:,}",
            registry=plan.registry,
            near_bytes=max(plan.near_bytes, 1),
        )
    ]
    if plan.far_bytes:
        text.append(FAR.format(far_bytes=plan.far_bytes))
    for function in plan.functions:
        text.append(f"void {function}(const void *params);\n")
    for number, step in enumerate(plan.steps):
        text.append(f"\n/* {step.index}: {step.type} */\n")
        text.append(_pointed_to(step.params, f"op{number}", plan.near_bytes))
        members = _members(step.params, f"op{number}", plan.near_bytes)
        text.append(f"static const struct {step.struct} op{number} CFUKIT_PARAMS = {{\n{members}}};\n")
    calls = "".join(f"    {{{step.function}, &op{number}}},\n" for number, step in enumerate(plan.steps))
    text.append(
        f"\nstatic const struct cfukit_op ops[{max(len(plan.steps), 1)}] CFUKIT_PARAMS = {{\n{calls}}};\n"
    )
    text.append(f"static uint32_t op_cycles[{max(len(plan.steps), 1)}];\n")
    variables = "".join(_variable(variable) for variable in plan.variables)
    if variables:
        text.append(f"static const struct cfukit_variable variables[] = {{\n{variables}}};\n")
    digest = ", ".join(f"0x{byte:02x}" for byte in plan_digest(plan))
    text.append(
        "\nconst struct cfukit_model cfukit_model = {\n"
        "    .ops = ops,\n    .arena = arena,\n"
        f"    .far_arena = {'far_arena' if plan.far_bytes else '0'},\n"
        f"    .variables = {'variables' if variables else '0'},\n"
        f"    .op_cycles = op_cycles,\n    .arena_bytes = {plan.arena_bytes},\n    .near_bytes = {plan.near_bytes},\n"
        f"    .n_ops = {len(plan.steps)},\n    .n_variables = {len(plan.variables)},\n"
        f"    .digest = {{{digest}}},\n}};\n"
    )
    return "".join(text)


def _variable(variable: Variable) -> str:
    initial = "0" if variable.initial is None else f"cfukit_constants + {variable.initial}"
    return f"    {{arena + {variable.offset}, {initial}, {variable.bytes}u, {variable.fill}}},\n"


def _pointed_to(params: Mapping[str, Value], prefix: str, near: int) -> str:
    """The arrays that parameters point to, and all that these point to."""
    text = []
    for name, value in params.items():
        if isinstance(value, Structs):
            text.append(_structs(f"{prefix}_{name}", value, near))
        elif isinstance(value, Steps):
            text.append(_calls(f"{prefix}_{name}", value, near))
    return "".join(text)


def _calls(name: str, value: Steps, near: int) -> str:
    text = []
    for number, call in enumerate(value.items):
        inner = f"{name}_{number}"
        text.append(_pointed_to(call.params, inner, near))
        members = _members(call.params, inner, near)
        text.append(f"static const struct {call.struct} {inner} CFUKIT_PARAMS = {{\n{members}}};\n")
    calls = "".join(f"    {{{call.function}, &{name}_{n}}},\n" for n, call in enumerate(value.items))
    count = max(len(value.items), 1)
    text.append(f"static const struct cfukit_op {name}[{count}] CFUKIT_PARAMS = {{\n{calls}}};\n")
    return "".join(text)


def _members(params: Mapping[str, Value], prefix: str, near: int) -> str:
    return "".join(
        f"    .{name} = {_expression(value, f'{prefix}_{name}', near)},\n" for name, value in params.items()
    )


def _structs(name: str, value: Structs, near: int) -> str:
    if not value.items:
        return f"static const struct {value.name} {name}[1] CFUKIT_PARAMS = {{{{0}}}};\n"
    items = ",\n    ".join(
        "{" + ", ".join(f".{member} = {_expression(inner, '', near)}" for member, inner in item.items()) + "}"
        for item in value.items
    )
    return f"static const struct {value.name} {name}[] CFUKIT_PARAMS = {{\n    {items},\n}};\n"


def _expression(value: Value, name: str, near: int) -> str:
    """near: bytes of the arena's first part."""
    if isinstance(value, InArena):
        far = value.offset - near
        return f"(void *)(arena + {value.offset})" if far < 0 else f"(void *)(far_arena + {far})"
    if isinstance(value, InConstants):
        return f"(const void *)(cfukit_constants + {value.offset})"
    if isinstance(value, Structs | Steps):
        return name
    if isinstance(value, tuple):
        return "{" + ", ".join(_expression(item, "", near) for item in value) + "}"
    if value is None:
        return "0"
    return f"{value}u" if value > 2**31 - 1 else "INT32_MIN" if value == -(2**31) else str(value)


def _comment(text: str) -> str:
    return text.replace("*/", "* /").replace("\n", " ")
