"""The verb diff: two run.json, or two build.json: cycles, causes, sizes, area, and a gate for regressions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from cfukit_base.artefacts import Build, Diff, Run
from cfukit_base.artefacts.artefact import schema_in
from cfukit_base.artefacts.documents import DiffRow, DiffValue
from cfukit_base.artefacts.limits import Limit
from cfukit_base.artefacts.outcome import Causes
from cfukit_base.artefacts.run import VariantRun
from cfukit_base.errors import UsageError

_RUN = ("model", "board", "cpu", "engine", "clock_hz", "toolchain")
_BUILD = ("board", "cpu", "family", "tools")
TOTAL = "total"
Number = int | float


def diff(before: Path | str, after: Path | str, max_regression: str = "") -> Diff:
    """Compare two runs: sample 0 in all variants and operators that both have, causes, sizes, areas. Or compare two builds.

    max_regression: "1%" or "0.01"; a variant's cycles (of builds: a resource, or the speed) that get worse by more stand in `limits`
    and make `ok` false.
    """
    left, right = _read(Path(before)), _read(Path(after))
    allowed = _share(max_regression) if max_regression else math.inf
    if isinstance(left, Run) and isinstance(right, Run):
        for path, run in ((before, left), (after, right)):
            _check(str(path), run, has_cycles=bool(max_regression))
        return _runs(left, right, allowed)
    if isinstance(left, Build) and isinstance(right, Build):
        return _builds(left, right, allowed)
    raise UsageError("diff", "a run and a build", allowed="two documents of one kind")


def _check(where: str, run: Run, has_cycles: bool) -> None:
    """Wrong outputs make cycles worthless, and without cycles a gate would let everything pass."""
    if run.mismatch is not None:
        given = f"outputs of {run.mismatch.variant} are wrong"
        raise UsageError(where, given, allowed="runs with right outputs", hint="see what `cfukit run` says")
    if has_cycles and any(not sum(variant.cycles or ()) for variant in run.variants):
        given = f"engine {run.engine} counted no cycles"
        raise UsageError(
            where,
            given,
            allowed="with --max-regression, runs with cycles",
            hint="cfukit run without --engine",
        )


def _runs(left: Run, right: Run, allowed: float) -> Diff:
    rows: list[DiffRow] = []
    sizes: list[DiffValue] = []
    causes: list[DiffValue] = []
    limits: list[Limit] = []
    earlier = {variant.name: variant for variant in left.variants}
    for variant in right.variants:
        if variant.name not in earlier:
            continue
        own, total = _rows(earlier[variant.name], variant)
        rows += [*own, total]
        sizes += _values(variant.name, TOTAL, asdict(earlier[variant.name].sizes), asdict(variant.sizes))
        causes += _causes(earlier[variant.name], variant)
        if total.change is not None and total.change > allowed:
            limits.append(_limit(own, total, allowed))
    if not rows:
        raise UsageError(
            "diff", "the two runs have no variant in common", hint="compare runs of the same project"
        )
    there = {rung.name: rung for rung in left.ladder}
    area = [
        value
        for rung in right.ladder
        if rung.name in there and rung.family == there[rung.name].family
        for value in _values(rung.name, TOTAL, there[rung.name].used or {}, rung.used or {})
    ]
    return Diff(
        ok=not limits,
        project=right.project,
        model=right.model.name,
        board=right.board,
        cpu=right.cpu,
        engine=right.engine,
        same={key: getattr(left, key) == getattr(right, key) for key in _RUN},
        rows=tuple(rows),
        causes=tuple(causes),
        sizes=tuple(sizes),
        area=tuple(area),
        limits=tuple(limits),
    )


def _builds(left: Build, right: Build, allowed: float) -> Diff:
    area: list[DiffValue] = []
    if left.family == right.family:
        area += _values("", right.family, left.used, right.used)
        if left.fmax_mhz is not None and right.fmax_mhz is not None:
            area.append(_value("", right.family, "fmax_mhz", left.fmax_mhz, right.fmax_mhz))
    earlier = {family.name: family.used for family in left.families if family.name != right.family}
    for family in right.families:
        if family.name in earlier:
            area += _values("", family.name, earlier[family.name], family.used)
    if not area:
        raise UsageError("diff", "the two builds have no FPGA family in common", hint="cfukit area --family")
    limits = []
    for value in area:
        worse = _worse(value)
        if worse > allowed:
            name = value.name if value.op == right.family else f"{value.op} {value.name}"
            limits.append(Limit(name=name, asked=allowed, reached=worse, offender=""))
    return Diff(
        ok=not limits,
        project=right.project,
        model="",
        board=right.board,
        cpu=right.cpu,
        engine="",
        same={key: getattr(left, key) == getattr(right, key) for key in _BUILD},
        rows=(),
        causes=(),
        sizes=(),
        area=tuple(area),
        limits=tuple(limits),
    )


def _worse(value: DiffValue) -> float:
    """By which share a resource grew or a speed fell. What was not there before counts as 1."""
    if value.change is None:
        return 1.0 if value.after else 0.0
    return -value.change if value.name == "fmax_mhz" else value.change


def _rows(before: VariantRun, after: VariantRun) -> tuple[list[DiffRow], DiffRow]:
    """A row for each operator of both, and one for the total."""
    cycles = {op.index: op.cycles for op in before.ops}
    own = [
        _row(after.name, f"{op.index} {op.type}", cycles[op.index], op.cycles)
        for op in after.ops
        if op.index in cycles
    ]
    return own, _row(after.name, TOTAL, before.first_cycles, after.first_cycles)


def _row(variant: str, op: str, before: int | None, after: int | None) -> DiffRow:
    return DiffRow(variant=variant, op=op, before=before, after=after, change=_change(before, after))


def _change(before: Number | None, after: Number | None) -> float | None:
    return (after - before) / before if before and after is not None else None


def _causes(before: VariantRun, after: VariantRun) -> Iterator[DiffValue]:
    """Of each operator and of the whole variant, where both runs tell causes."""
    earlier = {op.index: op.causes for op in before.ops}
    pairs: list[tuple[str, Causes | None, Causes | None]] = [
        (f"{op.index} {op.type}", earlier.get(op.index), op.causes) for op in after.ops
    ]
    for op, old, new in [*pairs, (TOTAL, before.causes, after.causes)]:
        if old is not None and new is not None:
            yield from _values(after.name, op, asdict(old), asdict(new))


def _values(
    variant: str, op: str, before: Mapping[str, int | None], after: Mapping[str, int | None]
) -> Iterator[DiffValue]:
    """The named numbers that both have, without those that are 0 in both."""
    for name, new in after.items():
        old = before.get(name)
        if old is not None and new is not None and (old or new):
            yield _value(variant, op, name, old, new)


def _value(variant: str, op: str, name: str, before: Number, after: Number) -> DiffValue:
    change = _change(before, after)
    return DiffValue(variant=variant, op=op, name=name, before=before, after=after, change=change)


def _limit(own: Sequence[DiffRow], total: DiffRow, allowed: float) -> Limit:
    worst = max(own, key=_growth, default=total)
    offender = worst.op if _growth(worst) > 0 else TOTAL
    assert total.change is not None
    return Limit(name=f"{total.variant}.cycles", asked=allowed, reached=total.change, offender=offender)


def _growth(row: DiffRow) -> int:
    return 0 if row.before is None or row.after is None else row.after - row.before


def _share(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
        if not math.isfinite(value) or value < 0:
            raise ValueError(text)
    except ValueError:
        raise UsageError("--max-regression", f"'{text}'", allowed="a percentage such as 1%") from None
    return value / 100 if text.endswith("%") else value


def _read(path: Path) -> Run | Build:
    file = path / "run.json" if path.is_dir() else path
    if schema_in(file) == Build.schema_name():
        return Build.read(file)
    return Run.read(file, hint="cfukit run writes a run.json")
