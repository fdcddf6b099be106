"""What Yosys' `stat -json` counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec


@dataclass(frozen=True)
class _Module:
    num_cells_by_type: dict[str, int]


@dataclass(frozen=True)
class _Statistics:
    modules: dict[str, _Module]


def cells_by_module(path: Path) -> dict[str, dict[str, int]]:
    """Number of cells by type, for each module; instances of other modules are cells, too."""
    found = msgspec.json.decode(path.read_bytes(), type=_Statistics)
    return {name.lstrip("\\"): module.num_cells_by_type for name, module in found.modules.items()}
