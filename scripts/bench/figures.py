"""docs/figures.md: whole models on whole systems, one row for each project, board and model, with where each figure comes from.

    export PYTHONPATH=scripts
    python -m bench.figures [--only TEXT ...] [--area] [--print]

The rows stand in figures.toml. Each is measured by `cfukit run` on the row's engine, with one sample, whose operators are all compared
with the evaluator, and kept in figures.json at once. So the command can be interrupted; what did not change comes from cfukit's cache.

* --only: rows whose name (PROJECT MODEL BOARD) contains one of the texts. The others keep what they have.
* --area: count what the system takes on the board's FPGA too; a few minutes each.
* --print: measure nothing, write the page from figures.json.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from cfukit_base.artefacts import Build, Run
from cfukit_base.artefacts.run import VariantRun
from cfukit_base.cache import write_atomic
from cfukit_base.errors import CfukitError
from cfukit_base.typed_json import decoded
from cfukit_tools import api

ROOT = Path(__file__).resolve().parents[2]
ROWS, KEPT, PAGE = (
    Path(__file__).with_name("figures.toml"),
    Path(__file__).with_name("figures.json"),
    ROOT / "docs/figures.md",
)
HEAD = """\
# Figures of whole models

`make figures` writes this page. Each row is one inference on the whole simulated system, on engine `rtl` or on engine `fast`, which has the
same cycles ([trust](trust.md)). The output of every operator equals the integer evaluator's.

* **bytes**: the fewest that the operators must move: each byte of weights, inputs and outputs once.
* **use**: MACs per cycle, of the products that the hardware can make in one. `mlperf_arty` makes two with each of 64 multipliers.
* **slowest**: the operator with the most cycles.
* **reference**, **portable**: how many times as fast as these kernels on the same system; `-`: not measured.

"""


@dataclass(frozen=True)
class Row:
    """A system and a model; see figures.toml."""

    model: str
    products: int
    project: str = ""
    board: str = ""
    engine: str = "rtl"
    set: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What `--only` looks for, and the key in figures.json."""
        return " ".join(filter(None, (self.project, self.model, self.board, *self.set)))


@dataclass(frozen=True)
class Published:
    """What others say about the same network."""

    model: str
    system: str
    cycles: int
    source: str


@dataclass(frozen=True)
class Rows:
    """figures.toml."""

    row: tuple[Row, ...]
    published: tuple[Published, ...]


@dataclass
class Measured:
    """A row's figures. baselines: cycles of the other kernels. used: LUT, FF, block RAM, DSP of the system; empty before --area."""

    board: str
    cpu: str
    memory: str
    clock_hz: int
    engine: str
    compiler: str
    verilator: str
    digests: dict[str, str]
    macs: int
    cycles: int
    baselines: dict[str, int]
    slowest: str
    slowest_cycles: int
    moved_bytes: int
    used: dict[str, int] = field(default_factory=dict)


def read_rows() -> Rows:
    """What the page shows."""
    rows: Rows = msgspec.convert(tomllib.loads(ROWS.read_text()), Rows)
    return rows


def read_kept() -> dict[str, Measured]:
    """What was measured, by the name of the row."""
    return decoded(KEPT.read_bytes(), dict[str, Measured]) if KEPT.exists() else {}


def measure(row: Row, before: Measured | None) -> Measured:
    """Run the row's model. The area is that of the last --area as long as CFU and system are the same."""
    choice: dict[str, Any] = {"model": row.model, "assignments": row.set}
    if row.board:
        choice["board"] = row.board
    target = ROOT / "proj" / row.project if row.project else row.model
    document = Run.parse(
        json.dumps(api.run(target, samples=1, skip=row.skip, engine=row.engine, **choice)), row.name
    )
    if document.mismatch is not None:
        raise SystemExit(f"{row.name}: {document.mismatch}")
    measured = _figures(document)
    if (
        before is not None
        and before.digests["cfu"] == measured.digests["cfu"]
        and before.board == measured.board
    ):
        measured.used = before.used
    return measured


