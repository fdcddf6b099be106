"""Find the entries of a cache, measure them, remove them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cfukit_base.cache import in_use, manifest
from cfukit_base.cache.files import locked
from cfukit_base.cache.folders import user_cache

_LEFTOVER = re.compile(r"\.(?P<entry>.+)\.\d+\.tmp")
_DEPTH = 3  # of folders with entries below a folder `build`: program, board, runs


def disk_bytes(folder: Path) -> int:
    """What a folder takes on the disk."""
    total = 0
    for parent, names, files in os.walk(folder):
        for name in (*names, *files):
            with suppress(OSError):  # another process has just removed it
                total += (Path(parent) / name).lstat().st_blocks * 512
    return total


def entries_of(top: Path) -> Iterator[Path]:
    """All entries of a cache, except those that have lost their manifest. Such an entry is built again when it is needed."""
    for folder in _walk(top):
        if (folder / manifest.NAME).is_file() and not folder.name.startswith("."):
            yield folder


def _walk(top: Path) -> Iterator[Path]:
    """All folders, including entries but not the folders in them. The user's cache is less deep than a folder `build`."""
    level = [top]
    for _ in range(2 if top == user_cache() else _DEPTH + 1):
        level = [child for folder in level for child in _folders(folder)]
        yield from level
        level = [folder for folder in level if not (folder / manifest.NAME).is_file()]


def _folders(folder: Path) -> list[Path]:
    try:
        return [Path(item.path) for item in os.scandir(folder) if item.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def removed(entry: Path) -> bool:
    """Remove an entry unless it is in use. It is renamed first, so nobody finds half of it."""
    with in_use.unused(entry) as free:
        if not free:
            return False
        gone = _aside(entry)
    shutil.rmtree(gone, ignore_errors=True)
    return not entry.exists()


def discard(entry: Path) -> None:
    """Remove an entry, in use or not, because it is damaged. It may be anything, a file for example."""
    gone = _aside(entry)
    if gone.is_dir() and not gone.is_symlink():
        shutil.rmtree(gone, ignore_errors=True)
    else:
        gone.unlink(missing_ok=True)


def _aside(entry: Path) -> Path:
    gone = entry.with_name(f".{entry.name}.{os.getpid()}.tmp")
    with suppress(FileNotFoundError):
        entry.rename(gone)
    return gone


def remove_leftovers(top: Path) -> list[Path]:
    """Remove what killed builders left. Returns the entries that are being built right now."""
    building = []
    for folder in _walk(top):
        if match := _LEFTOVER.fullmatch(folder.name):
            try:
                with locked(folder.with_name(f".{match['entry']}.lock"), wait=False):
                    shutil.rmtree(folder, ignore_errors=True)
            except OSError:
                building.append(folder.with_name(match["entry"]))
    return building
