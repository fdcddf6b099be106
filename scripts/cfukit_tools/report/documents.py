"""What a person sees of a verb's document. Nothing is computed here that the document does not hold."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

Document = dict[str, Any]
WIDTH = 100
TITLES = {"reference": "reference kernels (TFLM's loops)", "portable": "portable kernels (best C)"}


def console() -> Console:
    """stdout, 100 columns in a file or pipe, at most that on a terminal."""
    terminal = sys.stdout.isatty()
    measured = Console()
    width = min(measured.width, WIDTH) if terminal else WIDTH
    return Console(width=width, highlight=False, markup=False, soft_wrap=not terminal)


def _table(*columns: str, title: str | None = None) -> Table:
    """Columns named with a leading > are numbers, to the right."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.lstrip(">"), justify="right" if right else "left", no_wrap=right)
    return table


def millions(cycles: float | None) -> str:
    """Cycles as people say them: 12.34 M, 56.7 k, 890."""
    if cycles is None:
        return "-"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if cycles >= size:
            return f"{cycles / size:.4g} {unit}"
    return f"{cycles:.0f}"


def ratio(before: float | None, after: float | None) -> str:
    return f"{before / after:.2f}x" if before and after else "-"


def per_mac(cycles: float | None, macs: int) -> str:
    return f"{cycles / macs:.2f}" if cycles and macs else "-"


def init(document: Document) -> None:
    out = console()
    folder = document["folder"]
    quoted = shlex.quote(folder)
    out.print(f"{folder}: a copy of '{document['from']}' ({', '.join(document['files'])})")
    out.print(f"next: cfukit test {quoted}   cfukit run {quoted}")


def doctor(document: Document) -> None:
    table = _table("tool", "found", "version", "for", "get it")
    for tool in document["tools"]:
        where = "in a wheel" if tool["source"] == "wheel" else tool["path"]
        state = where if tool["found"] else "missing" if tool["required"] else "not here"
        get_it = "" if tool["found"] else tool["get_it"]
        table.add_row(tool["name"], state, tool["version"], tool["needed_for"], get_it)
    console().print(table)


def list_(document: Document) -> None:
    items = document["items"]
    if not items:
        console().print("none")
        return
    hidden = {"source", "sha256", "area"}
    keys = [key for key in items[0] if key not in hidden]
    table = _table(*((">" if isinstance(items[0][key], int) else "") + key for key in keys))
    for item in items:
        table.add_row(*(_cell(item[key]) for key in keys))
    console().print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def fetch(document: Document) -> None:
    console().print(document["path"])


def info(document: Document) -> None:
    out = console()
    model = document["model"]
    out.print(
        f"{model['name']}: {model['bytes']:,} bytes, {model['macs']:,} MACs, {len(document['ops'])} operators"
    )
    table = _table(">#", "operator", "inputs", "output", ">MACs", ">const bytes", "kernel")
    for op in document["ops"]:
        table.add_row(
            str(op["index"]),
            op["type"],
            " ".join(op["inputs"]),
            " ".join(op["outputs"]),
            f"{op['macs']:,}",
            f"{op['const_bytes']:,}",
            op["kernel"] or Text("refused", style="red"),
        )
    out.print(table)
    for refusal in document["refused"]:
        out.print(f"refused: {refusal}")
    if document["memory"]:
        memory = document["memory"]
        out.print(
            f"arena {memory['arena_bytes']:,} bytes, variables {memory['state_bytes']:,}, "
            f"scratch {memory['scratch_bytes']:,}, constants {memory['const_bytes']:,}"
        )
        for line in memory_lines(memory["map"]):
            out.print(line)


def memory_lines(memories: list[Document]) -> Iterator[str]:
    """A memory map: each memory, and the bytes of what lies there."""
    for memory in memories:
        parts = ", ".join(f"{part} {size:,}" for part, size in memory["parts"].items()) or "nothing"
        yield f"  {memory['name']}: 0x{memory['base']:08x}, {memory['bytes']:,} bytes: {parts}"


def run(document: Document, verbose: bool = False) -> None:
    """The tables of `run` and `profile`."""
    out = console()
    out.print(_operators(document))
    out.print(verdict(document))
    for line in totals(document):
        out.print(line)
    if document["accuracy"] is not None:
        out.print(f"accuracy: {document['accuracy']:.2%} of {document['samples']} samples")
    out.print(system_line(document))
    for limit in document.get("limits", []):
        out.print(
            f"limit exceeded: {limit['name']} asked {limit['asked']:,}, reached {limit['reached']:,} ({limit['offender']})"
        )
    placed = document["variants"][-1]["memory_map"] or []
    if verbose or len(placed) > 1:
        for line in memory_lines(placed):
            out.print(line)
    if verbose:
        for variant in document["variants"]:
            known = {key: value for key, value in variant["sizes"].items() if value is not None}
            sizes = ", ".join(f"{key.removesuffix('_bytes')} {value:,}" for key, value in known.items())
            out.print(f"{variant['name']} bytes: {sizes}")
            if variant["text"]:
                out.print(f"{variant['name']} printed: {variant['text'].rstrip()}")
    out.print(document["host"]["path"])


def _operators(document: Document) -> Table:
    """One row per operator: the cycles of each variant, the gain of the last over the one before, cycles per MAC."""
    variants = document["variants"]
    shown = variants[-2:] if len(variants) > 2 else variants
    heads = [">#", "operator", "kernel", *(f">{name_of(document, v)}" for v in shown), ">cycles/MAC"]
    if len(shown) > 1:
        heads.insert(-1, ">gain")
    table = _table(*heads)
    for row in operator_rows(document, shown):
        table.add_row(*row)
    return table


