"""Artefacts that are built once: complete or absent, and used only if they are what was written."""

from __future__ import annotations

import errno
import glob
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from cfukit_base import progress
from cfukit_base.cache import contents, in_use, limit, manifest
from cfukit_base.cache.files import disk_error, is_disk_error, locked, sync
from cfukit_base.cache.folders import user_cache
from cfukit_base.errors import BuildError
from cfukit_base.interrupts import deferred


def cached(root: Path, name: str, key: str, build: Callable[[Path], object]) -> Path:
    """The directory `root/name-key`. If it is absent or damaged, `build(tmp)` fills a temporary one that is then renamed.

    Two processes that want the same entry build it once: the second waits for the first. If `build` raises (or the
    process is killed) no entry appears. No other process removes the entry as long as this one lives.

    A full disk or a folder that cannot be written is a ResultError that names the folder.
    """
    entry = root / f"{name}-{key}"
    if _found(entry):
        return entry
    try:
        _hold_absent(entry)
        with locked(root / f".{entry.name}.lock"):
            if _found(entry):
                return entry
            _build(entry, build)
        limit.added(entry)
    except OSError as error:
        named = Path(str(error.filename))
        ours = error.errno != errno.ENOENT or named.is_relative_to(root) or root.is_relative_to(named)
        if not is_disk_error(error) or not ours:  # a tool that has gone, say
            raise
        raise disk_error(root, error) from error
    except BuildError as error:
        if _says_full(error):  # a compiler's message about its output or its temporary file
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise disk_error(root, full, error.details) from error
        raise
    return entry


def shared(root: Path, name: str, key: str, build: Callable[[Path], object]) -> Path:
    """As `cached`. The user's cache keeps a copy, which another project, or this one after `clean`, takes instead of building it."""

    def take(folder: Path) -> None:
        made = cached(user_cache() / "shared", name, key, build)
        shutil.copytree(made, folder, ignore=shutil.ignore_patterns(manifest.NAME), dirs_exist_ok=True)

    return cached(root, name, key, take)


def _found(entry: Path) -> bool:
    if not entry.is_dir():
        return False
    try:
        in_use.hold(entry)
    except FileNotFoundError:  # just removed
        return False
    if manifest.fault(entry):
        return False
    manifest.touch(entry)
    return True


def _hold_absent(entry: Path) -> None:
    while True:
        entry.parent.mkdir(parents=True, exist_ok=True)
        try:
            return in_use.hold(entry)
        except FileNotFoundError:
            continue  # `clean` has just removed the folder


def _build(entry: Path, build: Callable[[Path], object]) -> None:
    """Build an entry. The caller holds its lock, so nobody else is building it."""
    root = entry.parent
    for leftover in root.glob(f".{glob.escape(entry.name)}.*.tmp"):  # from a builder that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = root / f".{entry.name}.{os.getpid()}.tmp"
    if os.path.lexists(entry):
        progress.note(f"{entry} is damaged ({manifest.fault(entry)}): building it again")
        contents.discard(entry)
    try:
        temporary.mkdir(mode=0o755)
        build(temporary)
        manifest.write(temporary)
        with deferred():
            temporary.rename(entry)
        sync(root)
    except BaseException:
        with deferred():
            shutil.rmtree(temporary, ignore_errors=True)
        raise


_FULL_MESSAGES = re.compile(
    "no space left|nospaceleft|disk quota exceeded|diskquota|file too large|filetoobig|file size limit",
    re.IGNORECASE,
)


def _says_full(error: BuildError) -> bool:
    return any(_FULL_MESSAGES.search(str(text)) for text in (error.given, *error.details.values()))
