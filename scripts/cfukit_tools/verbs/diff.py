"""The verb `diff`: two run.json, operator by operator, and a gate for regressions."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from cfukit_base.errors import UsageError

_SYSTEM = ("model", "board", "cpu", "engine", "clock_hz", "toolchain")


def diff(before: Path, after: Path, max_regression: str = "") -> dict[str, Any]:
    """Compare the cycles of sample 0 in all variants and operators that both runs have.

    max_regression: "1%" or "0.01"; a variant whose total grows by more stands in `limits` and makes `ok` false.
    """
    left, right = _read(before), _read(after)
    allowed = _share(max_regression) if max_regression else None
    rows: list[dict[str, Any]] = []
    limits: list[dict[str, Any]] = []
    earlier = {variant["name"]: variant for variant in left["variants"]}
    for variant in right["variants"]:
        old = earlier.get(variant["name"])
        if old is None:
            continue
        old_ops = {op["index"]: op for op in old["ops"]}
        for op in variant["ops"]:
            if op["index"] in old_ops:
                name = f"{op['index']} {op['type']}"
                rows.append(_row(variant["name"], name, old_ops[op["index"]]["cycles"], op["cycles"]))
        total = _row(variant["name"], "total", _first(old), _first(variant))
        rows.append(total)
        if allowed is not None and total["change"] is not None and total["change"] > allowed:
            own = [row for row in rows if row["variant"] == variant["name"] and row is not total]
            limits.append(
                {
                    "name": f"{variant['name']}.cycles",
                    "asked": allowed,
                    "reached": total["change"],
                    "offender": max(own, key=_growth)["op"]
                    if any(_growth(row) > 0 for row in own)
                    else "total",
                }
            )
    if not rows:
        raise UsageError(
            "diff", "the two runs have no variant in common", hint="compare runs of the same project"
        )
    same = {key: left[key] == right[key] for key in _SYSTEM}
    return {"schema": "cfukit.diff/1", "ok": not limits, "same": same, "rows": rows, "limits": limits}


def _row(variant: str, op: str, before: int | None, after: int | None) -> dict[str, Any]:
    change = (after - before) / before if before and after is not None else None
    return {"variant": variant, "op": op, "before": before, "after": after, "change": change}


def _growth(row: dict[str, Any]) -> int:
    return 0 if row["before"] is None or row["after"] is None else row["after"] - row["before"]


def _first(variant: dict[str, Any]) -> int | None:
    return variant["cycles"][0] if variant["cycles"] else None


def _share(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
        if not math.isfinite(value) or value < 0:
            raise ValueError(text)
    except ValueError:
        raise UsageError("--max-regression", f"'{text}'", allowed="a percentage such as 1%") from None
    return value / 100 if text.endswith("%") else value


def _read(path: Path) -> dict[str, Any]:
    file = path / "run.json" if path.is_dir() else path
    try:
        document: dict[str, Any] = json.loads(file.read_text())
    except OSError as error:
        raise UsageError(
            str(file), f"cannot be read: {error.strerror}", hint="cfukit run writes it"
        ) from None
    except ValueError as error:
        raise UsageError(str(file), f"is not JSON: {error}", hint="cfukit run writes a run.json") from None
    if not isinstance(document, dict) or document.get("schema") != "cfukit.run/1":
        given = document.get("schema") if isinstance(document, dict) else None
        raise UsageError(str(file), f"schema is {given!r}", allowed="cfukit.run/1")
    _check_fields(str(file), document, ("variants", *_SYSTEM))
    for variant in document["variants"]:
        _check_fields(str(file), variant, ("name", "cycles", "ops"))
        for op in variant["ops"]:
            _check_fields(str(file), op, ("index", "type", "cycles"))
    return document


def _check_fields(where: str, table: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if name not in table:
            raise UsageError(
                where, f"has no '{name}'", allowed="a whole run.json", hint="cfukit run writes it"
            )