def operator_rows(document: Document, shown: list[Document]) -> list[tuple[str, ...]]:
    """Cells for each operator that runs in the last variant."""
    rows = []
    for position, op in enumerate(shown[-1]["ops"]):
        cycles = [variant["ops"][position]["cycles"] for variant in shown]
        cells = [millions(value) for value in cycles]
        if len(shown) > 1:
            cells.append(ratio(cycles[0], cycles[-1]))
        rows.append((str(op["index"]), op["type"], op["kernel"], *cells, per_mac(cycles[-1], op["macs"])))
    return rows


def name_of(document: Document, variant: Document) -> str:
    return str(document["project"]) if variant["name"] == "project" else str(variant["name"])


def verdict(document: Document) -> str:
    """One line: are the outputs right?"""
    bad = document["mismatch"]
    samples = document["samples"]
    if bad is None:
        checked = document["checked_operators"]
        return f"outputs: {samples}/{samples} samples identical, {checked}/{checked} operators"
    place = f"sample {bad['sample']}, operator {bad['op']}, tensor {bad['tensor']}, index {bad['index']}"
    return f"WRONG in {bad['variant']}: {place}: expected {bad['expected']}, got {bad['got']}"


def totals(document: Document) -> list[str]:
    """One line per variant: cycles of sample 0, per MAC, and the speed-up of the last over it."""
    variants = document["variants"]
    last = _cycles(variants[-1])
    lines = []
    for variant in variants:
        cycles = _cycles(variant)
        line = f"{name_of(document, variant):10} {millions(cycles):>9} cycles"
        line += f", {per_mac(cycles, document['model']['macs']):>6} per MAC"
        if variant is not variants[-1] and last:
            line += f", {name_of(document, variants[-1])} is {ratio(cycles, last)} as fast"
        lines.append(line)
    return lines


def _cycles(variant: Document) -> int | None:
    return variant["cycles"][0] if variant["cycles"] else None


def system_line(document: Document) -> str:
    """What a cycle count must name: engine, CPU, memory, clock, compiler."""
    compiler = document["toolchain"]["compiler"]
    if document["engine"] not in ("rtl", "board"):
        return f"engine {document['engine']} (no cycles), {compiler}"
    clock = f"{document['clock_hz'] / 1e6:g} MHz"
    return (
        f"engine {document['engine']}, board {document['board']}, CPU {document['cpu']}, "
        f"{document['memory']}, {clock}, {compiler}"
    )


def load(document: Document) -> None:
    console().print(f"loaded with {document['tool']}: {', '.join(document['files'])}")
    console().print(f"serial: {document['serial']}")


def term(document: Document) -> None:
    """On stderr: stdout has been the board's."""
    counts = document["host"]
    out = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    out.print(
        f"{document['port']}: {counts['received_bytes']:,} bytes received, {counts['sent_bytes']:,} sent"
    )


def diff(document: Document) -> None:
    table = _table("variant", "operator", ">before", ">after", ">change")
    for row in document["rows"]:
        change = "-" if row["change"] is None else f"{row['change']:+.2%}"
        table.add_row(row["variant"], row["op"], millions(row["before"]), millions(row["after"]), change)
    out = console()
    out.print(table)
    for limit in document["limits"]:
        out.print(f"regression: {limit['name']} asked {limit['asked']}, reached {limit['reached']}")


def test(document: Document) -> None:
    out = console()
    for check in document["checks"]:
        out.print(f"{'ok    ' if check['ok'] else 'FAILED'} {check['name']}: {check['detail']}")
    good = sum(check["ok"] for check in document["checks"])
    out.print(f"{good}/{len(document['checks'])} checks passed (seed {document['seed']})")


def infer(document: Document) -> None:
    cycles = document["cycles"]
    spent = f", {millions(sum(cycles))} cycles" if cycles else ""
    accuracy = "" if document["accuracy"] is None else f", accuracy {document['accuracy']:.2%}"
    console().print(f"{document['samples']} samples{spent}{accuracy}: {document['host']['outputs']}")
    if document["host"].get("dump"):
        model, arrays = document["host"]["dump"]
        console().print(f"replay: cfukit infer {model} --inputs {arrays} --outputs OUT.npz")


def region_line(region: Document) -> str:
    """How often a CFUKIT_REGION ran, and its cycles where the engine can tell them."""
    name, count, cycles = region["name"], region["count"], region["cycles"]
    line = f"region {name}: {count:,} run{'' if count == 1 else 's'}"
    if cycles is not None:
        line += f", {cycles:,} cycles"
        line += f", {cycles / count:,.1f} each" if count > 1 else ""
    return line


def exec_(document: Document) -> None:
    """Regions, fault and totals on stderr: stdout has been the program's own."""
    out = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    for region in document["regions"]:
        out.print(region_line(region))
    fault = document["fault"]
    if fault:
        place = f" in {fault['function']}" if fault["function"] else ""
        place += f" ({fault['file']}:{fault['line']})" if fault["file"] else ""
        out.print(f"fault: {fault['kind']} at pc 0x{fault['pc']:08x}{place}")
        if fault.get("message"):
            out.print(f"  {fault['message']}")
        if fault.get("waves"):
            out.print(f"  see it: {fault['waves']}")
    cycles = "-" if document["cycles"] is None else f"{document['cycles']:,}"
    for file in document["host"]["files"]:
        out.print(f"written: {file}")
    ended = "no exit code" if document["exit_code"] is None else f"exit code {document['exit_code']}"
    out.print(f"{ended}, {cycles} cycles, engine {document['engine']}")
