"""The document cfukit.report/1 in short, for a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cfukit_base.artefacts import Report
from cfukit_tools.report.tables import millions, per_mac


def markdown(report: Report) -> str:
    """Summary, ladder, operators."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"### {escaped(report.title)}"
    yield ""
    yield " ".join(escaped(sentence) for sentence in report.summary)
    yield ""
    rows = []
    for rung in report.rungs:
        area = [rung.lut, rung.ff, rung.bram, rung.dsp]
        cells = [
            rung.label,
            millions(rung.cycles),
            f"{rung.speed_up:.2f}x",
            per_mac(rung.cycles, report.macs),
        ]
        rows.append([*cells, *("-" if value is None else f"{value:,}" for value in area)])
    yield from table(["program", "cycles", "speed-up", "cycles/MAC", "LUT", "FF", "RAM", "DSP"], rows)
    yield ""
    labels = [rung.label for rung in report.rungs]
    rows = []
    for row in report.operators:
        cycles = {cell.rung: millions(cell.cycles) for cell in row.cells}
        gain = row.cells[-1].speed_up
        last = "-" if gain is None else f"{gain:.2f}x"
        rows.append([f"{row.index} {row.type}", *(cycles.get(label, "-") for label in labels), last])
    yield from table(["operator", *labels, "speed-up"], rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a Markdown table: the first column to the left, the others to the right."""
    yield f"| {' | '.join(map(escaped, heads))} |"
    yield f"|---{'|--:' * (len(heads) - 1)}|"
    for row in rows:
        yield f"| {' | '.join(map(escaped, row))} |"


def escaped(text: str) -> str:
    """`text` with nothing in it that Markdown takes for markup."""
    for sign in "\\|`*<":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")
