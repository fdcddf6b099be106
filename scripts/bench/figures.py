"""docs/figures.md: whole models on whole systems, one row for each project, board and model, with where each figure comes from.

    export PYTHONPATH=scripts
    python -m bench.figures [--only TEXT ...] [--area] [--print]

The rows stand in figures.toml. Each is measured by `cfukit profile` and `cfukit run` on the row's engine, with one sample, whose operators
are all compared with the evaluator, and kept in figures.json at once. So the command can be interrupted; what did not change comes from
cfukit's cache.

* --only: rows whose name (PROJECT MODEL BOARD) contains one of the texts. The others keep what they have.
* --area: place and route the system for the board's FPGA too; where no router is at hand, synthesise it; for a board that is only
  simulated, synthesise the CFU alone. Some minutes each, half an hour for a large system that is routed.
* --print: measure nothing, write the page from figures.json.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path

import msgspec

from bench.figures_page import Built, Measured, Operator, Row, Rows, page
from cfukit_base.artefacts import Build, Run
from cfukit_base.artefacts.run import OpRun
from cfukit_base.cache import write_atomic
from cfukit_base.errors import CfukitError
from cfukit_base.typed_json import decoded
from cfukit_soc.boards import board_named
from cfukit_soc.synthesis.place import ROUTERS
from cfukit_tools import api
from cfukit_tools.project.project import Choice, load_target
from cfukit_tools.project.system import System

ROOT = Path(__file__).resolve().parents[2]
ROWS, KEPT, PAGE = (
    Path(__file__).with_name("figures.toml"),
    Path(__file__).with_name("figures.json"),
    ROOT / "docs/figures.md",
)
WORD_BYTES = 4
ALONE = "xc7"


def read_rows() -> Rows:
    """What the page shows."""
    rows: Rows = msgspec.convert(tomllib.loads(ROWS.read_text()), Rows)
    return rows


def read_kept() -> dict[str, Measured]:
    """What was measured, by the name of the row."""
    return decoded(KEPT.read_bytes(), dict[str, Measured]) if KEPT.exists() else {}


def measure(row: Row, before: Measured | None) -> Measured:
    """Run the row's model. What a build gave is kept as long as CFU, CPU and board are the same."""
    target, choice = _target(row), _choice(row)
    own = _document(row, json.dumps(api.profile(target, samples=1, engine=row.engine, **choice)))
    if row.board_cpu:
        others = api.run(row.model, samples=1, skip=row.skip, engine=row.engine, board=own.board)
    else:
        others = api.run(target, samples=1, skip=row.skip, engine=row.engine, **choice)
    measured = _figures(own, _document(row, json.dumps(others)), _port_bytes(target, choice))
    if before is not None and before.built is not None:
        same = before.digests["cfu"] == measured.digests["cfu"] and before.cpu == measured.cpu
        measured.built = before.built if same and before.board == measured.board else None
    return measured


def _target(row: Row) -> Path | str:
    return ROOT / "proj" / row.project if row.project else row.model


def _choice(row: Row) -> Choice:
    choice = Choice(assignments=row.set, model=row.model)
    if row.board:
        choice["board"] = row.board
    return choice


def _document(row: Row, text: str) -> Run:
    document = Run.parse(text, row.name)
    if document.mismatch is not None:
        raise SystemExit(f"{row.name}: {document.mismatch}")
    return document


def _port_bytes(target: Path | str, choice: Choice) -> int:
    return System(load_target(target, **choice)).memory_port_bits // 8


def _figures(document: Run, others: Run, port_bytes: int) -> Measured:
    own = document.variants[-1]
    baselines = {
        one.name: one.first_cycles for one in others.variants if one.name in ("portable", "reference")
    }
    assert own.first_cycles is not None and own.busy is not None, "these engines count cycles and causes"
    operators = tuple(map(_operator, own.ops))
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
        cycles=own.first_cycles,
        baselines={name: cycles for name, cycles in baselines.items() if cycles is not None},
        operators=operators,
        cpu_bytes=sum(WORD_BYTES * (op.work.loads + op.work.stores) for op in own.ops if op.work),
        port_bytes=own.busy.memory_port * port_bytes,
        dma_bytes=own.busy.dma_bytes,
    )


def _operator(op: OpRun) -> Operator:
    floor = op.moved.weight_bytes + op.moved.input_bytes + op.moved.output_bytes
    return Operator(op.index, op.type, op.kernel, len(op.fused), op.macs, op.cycles or 0, floor)


def build(row: Row) -> Built:
    """What the system takes on the board's FPGA, and its clock; of the CFU alone if the board has none."""
    target, choice = _target(row), _choice(row)
    fpga = board_named(load_target(target, **choice)["soc.board"]).fpga
    if fpga is None:
        found = Build.parse(json.dumps(api.area(target, family=ALONE, **choice)), row.name)
        return Built(f"CFU alone, {ALONE}", found.used, None, None)
    if fpga.family not in ROUTERS:
        found = Build.parse(json.dumps(api.bitstream(target, synthesis_only=True, **choice)), row.name)
        return Built("synthesised", found.used, None, None)
    found = Build.parse(json.dumps(api.bitstream(target, seeds=1, seed=row.seed, **choice)), row.name)
    return Built("routed", found.used, found.fmax_mhz, row.seed)


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
                found.built = build(row)
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
