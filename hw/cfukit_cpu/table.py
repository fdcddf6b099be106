"""The measured table of presets: what a file beside this one says, and whether it still holds.

`presets.json` is written by `hw/bench_cpus.py`. Each preset's entry carries the digest of the Verilog that was measured, so a
changed edit shows; software changes cycles too, but is not in the digest: cycles are for comparing CPUs with each other.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cfukit_base.digest import digest_bytes
from cfukit_cpu.configuration import PRESETS, STOCK, configuration
from cfukit_cpu.writing import derive, isa

PATH = Path(__file__).parent / "presets.json"
SCHEMA = "cfukit.presets/1"
MEASURE = "digits"  # the model whose cycles give the relative speed: it ships with cfukit


def read() -> dict[str, Any]:
    """The table as it was committed: {"schema", "tools": {name: version}, "presets": {name: entry}}."""
    document: dict[str, Any] = json.loads(PATH.read_text())
    assert document["schema"] == SCHEMA
    return document


def digest(name: str) -> str:
    """Of the preset's Verilog, without comments (they name tools) and attributes of source lines."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", derive(configuration(name)), flags=re.DOTALL)
    return digest_bytes(text.encode())


def stale() -> list[str]:
    """Presets whose entry is absent or was measured with another Verilog."""
    entries = read()["presets"]
    return [name for name in PRESETS if entries.get(name, {}).get("digest") != digest(name)]


def list_cpus() -> list[dict[str, object]]:
    """Every preset with its area and its speed relative to the stock CPU, for people and JSON; null where nothing was measured."""
    entries = read()["presets"]

    def speed(name: str, kernels: str) -> float | None:
        cycles = [
            entries.get(which, {}).get("cycles", {}).get(MEASURE, {}).get(kernels) for which in (STOCK, name)
        ]
        return round(cycles[0] / cycles[1], 2) if all(cycles) else None

    rows = []
    for name, (about, config) in PRESETS.items():
        entry = entries.get(name, {})
        area = {family: entry.get(family) or {} for family in ("ice40", "xc7")}
        rows.append(
            {
                "name": name,
                "isa": isa(config),
                **{f"{family}_lut": cells.get("lut") for family, cells in area.items()},
                "speed": speed(name, "portable"),
                "speed_mac4": speed(name, "mac4"),
                "about": about,
                "area": area,
            }
        )
    return rows
