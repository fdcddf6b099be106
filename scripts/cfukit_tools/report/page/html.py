"""The document cfukit.report/1 as one HTML file that needs nothing from the network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from cfukit_base.artefacts import Json, Report
from cfukit_base.artefacts.causes import InstructionRun
from cfukit_base.artefacts.report import Arena, MemoryMap, Program
from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_of

_HERE = Path(__file__).parent
_SECTIONS = (
    ("ladder", "Ladder"),
    ("operators", "Operators"),
    ("causes", "Causes"),
    ("roofline", "Roofline"),
    ("functions", "Functions"),
    ("cfu", "CFU"),
    ("arena", "Arena"),
    ("memory", "Memory"),
    ("area", "Area and clock"),
    ("differences", "Differences"),
    ("provenance", "Provenance"),
)


def html(report: Report) -> str:
    """The page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["inline"] = _inline
    template = environment.from_string((_HERE / "page.html").read_text())
    shown = {
        "causes": report.stacks,
        "roofline": report.roofline,
        "functions": report.programs,
        "cfu": report.cfu,
        "arena": report.arenas,
        "memory": report.memory,
        "area": report.areas,
        "differences": report.differences,
    }
    return template.render(
        report=report,
        document=report.to_json(),
        sections=[(id, name) for id, name in _SECTIONS if shown.get(id, True)],
        listings=listings,
        causes=list(_causes(report)),
        operators=[_operator_row(report, number) for number in range(len(report.operators))],
        has_area=any(rung.lut is not None for rung in report.rungs),
        has_percent=any(area.percent for area in report.areas),
        charts=charts(),
        datasets=datasets(report),
        css=Markup((_HERE / "page.css").read_text()),
        js=Markup((_HERE / "page.js").read_text()),
        vega=Markup(_vega()),
    )


def charts() -> dict[str, Json]:
    """The Vega-Lite specifications by name."""
    files = sorted((_HERE / "charts").glob("*.vl.json"))
    return {file.name.removesuffix(".vl.json"): json.loads(file.read_text()) for file in files}


def datasets(report: Report) -> dict[str, Json]:
    """Rows for the charts, by the name under which they stand in the page: each chart names the rows that it draws."""
    rungs = [{"label": rung.label, "cycles": rung.cycles} for rung in report.rungs]
    cells = [
        {
            "operator": f"{row.index} {row.type}",
            "rung": cell.rung,
            "cycles": cell.cycles,
            "kernel": cell.kernel,
        }
        for row in report.operators
        for cell in row.cells
    ]
    stacks = [
        {
            "rung": p.rung,
            "operator": p.operator,
            "cause": p.cause,
            "cycles": p.cycles,
            "share": p.share,
            "number": n,
        }
        for n, p in enumerate(report.stacks)
    ]
    percent = [
        {"build": area.label, "resource": name, "percent": value}
        for area in report.areas
        for name, value in area.percent.items()
    ]
    points = [asdict(point) for point in report.roofline]
    every = {
        "points": points,
        "rungs": rungs,
        "cells": cells,
        "stacks": stacks,
        "percent": percent,
    }
    arenas = {f"arena-{number}": _blocks(arena) for number, arena in enumerate(report.arenas)}
    return (
        {"all": every}
        | arenas
        | {f"memory-{number}": _spans(map) for number, map in enumerate(report.memory)}
    )


def _spans(map: MemoryMap) -> Json:
    """Where each span begins and ends in its view, as shares of the view."""
    return {
        "spans": [
            {
                "view": view.title,
                "number": number,
                "holds": span.holds,
                "bytes": span.bytes,
                "from": f"0x{span.address:08x}",
                "to": f"0x{span.address + span.bytes - 1:08x}",
                "begin": (span.address - view.base) / view.bytes,
                "end": (span.address - view.base + span.bytes) / view.bytes,
            }
            for number, view in enumerate(map.views)
            for span in view.spans
        ]
    }


def _blocks(arena: Arena) -> Json:
    names = ["before the first", *arena.steps, "after the last"]
    return {
        "blocks": [
            {
                "name": block.name,
                "kind": block.kind,
                "bytes": block.bytes,
                "low": block.offset,
                "high": block.offset + block.bytes,
                "begin": block.first,
                "end": block.last + 1,
                "from": names[block.first + 1],
                "to": names[block.last + 1],
            }
            for block in arena.blocks
        ]
    }


@dataclass(frozen=True)
class Listed:
    """A line of an annotated function. source: the line of C that begins here; None within one. waits: causes in words."""

    instruction: InstructionRun
    place: str
    source: str | None
    waits: str


def listings(program: Program) -> Iterator[tuple[str, list[Listed]]]:
    """The hottest functions, instruction by instruction, with their source."""
    by_function: dict[str, list[InstructionRun]] = {}
    for instruction in program.code:
        by_function.setdefault(instruction.function, []).append(instruction)
    for function, code in sorted(by_function.items(), key=lambda item: -sum(each.cycles for each in item[1])):
        rows, before = [], None
        for each in code:
            here = (each.file, each.line)
            text = program.source.get(each.file, {}).get(each.line, "")
            waits = ", ".join(
                f"{name} {count:,}" for name, count in each.causes.items() if name != "executing"
            )
            place = f"{Path(each.file).name}:{each.line}"
            rows.append(Listed(each, place, text.strip() if here != before else None, waits))
            before = here
        yield function, rows


def _causes(report: Report) -> Iterator[tuple[str, list[str], list[tuple[str, list[int]]]]]:
    """The stacks as a table for each program: its name, the causes that occur, and a row of cycles for each operator."""
    for rung in dict.fromkeys(part.rung for part in report.stacks):
        parts = [part for part in report.stacks if part.rung == rung]
        names = list(dict.fromkeys(part.cause for part in parts))
        spent = {(part.operator, part.cause): part.cycles for part in parts}
        operators = dict.fromkeys(part.operator for part in parts)
        yield rung, names, [(op, [spent.get((op, name), 0) for name in names]) for op in operators]


def _operator_row(report: Report, number: int) -> Json:
    """An operator's cells in the order of the columns; None where a program has no such step."""
    row = report.operators[number]
    by_rung = {cell.rung: cell for cell in row.cells}
    return {
        "operator": row,
        "cells": [by_rung.get(rung.label) for rung in report.rungs],
        "last": row.cells[-1],
    }


def _inline(value: object) -> Markup:
    """JSON that can stand in a script element: no `<` that could end it."""
    return Markup(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"))


def _vega() -> str:
    """Vega, Vega-Lite and vega-embed as one script, which sets `window.vegaEmbed`. Made once, in two seconds."""

    def build(folder: Path) -> None:
        import vl_convert

        script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
        (folder / "vega.js").write_text(script.replace("</script", "<\\/script"))

    return (
        cached(user_cache(), "vega", digest_of(version("vl-convert-python")), build) / "vega.js"
    ).read_text()
