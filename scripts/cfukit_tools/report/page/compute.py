"""run.json and build.json files become one cfukit.report/1: everything that the page shows is computed here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cfukit_base.artefacts import Build, Diff, Report, Run
from cfukit_base.artefacts.causes import Causes
from cfukit_base.artefacts.report import (
    Area,
    Arena,
    Cell,
    CfuUsed,
    Fact,
    MemoryMap,
    OperatorFunctions,
    OperatorRow,
    Program,
    ReportHost,
    RoofPoint,
    Rung,
    StackPart,
    System,
)
from cfukit_base.artefacts.run import OpRun, VariantRun
from cfukit_base.errors import UsageError
from cfukit_tools.firmware.sources import source_file
from cfukit_tools.report.page.memory import views
from cfukit_tools.report.run import name_of, system_line, verdict
from cfukit_tools.report.tables import millions, ratio

BASELINES = ("reference", "portable")
WHOLE = "all"  # in place of an operator: the whole inference


@dataclass(frozen=True)
class _Measured:
    """A variant that becomes a rung."""

    label: str
    run: Run
    variant: VariantRun
    cycles: int


def report_of(
    runs: Sequence[tuple[str, Run]],
    builds: Sequence[tuple[str, Build]],
    changes: Diff | None,
    roots: Sequence[Path] = (),
) -> Report:
    """The report of `runs`, each with a name that tells it from the others.

    * changes: the last two runs compared.
    * roots: the folders that source files are named from.

    UsageError if the runs are not of one model, if one failed, or if one has no cycles.
    """
    _check(runs)
    first = runs[0][1]
    measured = _measured(runs)
    return Report(
        ok=True,
        title=f"{', '.join(dict.fromkeys(run.project for _, run in runs))}: {first.model.name}",
        model=first.model.name,
        macs=first.model.macs,
        samples=first.samples,
        accuracy=runs[-1][1].accuracy,
        summary=tuple(_summary(runs, measured)),
        systems=tuple(System(label=name, facts=tuple(_facts(run))) for name, run in runs),
        rungs=tuple(_rung(one, measured[0], _build_of(one, builds)) for one in measured),
        operators=tuple(_operators(measured)),
        stacks=tuple(_stacks(measured)),
        roofline=tuple(_roofline(measured)),
        programs=tuple(_programs(measured, roots)),
        cfu=tuple(_cfu(measured)),
        memory=tuple(
            MemoryMap(
                rung=one.label,
                memories=one.variant.memory_map,
                views=tuple(views(one.variant.memory_map)),
            )
            for one in measured
            if one.variant.memory_map is not None
        ),
        arenas=tuple(_arena(one) for one in measured if one.variant.arena),
        areas=tuple(_area(name, build) for name, build in builds),
        differences=changes.rows if changes is not None else (),
        host=ReportHost(path=""),
    )


def _check(runs: Sequence[tuple[str, Run]]) -> None:
    first = runs[0][1]
    for name, run in runs:
        if run.model.sha256 != first.model.sha256:
            given = f"is of model {run.model.name}, {runs[0][0]} is of {first.model.name}"
            raise UsageError(name, given, allowed="runs of one model")
        if not run.ok:
            given = verdict(run) if run.mismatch is not None else "the run exceeded a limit"
            raise UsageError(
                name,
                given,
                allowed="runs that ended well",
                hint="see what `cfukit run` says, then run it again",
            )
        if run.clock_hz < 1 or not run.variants or any(_is_empty(variant) for variant in run.variants):
            given = "is damaged: it has no variants, cycles or clock"
            raise UsageError(name, given, allowed="a whole cfukit.run/1", hint="cfukit run")
        if any(variant.cycles is None for variant in run.variants):
            given = f"engine {run.engine} counts no cycles"
            raise UsageError(
                name, given, allowed="runs on an engine with cycles", hint="cfukit run without --engine"
            )


def _is_empty(variant: VariantRun) -> bool:
    """Whether there is no first sample with a cycle; cycles that an engine does not count are another matter."""
    return variant.cycles is not None and sum(variant.cycles[:1]) < 1


def _measured(runs: Sequence[tuple[str, Run]]) -> list[_Measured]:
    """Each program once. Where a run and a profile measured the same, the rung has the profile's causes."""
    found: dict[tuple[object, ...], _Measured] = {}
    labels: set[str] = set()
    for name, run in runs:
        for variant in run.variants:
            cycles = variant.first_cycles
            assert cycles is not None
            digests = run.digests
            cfu = "" if variant.name in BASELINES else digests.cfu
            key = (variant.name, digests.firmware.get(variant.name), digests.soc, cfu, cycles)
            if (same := found.get(key)) is not None:
                if same.variant.causes is None:
                    found[key] = replace(same, variant=variant)
                continue
            label = name_of(run, variant)
            label = f"{label} ({name})" if label in labels else label
            labels.add(label)
            found[key] = _Measured(label, run, variant, cycles)
    return list(found.values())


