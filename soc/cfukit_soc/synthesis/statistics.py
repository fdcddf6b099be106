"""What Yosys' `stat -json` counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cfukit_base.typed_json import decoded


@dataclass(frozen=True)
class _Module:
    num_cells_by_type: dict[str, int]


@dataclass(frozen=True)
class _Statistics:
    modules: dict[str, _Module]


def cells_by_module(path: Path) -> dict[str, dict[str, int]]:
    """Number of cells by type, for each module; instances of other modules are cells, too."""
    found = decoded(path.read_bytes(), _Statistics)
    return {name.lstrip("\\"): module.num_cells_by_type for name, module in found.modules.items()}
