"""The measured table of presets: what presets.json says, and whether it still holds.

`scripts/bench/cpus.py` writes presets.json. Each preset's entry carries the digest of the Verilog that was measured, so a
changed edit shows. Software changes cycles too, but is not in the digest: use the cycles to compare CPUs with each other.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from cfukit_base.cache import write_atomic
from cfukit_base.digest import digest_bytes
from cfukit_base.typed_json import decoded
from cfukit_cpu.configuration import PRESETS, STOCK, configuration
from cfukit_cpu.writing import derive, isa

PATH = Path(__file__).parent / "presets.json"
MEASURE = "digits"  # the model whose cycles give the relative speed: it ships with cfukit


@dataclass
class Measured:
    """One preset.

    * digest: of the Verilog that was measured.
    * ice40, xc7: cells by kind; empty before they are counted.
    * cycles: of one inference, by model and kernels; None where the model does not fit.
    """

    digest: str
    ice40: dict[str, int] = field(default_factory=dict)
    xc7: dict[str, int] = field(default_factory=dict)
    cycles: dict[str, dict[str, int | None]] = field(default_factory=dict)


@dataclass
class Table:
    """presets.json. tools: versions by name."""

    schema: str = "cfukit.presets/1"
    tools: dict[str, str] = field(default_factory=dict)
    presets: dict[str, Measured] = field(default_factory=dict)

    def write(self) -> None:
        """Write presets.json."""
        write_atomic(PATH, json.dumps(msgspec.to_builtins(self), indent=1) + "\n")


def read() -> Table:
    """The table as it was committed."""
    return decoded(PATH.read_bytes(), Table)


def digest(name: str) -> str:
    """Of the preset's Verilog, without comments (they name tools) and attributes of source lines."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", derive(configuration(name)), flags=re.DOTALL)
    return digest_bytes(text.encode())


def stale() -> list[str]:
    """Presets whose entry is absent or was measured with another Verilog."""
    entries = read().presets
    return [name for name in PRESETS if name not in entries or entries[name].digest != digest(name)]


def list_cpus() -> list[dict[str, object]]:
    """Every preset with its area and its speed relative to the stock CPU, for people and JSON; null where nothing was measured."""
    entries = read().presets

    def speed(name: str, kernels: str) -> float | None:
        stock, own = (entries[which].cycles.get(MEASURE, {}).get(kernels) for which in (STOCK, name))
        return round(stock / own, 2) if stock and own else None

    rows: list[dict[str, object]] = []
    for name, (about, config) in PRESETS.items():
        entry = entries[name]
        rows.append(
            {
                "name": name,
                "isa": isa(config),
                "ice40_lut": entry.ice40.get("lut"),
                "xc7_lut": entry.xc7.get("lut"),
                "speed": speed(name, "portable"),
                "speed_mac4": speed(name, "mac4"),
                "about": about,
                "area": {"ice40": entry.ice40, "xc7": entry.xc7},
            }
        )
    return rows
