"""Where cycles go, for people: shares of causes, the hottest functions, the CFU's instructions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table

from cfukit_base.artefacts import Exec
from cfukit_base.artefacts.causes import Causes, CfuUse, FunctionRun, RegionRun
from cfukit_base.artefacts.run import VariantRun
from cfukit_tools.report.tables import millions, table

SHOWN_FUNCTIONS = 10
SHOWN_WAITS = 3
SHOWN_SHARE = 0.01  # of the cycles: causes with less are not shown


def stack(causes: Causes | None) -> tuple[str, str]:
    """The share of cycles in which an instruction retired, and the largest causes of the others."""
    if causes is None or not causes.cycles:
        return "-", ""
    waits = [
        f"{name} {count / causes.cycles:.0%}"
        for name, count in causes.largest().items()
        if count >= SHOWN_SHARE * causes.cycles
    ]
    return f"{causes.executing / causes.cycles:.0%}", ", ".join(waits[:SHOWN_WAITS])


def operators(variant: VariantRun, causes: Causes) -> Table:
    """A row per operator: the share of each cause that is not small in the whole, and how close the operator is to its tightest limit."""
    waits = [name for name, count in causes.largest().items() if count >= SHOWN_SHARE * causes.cycles]
    names = ["executing", *waits]
    made = table(">#", "operator", *(f">{name}" for name in names), ">others", "of the limit")
    for op in variant.ops:
        if op.causes is not None and op.causes.cycles:
            counts = op.causes.named()
            known = [counts[name] for name in names]
            shares = [f"{count / op.causes.cycles:.0%}" for count in (*known, op.causes.cycles - sum(known))]
            limit = f"{op.roof.attained:.2f} of {op.roof.bound}" if op.roof is not None else "-"
            made.add_row(str(op.index), op.type, *shares, limit)
    return made


def hottest(functions: Sequence[FunctionRun], cycles: int) -> Table:
    """The functions with the most cycles. A copy inside of other functions counts in both."""
    made = table(">cycles", ">share", "function", ">executing", "waits", "defined in")
    for one in functions[:SHOWN_FUNCTIONS]:
        executing, waits = stack(one.causes)
        name = f"{one.name} (inlined)" if one.inlined else one.name
        place = f"{Path(one.file).name}:{one.line}" if one.file else ""
        made.add_row(millions(one.cycles), f"{one.cycles / cycles:.0%}", name, executing, waits, place)
    return made


def operator_functions(variant: VariantRun) -> Iterator[str]:
    """A line per operator: the functions that it spent its cycles in."""
    for op in variant.ops:
        if op.functions and op.cycles:
            parts = [
                f"{one.name}{' (inlined)' if one.inlined else ''} {one.cycles / op.cycles:.0%}"
                for one in op.functions
                if one.cycles >= SHOWN_SHARE * op.cycles
            ]
            yield f"{op.index} {op.type}: {', '.join(parts)}"


def region_line(region: RegionRun) -> str:
    """How often a CFUKIT_REGION ran, and its cycles and their causes where the engine can tell them."""
    line = f"region {region.name}: {region.count:,} run{'' if region.count == 1 else 's'}"
    if region.cycles is not None:
        line += f", {region.cycles:,} cycles"
        line += f", {region.cycles / region.count:,.1f} each" if region.count > 1 else ""
    if region.causes is not None and region.causes.cycles:
        executing, waits = stack(region.causes)
        line += f": executing {executing}{', ' if waits else ''}{waits}"
    return line


def cfu_lines(run: VariantRun | Exec) -> Iterator[str]:
    """What was used of the CFU: a line for each instruction, and how long the CFU was idle."""
    if not run.cfu or run.causes is None:
        return
    cycles = run.causes.cycles
    by_name: dict[str, list[CfuUse]] = {}
    for use in run.cfu:
        by_name.setdefault(use.instruction, []).append(use)
    for name, uses in by_name.items():
        calls, issue, wait = (
            sum(values)
            for values in zip(*((use.calls, use.issue_cycles, use.wait_cycles) for use in uses), strict=True)
        )
        modes = f" in {len(uses)} modes" if len(uses) > 1 else ""
        yield f"CFU {name}: {calls:,} calls{modes}, waited {issue:,} cycles to issue, {wait:,} for answers"
    if run.busy is not None:
        line = f"CFU idle in {1 - run.busy.cfu / cycles:.0%} of {millions(cycles)} cycles"
        port = run.busy.memory_port
        yield line + (f"; memory port: {port / cycles:.2f} accesses per cycle" if port else "")
