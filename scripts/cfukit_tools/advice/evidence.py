"""What a profile says for an advice: cycles by cause or by operator, and the place that has most of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from cfukit_base.artefacts.causes import Causes, FunctionRun, InstructionRun
from cfukit_base.artefacts.run import OpRun, VariantRun
from cfukit_base.artefacts.suggest import Evidence

_NAMED_OPERATORS = 3


def of_causes(variant: VariantRun, causes: Sequence[str]) -> Evidence:
    """The cycles with these causes."""
    assert variant.causes is not None
    by_cause = {name: count for name in causes if (count := getattr(variant.causes, name))}
    total = _sum(variant.causes, causes)
    worst = max(
        variant.functions or (), key=lambda one: (not one.inlined, _sum(one.causes, causes)), default=None
    )
    operators = sorted(variant.ops, key=lambda op: -_sum(op.causes, causes))
    operators = [op for op in operators if _sum(op.causes, causes)]
    shown = " + ".join(by_cause) if by_cause else " + ".join(causes)
    return _evidence(variant, total, by_cause, operators, worst, f"{shown}")


def of_functions(variant: VariantRun, names: Collection[str]) -> Evidence:
    """The cycles in functions of these names."""
    found = [one for one in variant.functions or () if one.name in names and not one.inlined]
    worst = max(found, key=lambda one: one.cycles, default=None)
    total = sum(one.cycles for one in found)
    return _evidence(variant, total, {}, [], worst, ", ".join(one.name for one in found))


def of_operators(variant: VariantRun, indices: Collection[int]) -> Evidence:
    """The cycles of whole operators."""
    chosen = sorted((op for op in variant.ops if op.index in indices), key=lambda op: -(op.cycles or 0))
    total = sum(op.cycles or 0 for op in chosen)
    types = ", ".join(sorted({op.type for op in chosen}))
    count = f"{len(chosen)} of {len(variant.ops)} operators"
    about = _evidence(variant, total, {}, chosen, None, f"{count} ({types})", named=False)
    roof = chosen[0].roof if chosen else None
    if roof is None:
        return about
    reached = f"{chosen[0].index} {chosen[0].type} reaches {roof.attained:.0%} of its limit ({roof.bound})"
    return replace(about, text=f"{about.text}; {reached}")


def of_data(variant: VariantRun, causes: Sequence[str]) -> Evidence:
    """As `of_causes`, and where arena and weights lie."""
    about = of_causes(variant, causes)
    lies = [
        f"{part} in {memory.name}"
        for memory in variant.memory_map or ()
        for part in ("arena", "weights")
        if part in memory.parts
    ]
    return replace(about, text="; ".join([about.text, ", ".join(lies)]) if lies else about.text)


def of_code(variant: VariantRun, at: InstructionRun, executions: int, places: int) -> Evidence:
    """The cycles of the function around an instruction. executions, places: of all code like it."""
    about = of_functions(variant, (at.function,))
    where = f"{places} places, the hottest" if places > 1 else "one place,"
    text = f"{executions:,} times in {where} {at.file}:{at.line} in {at.function}, which has {about.share:.1%} of all cycles"
    return replace(about, file=at.file, line=at.line, text=text)


def _evidence(
    variant: VariantRun,
    cycles: int,
    causes: dict[str, int],
    operators: Sequence[OpRun],
    worst: FunctionRun | None,
    what: str,
    named: bool = True,
) -> Evidence:
    total = variant.first_cycles or 0
    share = round(cycles / total, 4) if total else 0.0
    text = f"{what}: {cycles:,} cycles, {share:.1%} of all"
    if named and operators:
        text += "; most in " + ", ".join(f"{op.index} {op.type}" for op in operators[:_NAMED_OPERATORS])
    if worst is not None:
        place = f" ({worst.file}:{worst.line})" if worst.file else ""
        text += f"{', function' if named and operators else '; function'} {worst.name}{place}"
    return Evidence(
        cycles=cycles,
        share=share,
        causes=causes,
        operators=tuple(op.index for op in operators),
        function=worst.name if worst is not None else "",
        file=worst.file if worst is not None else "",
        line=worst.line if worst is not None else 0,
        text=text,
    )


def _sum(causes: Causes | None, names: Sequence[str]) -> int:
    return sum(getattr(causes, name) for name in names) if causes is not None else 0