def _summary(runs: Sequence[tuple[str, Run]], measured: Sequence[_Measured]) -> Iterator[str]:
    last = runs[-1][1]
    begin, end = measured[0], measured[-1]
    yield f"{end.label} takes {millions(end.cycles)} cycles, {1e3 * end.cycles / last.clock_hz:.3g} ms at {last.clock_hz / 1e6:g} MHz."
    if begin is not end:
        yield f"{begin.label} takes {millions(begin.cycles)} cycles, so {end.label} is {ratio(begin.cycles, end.cycles)} as fast."
    worst = max(end.variant.ops, key=lambda op: op.cycles or 0, default=None)
    if worst is not None and worst.cycles:
        yield f"Operator {worst.index} {worst.type} takes {worst.cycles / end.cycles:.0%} of it."
    whole = max((run for _, run in runs), key=lambda run: run.samples)
    samples = "1 sample" if whole.samples == 1 else f"{whole.samples} samples"
    yield f"All outputs of {samples} equal those of the evaluator, and so do {last.checked_operators} operators."
    if whole.accuracy is not None and whole.samples > 1:
        yield f"The accuracy on these samples is {whole.accuracy:.2%}."


def _facts(run: Run) -> Iterator[Fact]:
    yield Fact(name="system", value=system_line(run))
    yield Fact(name="CFU computed by", value=run.cfu_engine)
    for what, flags in run.toolchain.flags.items():
        yield Fact(name=f"flags of {what}", value=" ".join(flags))
    yield Fact(name="Verilator", value=run.toolchain.verilator)
    yield Fact(name="samples", value=f"{run.samples}, {run.inputs}, seed {run.seed}")
    for what, digest in asdict(run.digests).items():
        for name, value in digest.items() if isinstance(digest, dict) else ((what, digest),):
            yield Fact(name=f"SHA-256 of {what if name == what else f'{what} {name}'}", value=value or "none")


def _build_of(one: _Measured, builds: Sequence[tuple[str, Build]]) -> Build | None:
    """The build whose hardware is the rung's: a baseline uses no CFU, so it has none."""
    run = one.run
    if one.variant.name in BASELINES:
        return None
    fitting = [b for _, b in builds if (b.project, b.board, b.cpu) == (run.project, run.board, run.cpu)]
    return fitting[-1] if fitting else None


def _rung(one: _Measured, first: _Measured, build: Build | None) -> Rung:
    used = build.used if build is not None else {}
    clock_hz = one.run.clock_hz
    for rung in one.run.ladder:  # of `run --variants`: each with a board of its own
        if rung.name == one.variant.name:
            used, clock_hz = used or rung.used or {}, rung.clock_hz or clock_hz
    sizes = one.variant.sizes
    return Rung(
        label=one.label,
        system=system_line(one.run),
        cycles=one.cycles,
        microseconds=1e6 * one.cycles / clock_hz,
        speed_up=first.cycles / one.cycles,
        cycles_per_mac=one.cycles / one.run.model.macs if one.run.model.macs else None,
        instructions=one.variant.instructions,
        code_bytes=sizes.code_bytes,
        const_bytes=sizes.const_bytes,
        arena_bytes=sizes.arena_bytes,
        lut=used.get("lut"),
        ff=used.get("ff"),
        bram=used.get("bram"),
        dsp=used.get("dsp"),
        fmax_mhz=build.fmax_mhz if build is not None else None,
    )


