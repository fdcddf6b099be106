"""What a person sees of run.json. Nothing is computed here that the document does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table

from cfukit_base.artefacts import Run
from cfukit_base.artefacts.run import MemoryUse, Mismatch, VariantRun
from cfukit_tools.report.causes import cfu_lines, hottest, operator_functions, operators, region_line
from cfukit_tools.report.tables import console, millions, per_mac, ratio, table, times


def show(document: Run, verbose: bool = False) -> None:
    """The tables of `run` and `profile`."""
    if document.ladder:
        _ladder(document)
        return
    out = console()
    out.print(_operators(document))
    final = document.variants[-1]
    if final.causes is not None:
        out.print(operators(final, final.causes))
    if final.functions and final.causes is not None:
        out.print(hottest(final.functions, final.causes.cycles))
    for region in final.regions or ():
        out.print(region_line(region))
    for line in cfu_lines(final):
        out.print(line)
    if document.mismatch is None:
        out.print(verdict(document))
        for line in totals(document):
            out.print(line)
        if document.accuracy is not None:
            out.print(f"accuracy: {document.accuracy:.2%} of {document.samples} samples")
    out.print(system_line(document))
    _limits(out, document)
    placed = document.variants[-1].memory_map or ()
    if verbose or len(placed) > 1:
        for line in memory_lines(placed):
            out.print(line)
    if verbose:
        for line in operator_functions(final):
            out.print(line)
        for variant in document.variants:
            for line in _details(variant):
                out.print(line)
    out.print(document.host.path)
    if document.mismatch is not None:
        out.print(verdict(document))
        out.print(_suspect(document, document.mismatch))


def _limits(out: Console, document: Run) -> None:
    for limit in document.limits:
        out.print(
            f"limit exceeded: {limit.name} asked {limit.asked:,}, reached {limit.reached:,} ({limit.offender})"
        )


def _ladder(document: Run) -> None:
    """One row per variant of the project: its system where that differs, cycles, gains, area."""
    first, rungs = document.ladder[0], document.ladder
    differing = [key for key in ("board", "cpu", "model") if len({getattr(rung, key) for rung in rungs}) > 1]
    families = sorted({rung.family for rung in rungs if rung.family})
    names = ("lut", "ff", "bram", "dsp") if families else ()
    heads = ["variant", *differing, ">cycles", ">over reference", f">over {first.name}", ">cycles/MAC"]
    made = table(*heads, *(["family"] if len(families) > 1 else []), *(f">{name}" for name in names))
    for rung in rungs:
        cells = [rung.name, *(getattr(rung, key) for key in differing), millions(rung.cycles)]
        cells += [times(rung.over_reference), times(rung.over_first)]
        cells.append("-" if rung.cycles_per_mac is None else f"{rung.cycles_per_mac:.2f}")
        cells += [rung.family] if len(families) > 1 else []
        used = rung.used or {}
        made.add_row(*cells, *(str(used.get(name, "-")) for name in names))
    out, samples, bad = console(), document.samples, document.mismatch
    out.print(made)
    if len(families) == 1:
        out.print(f"area: of the CFU alone on {families[0]}")
    run = sum(not rung.error for rung in rungs)
    if bad is None:
        out.print(f"outputs: {samples}/{samples} samples identical in {run}/{len(rungs)} variants")
    else:
        out.print(verdict(document))
    for rung in rungs:
        if rung.error:
            out.print(f"{rung.name} has no figures: {rung.error}")
    one_system = not {"board", "cpu"} & {*differing}
    compiler = document.toolchain.compiler
    out.print(system_line(document) if one_system else f"engine {document.engine}, {compiler}")
    _limits(out, document)
    out.print(document.host.path)


def _details(variant: VariantRun) -> Iterator[str]:
    known = {name: size for name, size in vars(variant.sizes).items() if size is not None}
    sizes = ", ".join(f"{name.removesuffix('_bytes')} {size:,}" for name, size in known.items())
    yield f"{variant.name} bytes: {sizes}"
    if variant.text:
        yield f"{variant.name} printed: {variant.text.rstrip()}"


def memory_lines(memories: Iterable[MemoryUse]) -> Iterator[str]:
    """A memory map: each memory, and the bytes of what lies there."""
    for memory in memories:
        parts = ", ".join(f"{part} {size:,}" for part, size in memory.parts.items()) or "nothing"
        yield f"  {memory.name}: 0x{memory.base:08x}, {memory.bytes:,} bytes: {parts}"


def _operators(document: Run) -> Table:
    """One row per operator: the cycles of each variant, the gain of the last over the one before, cycles per MAC."""
    shown = document.variants[-2:]
    heads = [">#", "operator", "kernel", *(f">{name_of(document, v)}" for v in shown), ">cycles/MAC"]
    if len(shown) > 1:
        heads.insert(-1, ">gain")
    made = table(*heads)
    for row in operator_rows(shown):
        made.add_row(*row)
    return made


def operator_rows(shown: Sequence[VariantRun]) -> list[tuple[str, ...]]:
    """Cells for each operator that runs in the last variant."""
    rows = []
    for position, op in enumerate(shown[-1].ops):
        cycles = [variant.ops[position].cycles for variant in shown]
        cells = [millions(value) for value in cycles]
        if len(shown) > 1:
            cells.append(ratio(cycles[0], cycles[-1]))
        cells.append(per_mac(cycles[-1], op.macs))
        rows.append((str(op.index), op.type, op.kernel, *cells))
    return rows


def name_of(document: Run, variant: VariantRun) -> str:
    """The project's own kernels go by the project's name."""
    return document.project if variant.name == "project" else variant.name


def verdict(document: Run) -> str:
    """One line: are the outputs right?"""
    bad, samples = document.mismatch, document.samples
    if bad is None:
        checked = document.checked_operators
        return f"outputs: {samples}/{samples} samples identical, {checked}/{checked} operators{_without_code(document)}"
    place = f"sample {bad.sample}, operator {bad.op}, tensor {bad.tensor}, index {bad.index}"
    return f"WRONG in {bad.variant}: {place}: expected {bad.expected:g}, got {bad.got:g}"


def _suspect(document: Run, bad: Mismatch) -> str:
    """The kernel that computed a wrong value, and how to find out more."""
    ops = (op for variant in document.variants if variant.name == bad.variant for op in variant.ops)
    kernel = next((op.kernel for op in ops if bad.op in op.fused), "no kernel")
    return f"computed by {kernel}; `cfukit test` tells whether the kernel is at fault, or the CFU"


def _without_code(document: Run) -> str:
    """Why the table has fewer rows: some operators need no kernel, since their output is their input's memory, or a constant."""
    covered = {index for op in document.variants[-1].ops for index in op.fused}
    left = [index for index in range(document.checked_operators) if index not in covered]
    if not left:
        return ""
    named = f"{len(left)} of them" if len(left) > 3 else ", ".join(map(str, left))
    return f" ({named} need{'s' if len(left) == 1 else ''} no code)"


def totals(document: Run) -> list[str]:
    """One line per variant: cycles of sample 0, per MAC, and the speed-up of the last over it."""
    final = document.variants[-1]
    last = final.first_cycles
    lines = []
    for variant in document.variants:
        cycles = variant.first_cycles
        line = f"{name_of(document, variant):10} {millions(cycles):>9} cycles"
        line += f", {per_mac(cycles, document.model.macs):>6} per MAC"
        if variant is not final and last:
            line += f", {name_of(document, final)} is {ratio(cycles, last)} as fast"
        lines.append(line)
    return lines


def system_line(document: Run) -> str:
    """What a cycle count must name: engine, CPU, memory, clock, compiler."""
    compiler = document.toolchain.compiler
    if document.variants[-1].cycles is None:
        return f"engine {document.engine} (no cycles), {compiler}"
    clock = f"{document.clock_hz / 1e6:g} MHz"
    return (
        f"engine {document.engine}, board {document.board}, CPU {document.cpu}, "
        f"{document.memory}, {clock}, {compiler}"
    )
