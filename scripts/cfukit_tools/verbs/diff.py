"""The verb diff: two run.json, operator by operator, and a gate for regressions."""

from __future__ import annotations

import math
from pathlib import Path

from cfukit_base.artefacts import Diff, Run
from cfukit_base.artefacts.documents import DiffRow
from cfukit_base.artefacts.limits import Limit
from cfukit_base.artefacts.run import VariantRun
from cfukit_base.errors import UsageError

_SYSTEM = ("model", "board", "cpu", "engine", "clock_hz", "toolchain")


def diff(before: Path | str, after: Path | str, max_regression: str = "") -> Diff:
    """Compare the cycles of sample 0 in all variants and operators that both runs have.

    max_regression: "1%" or "0.01"; a variant whose total grows by more stands in `limits` and makes `ok` false.
    """
    left, right = _read(Path(before)), _read(Path(after))
    allowed = _share(max_regression) if max_regression else math.inf
    rows: list[DiffRow] = []
    limits: list[Limit] = []
    earlier = {variant.name: variant for variant in left.variants}
    for variant in right.variants:
        if variant.name in earlier:
            own, total = _rows(earlier[variant.name], variant)
            rows += [*own, total]
            if total.change is not None and total.change > allowed:
                limits.append(_limit(own, total, allowed))
    if not rows:
        raise UsageError(
            "diff", "the two runs have no variant in common", hint="compare runs of the same project"
        )
    same = {key: getattr(left, key) == getattr(right, key) for key in _SYSTEM}
    return Diff(ok=not limits, same=same, rows=tuple(rows), limits=tuple(limits))


def _rows(before: VariantRun, after: VariantRun) -> tuple[list[DiffRow], DiffRow]:
    """A row for each operator of both, and one for the total."""
    cycles = {op.index: op.cycles for op in before.ops}
    own = [
        _row(after.name, f"{op.index} {op.type}", cycles[op.index], op.cycles)
        for op in after.ops
        if op.index in cycles
    ]
    return own, _row(after.name, "total", before.first_cycles, after.first_cycles)


def _row(variant: str, op: str, before: int | None, after: int | None) -> DiffRow:
    change = (after - before) / before if before and after is not None else None
    return DiffRow(variant=variant, op=op, before=before, after=after, change=change)


def _limit(own: list[DiffRow], total: DiffRow, allowed: float) -> Limit:
    worst = max(own, key=_growth, default=total)
    offender = worst.op if _growth(worst) > 0 else "total"
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


def _read(path: Path) -> Run:
    return Run.read(path / "run.json" if path.is_dir() else path, hint="cfukit run writes a run.json")