def _figures(document: Run) -> Measured:
    own = document.variants[-1]
    cycles = {variant.name: _cycles(variant) for variant in document.variants}
    slowest = max(own.ops, key=lambda op: op.cycles or 0)
    moved = sum(op.moved.weight_bytes + op.moved.input_bytes + op.moved.output_bytes for op in own.ops)
    digests = {
        "firmware": document.digests.firmware[own.name],
        "cfu": document.digests.cfu,
        "soc": document.digests.soc,
    }
    return Measured(
        board=document.board,
        cpu=document.cpu,
        memory=document.memory,
        clock_hz=document.clock_hz,
        engine=document.engine,
        compiler=document.toolchain.compiler,
        verilator=document.toolchain.verilator,
        digests={name: digest[:12] for name, digest in digests.items()},
        macs=document.model.macs,
        cycles=cycles.pop(own.name),
        baselines=cycles,
        slowest=f"{slowest.index} {slowest.type}",
        slowest_cycles=slowest.cycles or 0,
        moved_bytes=moved,
    )


def _cycles(variant: VariantRun) -> int:
    assert variant.first_cycles is not None, "engine rtl has cycles"
    return variant.first_cycles


def area(row: Row) -> dict[str, int]:
    """What the whole system takes."""
    choice: dict[str, Any] = {"assignments": row.set} | ({"board": row.board} if row.board else {})
    document = api.bitstream(ROOT / "proj" / row.project, synthesis_only=True, **choice)
    return Build.parse(json.dumps(document), row.name).used


def page(rows: Rows, kept: dict[str, Measured]) -> str:
    """The text of docs/figures.md."""
    models = list(dict.fromkeys(row.model for row in rows.row))
    lines = [HEAD]
    for model in models:
        lines += [
            f"## {model}\n",
            "| system | cycles | time | per MAC | use | portable | reference | slowest | bytes | LUT | FF | RAM | DSP |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
            *(_line(row, kept.get(row.name)) for row in rows.row if row.model == model),
            *_others([one for one in rows.published if one.model == model]),
            "",
        ]
    lines += ["## Where they come from\n"]
    lines += [
        "| row | CPU | memory | clock | engine | compiler | firmware | CFU | system |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_source(row, kept[row.name]) for row in rows.row if row.name in kept]
    return "\n".join(lines) + "\n"


def _line(row: Row, found: Measured | None) -> str:
    title = f"`{row.project or 'no CFU'}`"
    if found is None:
        return f"| {title}{f', {row.board}' if row.board else ''} | not measured yet |" + " |" * 11
    gains = [_gain(found.baselines.get(name), found.cycles) for name in ("portable", "reference")]
    used = [f"{found.used[name]:,}" if name in found.used else "" for name in ("lut", "ff", "bram", "dsp")]
    cells = [
        f"{title}, {found.board}",
        f"{found.cycles:,}",
        f"{found.cycles / found.clock_hz * 1e6:,.0f} us",
        f"{found.cycles / found.macs:.3f}",
        f"{100 * found.macs / found.cycles / row.products:.1f} % of {row.products}",
        *gains,
        f"{found.slowest}: {100 * found.slowest_cycles / found.cycles:.0f} %",
        f"{found.moved_bytes:,}",
        *used,
    ]
    return f"| {' | '.join(cells)} |"


def _gain(baseline: int | None, cycles: int) -> str:
    return "-" if baseline is None else f"{baseline / cycles:.2f}x"


def _others(published: Sequence[Published]) -> list[str]:
    if not published:
        return []
    lines = ["", "| others | cycles | source |", "|---|---|---|"]
    return lines + [f"| {one.system} | {one.cycles:,} | {one.source} |" for one in published]


def _source(row: Row, found: Measured) -> str:
    clock = f"{found.clock_hz / 1e6:g} MHz"
    engine = f"{found.engine}, Verilator {found.verilator}"
    digests = [found.digests[name] for name in ("firmware", "cfu", "soc")]
    cells = [row.name, found.cpu, found.memory, clock, engine, found.compiler, *digests]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", default=[""], metavar="TEXT")
    parser.add_argument("--area", action="store_true")
    parser.add_argument("--print", action="store_true")
    options = parser.parse_args()
    rows = read_rows()
    for row in () if options.print else rows.row:
        if not any(text in row.name for text in options.only):
            continue
        try:
            found = measure(row, read_kept().get(row.name))
            if options.area and row.project:
                found.used = area(row)
        except CfukitError as error:
            print(f"{row.name}: {error}")
            continue
        kept = read_kept() | {row.name: found}  # another command may have written meanwhile
        write_atomic(KEPT, json.dumps(msgspec.to_builtins(kept), indent=1, sort_keys=True) + "\n")
    text = page(rows, read_kept())
    write_atomic(PAGE, text)
    print(text)


if __name__ == "__main__":
    main()
