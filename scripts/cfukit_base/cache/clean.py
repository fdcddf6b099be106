"""`clean` empties a cache: a project's folder `build`, or the user's cache."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cfukit_base.cache import in_use, limit
from cfukit_base.cache.contents import disk_bytes, entries_of, remove_leftovers, removed
from cfukit_base.cache.folders import user_cache

_OTHERS = ("zig", "models", "crashes")  # folders of the user's cache that hold no entries


@dataclass(frozen=True)
class Cleaned:
    """What was freed.

    bytes: on the disk. entries: how many artefacts. kept: entries that running commands use.
    """

    bytes: int
    entries: int
    kept: tuple[Path, ...]


def clean(top: Path) -> Cleaned:
    """Empty a cache, except for what running commands use.

    Folders that hold entries, such as `build/BOARD`, are removed with everything in them: documents, logs, waveforms. Other
    folders stay. If a command uses or builds an entry, only the other entries are removed, because that command may be
    writing the other files.
    """
    if not top.is_dir():
        return Cleaned(0, 0, ())
    before = disk_bytes(top)
    entries = list(entries_of(top))
    kept = remove_leftovers(top)
    kept += [entry for entry in entries if not removed(entry)]
    if not kept:
        _remove_folders(top, {entry.parent for entry in entries} | limit.known_folders(top))
    freed = before - disk_bytes(top)
    return Cleaned(max(0, freed), len(set(entries) - set(kept)), tuple(sorted(kept)))


def _remove_folders(top: Path, folders: set[Path]) -> None:
    """Remove folders that hold entries, unless a command has begun to use one; then what is empty above them."""
    others = {top / name for name in _OTHERS} if top == user_cache() else set()
    for folder in sorted((folders - {top}) | others, reverse=True):  # the deepest first
        with in_use.unused(folder) as free:
            if free:
                shutil.rmtree(folder, ignore_errors=True)
    above = {parent for folder in folders for parent in folder.parents if parent.is_relative_to(top)}
    for folder in sorted(above | {top}, reverse=True):
        with in_use.unused(folder) as free, suppress(OSError):  # not empty
            if free:
                folder.rmdir()
