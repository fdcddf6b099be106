"""Source files by the names that documents use: the path from the folder that they belong to, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def source_roots(*folders: Path) -> tuple[Path, ...]:
    """The folders that sources are named from: `folders`, such as a project's, and cfukit's own."""
    from cfukit_sw.firmware import INCLUDE, SOURCES

    return (*folders, SOURCES, INCLUDE)


def source_file(name: str, roots: Iterable[Path]) -> Path | None:
    """The file that a document calls `name`; None if it is in no folder, such as generated code."""
    return next((path for root in roots if name and (path := root / name).is_file()), None)
