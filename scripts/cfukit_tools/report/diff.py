"""What a person sees of cfukit.diff/1: tables on a terminal, or a short Markdown text for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cfukit_base.artefacts import Diff
from cfukit_base.artefacts.documents import DiffRow, DiffValue
from cfukit_tools.report.page.markdown import escaped
from cfukit_tools.report.tables import console, millions, table

_SHOWN_OPS = 10  # in Markdown: those that changed most
_NOTICED = 0.001  # a smaller change of an operator is left out there


def show(document: Diff) -> None:
    """A row per operator and total of the variants that changed; causes, sizes and areas that changed; regressions."""
    out = console()
    if document.rows:
        mainly = _mainly(document)
        heads = ["variant", "operator", ">before", ">after", ">change", *(["mainly"] if mainly else [])]
        made = table(*heads)
        changed_variants = {row.variant for row in document.rows if row.before != row.after}
        for row in (row for row in document.rows if row.variant in changed_variants):
            cells = [row.variant, row.op, millions(row.before), millions(row.after), change(row)]
            made.add_row(*cells, *([mainly.get((row.variant, row.op), "")] if mainly else []))
        if changed_variants:
            out.print(made)
        for name in dict.fromkeys(row.variant for row in document.rows):
            if name not in changed_variants:
                out.print(f"{name}: no change")
    for title, values in (
        ("causes", _totals(document.causes)),
        ("bytes", document.sizes),
        ("area", document.area),
    ):
        if changed := [value for value in values if value.before != value.after]:
            made = table(title, "", ">before", ">after", ">change")
            for value in changed:
                made.add_row(
                    _where(value), value.name, number(value.before), number(value.after), change(value)
                )
            out.print(made)
    for line in _remarks(document):
        out.print(line)


def markdown(document: Diff) -> None:
    """Totals, the operators that changed most, and what else changed."""
    out = console()
    for line in markdown_lines(document):
        out.print(line)


def markdown_lines(document: Diff) -> Iterator[str]:
    """The lines of a Markdown text: a title, one table, remarks."""
    system = [document.model, f"board {document.board}", f"CPU {document.cpu}"]
    system += [f"engine {document.engine}"] if document.engine else []
    yield f"**{escaped(document.project)}** ({escaped(', '.join(filter(None, system)))})"
    yield ""
    yield "| | before | after | change |"
    yield "|---|--:|--:|--:|"
    for row in document.rows:
        if row.op == "total":
            yield f"| **{escaped(row.variant)}** | {millions(row.before)} | {millions(row.after)} | {change(row)} |"
    operators = [row for row in document.rows if row.op != "total" and abs(row.change or 0.0) >= _NOTICED]
    operators.sort(key=lambda row: -abs((row.after or 0) - (row.before or 0)))
    for row in operators[:_SHOWN_OPS]:
        cells = f"{escaped(row.variant)}: {row.op} | {millions(row.before)} | {millions(row.after)}"
        yield f"| {cells} | {change(row)} |"
    for value in (*_totals(document.causes), *document.sizes, *document.area):
        if value.before != value.after:
            name = escaped(f"{_where(value)}: {value.name}")
            yield f"| {name} | {number(value.before)} | {number(value.after)} | {change(value)} |"
    left = len(operators) - _SHOWN_OPS
    remarks = [f"{left} more operators changed", *_remarks(document)] if left > 0 else [*_remarks(document)]
    for remark in remarks:
        yield ""
        yield escaped(remark)


def change(row: DiffRow | DiffValue) -> str:
    """ "+1.25%"; "-" if it cannot be computed."""
    return "-" if row.change is None else f"{row.change:+.2%}"


def number(value: float) -> str:
    """A whole number with commas, another one with two digits."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def _totals(values: Sequence[DiffValue]) -> list[DiffValue]:
    return [value for value in values if value.op == "total"]


def _where(value: DiffValue) -> str:
    return value.variant or value.op


def _mainly(document: Diff) -> dict[tuple[str, str], str]:
    """(variant, operator) -> the cause that changed most; empty without causes."""
    largest: dict[tuple[str, str], DiffValue] = {}
    for value in document.causes:
        known = largest.get((value.variant, value.op))
        if value.after != value.before and (known is None or _moved(value) > _moved(known)):
            largest[value.variant, value.op] = value
    return {
        place: f"{value.name} {'+' if value.after > value.before else '-'}{millions(_moved(value))}"
        for place, value in largest.items()
    }


def _moved(value: DiffValue) -> float:
    return abs(value.after - value.before)


def _remarks(document: Diff) -> Iterator[str]:
    """What is not the same, and regressions."""
    differing = [name for name, same in document.same.items() if not same]
    if differing:
        yield f"not the same in both: {', '.join(differing)}"
    for limit in document.limits:
        offender = f" ({limit.offender})" if limit.offender else ""
        yield f"regression: {limit.name} asked {limit.asked:.2%}, reached {limit.reached:.2%}{offender}"
