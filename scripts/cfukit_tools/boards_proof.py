"""`make proof`: one project on every board: resources, speed over several placements, cycles of a model before and after.

Everything is cached by digest: a second call prints at once, and a call that was stopped goes on where it was. Boards that no tool here
places give resources alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cfukit_base import progress
from cfukit_base.artefacts.build import Placement, Resources
from cfukit_base.artefacts.limits import Limit
from cfukit_base.errors import CfukitError
from cfukit_tools.report.tables import ratio

PROJECT = "mac4"
MODEL = "kws_ref"
SIMULATED = ("arty", "fomu")  # where the model runs
SEEDS = 5
COLUMNS = (
    "board",
    "lc/lut",
    "ram",
    "spram",
    "dsp",
    "median MHz",
    "best MHz",
    "asked",
    "cycles before",
    "after",
    "gain",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; the same exit codes as the command."""
    from cfukit_base import interrupts
    from cfukit_soc.boards import boards
    from cfukit_tools.cli.endings import run_action

    real = [name for name, board in boards().items() if board.hardware]
    parser = argparse.ArgumentParser(prog="boards_proof", description=__doc__)
    parser.add_argument("--boards", nargs="+", default=real, choices=real, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--model", default=MODEL, help="a listed name or a .tflite")
    parser.add_argument("--folder", type=Path, default=Path("build/proof"))
    given = parser.parse_args(arguments)
    interrupts.install()
    code = run_action(lambda: proof(given.boards, given.seeds, given.model, given.folder))
    if interrupts.stopped_by() is not None:
        interrupts.leave(code)
    return code


def proof(names: Sequence[str], seeds: int, model: str, folder: Path) -> int:
    """Print a line per board as it is done; the whole in `folder`/proof.json. 0 if every board fits, is in time and is bit-exact."""
    from cfukit_tools.cli.progress import install
    from cfukit_tools.verbs.init import init

    install()
    project = folder / PROJECT
    if not project.exists():
        folder.mkdir(parents=True, exist_ok=True)
        init(project, PROJECT)
    print(line(COLUMNS))
    rows = []
    for name in names:
        rows.append(row(project, name, seeds, model))
        print(line(cells(rows[-1])), flush=True)
    document = {"schema": "cfukit.proof/1", "boards": [asdict(item) for item in rows]}
    (folder / "proof.json").write_text(json.dumps(document, indent=1) + "\n")
    print(folder / "proof.json")
    return 0 if all(item.ok for item in rows) else 1


@dataclass(frozen=True)
class Row:
    """A board: the figures of its build; before, after: cycles of its runs where it is simulated."""

    board: str
    ok: bool
    used: Resources
    fmax_mhz: float | None
    fmax_median_mhz: float | None
    target_mhz: float
    seeds: tuple[Placement, ...]
    limits: tuple[Limit, ...]
    before: int | None = None
    after: int | None = None
    note: str = ""


def row(project: Path, board: str, seeds: int, model: str) -> Row:
    """Build one board, and run the model where it is simulated."""
    from cfukit_soc.boards import real_board_named
    from cfukit_soc.synthesis import place, vendor
    from cfukit_tools.verbs.bitstream import bitstream
    from cfukit_tools.verbs.run import run

    fpga = real_board_named(board).fpga
    placed = (fpga is not None and fpga.family in place.SUFFIX) or vendor.router() is not None
    with progress.stage(f"{board}: building"):
        build = bitstream(project, board=board, seeds=seeds, jobs=1, synthesis_only=not placed)
    found = Row(
        board,
        build.ok,
        build.used,
        build.fmax_mhz,
        build.fmax_median_mhz,
        build.target_mhz,
        build.seeds,
        build.limits,
    )
    if board not in SIMULATED:
        return found
    try:
        with progress.stage(f"{board}: running {model}"):
            ran = run(project, board=board, model=model, samples=1, jobs=1)
    except CfukitError as error:
        return replace(found, ok=False, note=error.message)
    cycles = {variant.name: variant.first_cycles for variant in ran.variants}
    return replace(found, before=cycles["reference"], after=cycles["project"], ok=build.ok and ran.ok)


def cells(item: Row) -> tuple[str, ...]:
    """A row as text; what was not measured is a dash."""
    used = item.used
    return (
        item.board,
        str(used.get("lc") or used["lut"]),
        str(used["bram"]),
        str(used.get("spram", "-")),
        str(used["dsp"]),
        _mhz(item.fmax_median_mhz),
        _mhz(item.fmax_mhz),
        f"{item.target_mhz:g}",
        f"{item.before:,}" if item.before else "-",
        f"{item.after:,}" if item.after else "-",
        ratio(item.before, item.after)
        + (f"  {item.note}" if item.note else "")
        + ("" if item.ok else "  FAILED"),
    )


def _mhz(value: float | None) -> str:
    return f"{value:.1f}" if value is not None else "-"


def line(values: Sequence[str]) -> str:
    first, *rest = values
    return f"{first:<11}" + "".join(
        f"{value:>14}" if n > 6 else f"{value:>11}" for n, value in enumerate(rest)
    )


if __name__ == "__main__":
    sys.exit(main())
