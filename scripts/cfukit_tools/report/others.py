"""What a person sees of the smaller documents."""

from __future__ import annotations

import shlex

from rich.text import Text

from cfukit_base.artefacts import (
    Clean,
    Doctor,
    Fetch,
    Infer,
    Info,
    Init,
    Listing,
    Load,
    Report,
    Term,
    Test,
)
from cfukit_tools.report.page.markdown import markdown
from cfukit_tools.report.run import memory_lines
from cfukit_tools.report.tables import console, millions, table

_NOT_SHOWN = ("source", "sha256", "area")


def init(document: Init) -> None:
    """What was made, and the next commands."""
    out = console()
    quoted = shlex.quote(document.folder)
    out.print(f"{document.folder}: a copy of '{document.origin}' ({', '.join(document.files)})")
    out.print(f"next: cfukit test {quoted}   cfukit run {quoted}")


def doctor(document: Doctor) -> None:
    """A row per tool."""
    made = table("tool", "found", "version", "for", "get it")
    for tool in document.tools:
        where = "in a wheel" if tool.source == "wheel" else tool.path
        state = where if tool.found else "missing" if tool.required else "not here"
        made.add_row(tool.name, state, tool.version, tool.needed_for, "" if tool.found else tool.get_it)
    console().print(made)


def list_(document: Listing) -> None:
    """A row per item."""
    if not document.items:
        console().print("none")
        return
    first = document.items[0]
    keys = [key for key in first if key not in _NOT_SHOWN]
    made = table(*((">" if isinstance(first[key], int) else "") + key for key in keys))
    for item in document.items:
        made.add_row(*(_cell(item[key]) for key in keys))
    console().print(made)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def fetch(document: Fetch) -> None:
    """Where the model is."""
    console().print(document.path)


def clean(document: Clean) -> None:
    """What was freed."""
    left = f"; {document.in_use} in use were left" if document.in_use else ""
    out = console()
    out.print(f"{document.folder}: {document.entries:,} entries, {document.bytes:,} bytes freed{left}")


def info(document: Info) -> None:
    """A row per operator, refusals, memory."""
    out, model = console(), document.model
    out.print(f"{model.name}: {model.bytes:,} bytes, {model.macs:,} MACs, {len(document.ops)} operators")
    made = table(">#", "operator", "inputs", "output", ">MACs", ">const bytes", "kernel")
    for op in document.ops:
        made.add_row(
            str(op.index),
            op.type,
            " ".join(op.inputs),
            " ".join(op.outputs),
            f"{op.macs:,}",
            f"{op.const_bytes:,}",
            op.kernel or Text("refused", style="red"),
        )
    out.print(made)
    reasons = [(op, reason) for op in document.ops for reason in op.reasons]
    if reasons:
        out.print("not computed by the project's kernels or those for its CFU:")
    for op, reason in reasons:
        out.print(f"{op.index:>3} {op.type}: {reason}")
    for refusal in document.refused:
        out.print(f"refused: {refusal}")
    if document.memory:
        memory = document.memory
        out.print(
            f"{memory.variant} kernels: arena {memory.arena_bytes:,} bytes, variables {memory.state_bytes:,}, "
            f"scratch {memory.scratch_bytes:,}, constants {memory.const_bytes:,}"
        )
        for line in memory_lines(memory.map):
            out.print(line)


def infer(document: Infer) -> None:
    """Samples, cycles, accuracy, files."""
    spent = f", {millions(sum(document.cycles))} cycles" if document.cycles else ""
    accuracy = "" if document.accuracy is None else f", accuracy {document.accuracy:.2%}"
    out, bad = console(), document.mismatch
    out.print(f"{document.samples} samples{spent}{accuracy}: {document.host.outputs}")
    if bad is not None:
        place = f"sample {bad.sample}, operator {bad.op}, tensor {bad.tensor}, index {bad.index}"
        out.print(f"WRONG: {place}: expected {bad.expected}, got {bad.got}")
    if document.host.dump:
        model, arrays = document.host.dump
        out.print(f"replay: cfukit infer {model} --inputs {arrays} --outputs OUT.npz")


def test(document: Test) -> None:
    """A line per check."""
    out = console()
    for check in document.checks:
        out.print(f"{'ok    ' if check.ok else 'FAILED'} {check.name}: {check.detail}")
    good = sum(check.ok for check in document.checks)
    out.print(f"{good}/{len(document.checks)} checks passed (seed {document.seed})")


def load(document: Load) -> None:
    """What was loaded, and how to connect."""
    console().print(f"loaded with {document.tool}: {', '.join(document.files)}")
    console().print(f"serial: {document.serial}")


def term(document: Term) -> None:
    """On stderr: stdout has been the board's."""
    counts = document.host
    console(stderr=True).print(
        f"{document.port}: {counts.received_bytes:,} bytes received, {counts.sent_bytes:,} sent"
    )


def report(document: Report) -> None:
    """What was found, and where the page is."""
    out = console()
    for sentence in document.summary:
        out.print(sentence)
    out.print(document.host.path)


def report_markdown(document: Report) -> None:
    """The short form for a pull request."""
    console().print(markdown(document), end="")
