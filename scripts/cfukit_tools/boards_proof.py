"""`make proof`: one project on every board: resources, speed over several placements, cycles of a model before and after.

Everything is cached by digest: a second call prints at once, and a call that was stopped goes on where it was. Boards that no tool here
places give resources alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cfukit_base import progress
from cfukit_base.errors import CfukitError

Document = dict[str, Any]
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
    from cfukit_tools import api
    from cfukit_tools.cli.progress import install

    install()
    project = folder / PROJECT
    if not project.exists():
        folder.mkdir(parents=True, exist_ok=True)
        api.init(str(project), PROJECT)
    print(line(COLUMNS))
    rows = []
    for name in names:
        rows.append(row(project, name, seeds, model))
        print(line(cells(rows[-1])), flush=True)
    (folder / "proof.json").write_text(
        json.dumps({"schema": "cfukit.proof/1", "boards": rows}, indent=1) + "\n"
    )
    print(folder / "proof.json")
    return 0 if all(item["ok"] for item in rows) else 1


def row(project: Path, board: str, seeds: int, model: str) -> Document:
    """One board: the figures of its build, and of its runs where it is simulated."""
    from cfukit_soc.boards import board_named
    from cfukit_soc.synthesis import place, vendor
    from cfukit_tools import api

    family = board_named(board).hardware.fpga.family  # type: ignore[union-attr]
    placed = family in place.SUFFIX or vendor.router() is not None
    with progress.stage(f"{board}: building"):
        build = api.bitstream(project, board=board, seeds=seeds, jobs=1, synthesis_only=not placed)
    found = {
        name: build[name] for name in ("used", "fmax_mhz", "fmax_median_mhz", "target_mhz", "seeds", "limits")
    }
    result: Document = {"board": board, "ok": build["ok"], **found, "before": None, "after": None, "note": ""}
    if board in SIMULATED:
        try:
            with progress.stage(f"{board}: running {model}"):
                ran = api.run(project, board=board, model=model, samples=1, jobs=1)
        except CfukitError as error:
            return result | {"ok": False, "note": error.message}
        cycles = {variant["name"]: variant["cycles"][0] for variant in ran["variants"]}
        result |= {"before": cycles["reference"], "after": cycles["project"], "ok": build["ok"] and ran["ok"]}
    return result


def cells(item: Document) -> tuple[str, ...]:
    """A row as text; what was not measured is a dash."""
    used = item["used"]
    gain = f"{item['before'] / item['after']:.2f}x" if item["after"] else "-"
    return (
        item["board"],
        str(used.get("lc") or used["lut"]),
        str(used["bram"]),
        str(used.get("spram", "-")),
        str(used["dsp"]),
        _mhz(item["fmax_median_mhz"]),
        _mhz(item["fmax_mhz"]),
        f"{item['target_mhz']:g}",
        f"{item['before']:,}" if item["before"] else "-",
        f"{item['after']:,}" if item["after"] else "-",
        gain + (f"  {item['note']}" if item["note"] else "") + ("" if item["ok"] else "  FAILED"),
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