def _operators(measured: Sequence[_Measured]) -> Iterator[OperatorRow]:
    known: dict[int, OpRun] = {op.index: op for one in measured for op in one.variant.ops}
    for index, op in sorted(known.items()):
        cells: list[Cell] = []
        for one in measured:
            own = next((each for each in one.variant.ops if each.index == index), None)
            if own is None or own.cycles is None:
                continue
            cells.append(
                Cell(
                    rung=one.label,
                    kernel=own.kernel,
                    cycles=own.cycles,
                    share=own.cycles / one.cycles if one.cycles else 0.0,
                    cycles_per_mac=own.cycles / own.macs if own.macs else None,
                    speed_up=cells[0].cycles / own.cycles if cells and own.cycles else None,
                )
            )
        yield OperatorRow(index=index, type=op.type, macs=op.macs, cells=tuple(cells))


def _stacks(measured: Sequence[_Measured]) -> Iterator[StackPart]:
    for one in measured:
        parts: list[tuple[str, Causes | None]] = [(WHOLE, one.variant.causes)]
        parts += [(f"{op.index} {op.type}", op.causes) for op in one.variant.ops]
        for operator, causes in parts:
            for cause, cycles in causes.named().items() if causes is not None else ():
                if causes is not None and cycles:
                    share = cycles / causes.cycles
                    yield StackPart(
                        rung=one.label, operator=operator, cause=cause, cycles=cycles, share=share
                    )


def _roofline(measured: Sequence[_Measured]) -> Iterator[RoofPoint]:
    """Operators with MACs whose work was counted."""
    for one in measured:
        for op in one.variant.ops:
            if op.roof is None or op.work is None or not op.macs or not op.cycles:
                continue
            size = op.moved.weight_bytes + op.moved.input_bytes + op.moved.output_bytes
            yield RoofPoint(
                rung=one.label,
                operator=f"{op.index} {op.type}",
                macs_per_byte=op.macs / size,
                macs_per_cycle=op.macs / op.cycles,
                at_limit=op.macs / op.roof.limits[0].cycles,
                bound=op.roof.bound,
                attained=op.roof.attained,
                loads_per_mac=op.work.loads / op.macs,
                instructions_per_mac=op.roof.instructions / op.macs,
            )


def _programs(measured: Sequence[_Measured], roots: Sequence[Path]) -> Iterator[Program]:
    for one in measured:
        variant = one.variant
        if variant.functions is None or variant.lines is None or variant.code is None:
            continue
        wanted: dict[str, set[int]] = {}
        for line in variant.lines:
            wanted.setdefault(line.file, set()).add(line.line)
        yield Program(
            rung=one.label,
            functions=variant.functions,
            lines=variant.lines,
            code=variant.code,
            operators=tuple(
                OperatorFunctions(operator=f"{op.index} {op.type}", cycles=op.cycles, functions=op.functions)
                for op in variant.ops
                if op.cycles and op.functions is not None
            ),
            regions=variant.regions or (),
            source={file: found for file, lines in wanted.items() if (found := _source(file, lines, roots))},
        )


def _source(name: str, lines: set[int], roots: Sequence[Path]) -> dict[int, str]:
    """The text of `lines`; empty if there is no such file any more."""
    file = source_file(name, roots)
    text = file.read_text(errors="replace").splitlines() if file is not None else []
    return {line: text[line - 1] for line in sorted(lines) if 0 < line <= len(text)}


def _cfu(measured: Sequence[_Measured]) -> Iterator[CfuUsed]:
    for one in measured:
        uses, busy = one.variant.cfu, one.variant.busy
        if uses and busy is not None:
            yield CfuUsed(rung=one.label, uses=uses, busy=busy, busy_share=busy.cfu / one.cycles)


def _arena(one: _Measured) -> Arena:
    size = one.variant.sizes.arena_bytes + one.variant.sizes.state_bytes
    steps = tuple(f"{op.index} {op.type}" for op in one.variant.ops)
    return Arena(rung=one.label, bytes=size, steps=steps, blocks=one.variant.arena)


def _area(name: str, build: Build) -> Area:
    return Area(
        label=name,
        board=build.board,
        used=build.used,
        available=build.available,
        percent=build.percent,
        target_mhz=build.target_mhz,
        fmax_mhz=build.fmax_mhz,
        timing_met=build.timing_met,
        families=build.families,
        worst_path=build.worst_path,
    )
