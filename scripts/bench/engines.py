"""The table of docs/trust.md: the cycles of one inference on engines rtl and fast, and how far they are apart.

    python -m bench.engines [--only TEXT ...]

Each row is simulated on both engines; --only: rows that contain one of these texts. Models other than digits need the environment
variable CFUKIT_REFERENCE. The exit code is 1 if an error exceeds what engine fast promises.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfukit_tools import api

PROJECTS = Path(__file__).resolve().parents[2] / "proj"
PROMISED = 0  # cycles, on every board
_IN_DRAM = ("place.code=main_ram", "place.weights=main_ram", "place.arena=main_ram")


@dataclass(frozen=True)
class Row:
    """A board, a model, and the project whose kernels run it ("" = portable ones)."""

    board: str
    model: str
    project: str = ""
    own_places: bool = False

    def __str__(self) -> str:
        project = f", project `{self.project}`" if self.project else ""
        return f"`{self.board}` | {self.model}{project}{' (its own places)' if self.own_places else ''}"


ROWS = (
    Row("ulx3s", "digits"),
    Row("ulx3s", "micro_speech"),
    Row("ulx3s", "digits", "mac4"),
    Row("arty", "digits"),
    Row("arty", "kws_ref"),
    Row("arty", "micro_speech"),
    Row("arty100t", "digits"),
    Row("tang20k", "digits"),
    Row("tang20k", "micro_speech"),
    Row("arty", "kws_ref", "mlperf_arty", own_places=True),
    Row("arty", "ic_resnet8", "mlperf_arty", own_places=True),
    Row("arty", "mnv2_160_035", "mlperf_arty", own_places=True),
    Row("ulx3s", "kws_ref", "engine_ulx3s", own_places=True),
    Row("tang20k", "kws_ref", "engine_tang20k", own_places=True),
    Row("fomu", "kws_ref", "kws_fomu", own_places=True),
)


def cycles(row: Row, engine: str) -> int:
    """Of the first sample."""
    options: dict[str, Any] = {"board": row.board, "engine": engine, "samples": 1}
    options["assignments"] = () if row.own_places else _IN_DRAM
    if not row.project:
        document = api.profile(row.model, **options)
    else:
        document = api.profile(PROJECTS / row.project, model=row.model, **options)
    return int(document["variants"][0]["cycles"][0])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT")
    chosen = [row for row in ROWS if any(text in str(row) for text in parser.parse_args().only)]
    worst = 0
    print("| board | model | `rtl` | `fast` | error |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # of a bare model's build
        for row in chosen:
            rtl, fast = cycles(row, "rtl"), cycles(row, "fast")
            worst = max(worst, abs(fast - rtl))
            print(f"| {row} | {rtl:,} | {fast:,} | {fast - rtl} |", flush=True)
    return int(worst > PROMISED)


if __name__ == "__main__":
    sys.exit(main())
