"""The manifest of an entry says what was written, so that a damaged entry is never used.

`write` records the size and the digest of every file, and how the file looked: executable or not, times, inode. `fault`
compares. If a file looks as recorded, its content is not read. Otherwise the digest decides, so a copied folder is as good as
the original.

The first line of a manifest is the digest of the rest, which is JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cfukit_base.cache.files import sync, write_atomic
from cfukit_base.digest import digest_bytes
from cfukit_base.errors import ResultError

NAME = "cfukit.manifest"
_VERSION = 1
# A file system's clock may be this coarse. If a file changed within this time before the manifest was written, it may have
# changed again afterwards without having other times.
_CLOCK_NS = 2_000_000_000


class _Look(NamedTuple):
    """What can be compared without reading the file."""

    executable: bool
    modified_ns: int
    changed_ns: int
    inode: int


class _File(NamedTuple):
    name: str  # relative to the entry
    size: int
    digest: str
    look: _Look


class _Manifest(NamedTuple):
    written_ns: int
    files: list[_File]


def write(entry: Path, chosen: Iterable[Path] | None = None) -> None:
    """Record the files of `entry`, all or those chosen, and wait until they are on the disk."""
    begin = time.time_ns()
    candidates = entry.rglob("*") if chosen is None else chosen
    paths = sorted(path for path in candidates if path.is_file() and path.name != NAME)
    files = []
    for path in paths:
        status = path.stat()
        files.append(
            _File(path.relative_to(entry).as_posix(), status.st_size, _file_digest(path), _look(status))
        )
    write_atomic(entry / NAME, _text(_Manifest(begin, files)), durable=False)
    folders = (path for path in entry.rglob("*") if path.is_dir())
    for path in (*paths, entry / NAME, *folders, entry):
        sync(path)


def names(entry: Path) -> set[str]:
    """The files that are recorded, or the name of the manifest if it is damaged; none if there is no manifest."""
    try:
        return {file.name for file in _read(entry).files}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError):
        return {NAME}


def fault(entry: Path) -> str:
    """What is wrong with an entry; "" if its files are what was written. Files that were added later do not matter."""
    try:
        manifest = _read(entry)
    except (OSError, ValueError):
        return f"{NAME} is missing or damaged"
    begin = time.time_ns()
    files = []
    for file in manifest.files:
        path = entry / file.name
        try:
            status = path.stat()
            look = _look(status)
            if not stat.S_ISREG(status.st_mode):
                return f"{file.name} is not a file"
            if status.st_size != file.size:
                return f"{file.name} has {status.st_size:,} bytes, {file.size:,} were written"
            if look.executable != file.look.executable:
                return f"{file.name} has lost or gained its permission to be executed"
            recent = look.changed_ns > manifest.written_ns - _CLOCK_NS
            if (look != file.look or recent) and _file_digest(path) != file.digest:
                return f"{file.name} has changed"
        except OSError as error:
            return f"{file.name} cannot be read: {error.strerror}"
        files.append(file._replace(look=look))
    newest = max((file.look.changed_ns for file in files), default=0)
    stale = files != manifest.files or newest > manifest.written_ns - _CLOCK_NS
    if stale and newest <= begin - _CLOCK_NS:
        with suppress(ResultError):  # the cache is read-only, or the entry is just being removed
            write_atomic(entry / NAME, _text(_Manifest(begin, files)), durable=False)
    return ""


def touch(entry: Path) -> None:
    """Note that the entry has been used."""
    with suppress(OSError):
        os.utime(entry / NAME)


def last_used(entry: Path) -> float:
    """When the entry was last used; 0 if it has no manifest, so that it goes first."""
    try:
        return (entry / NAME).stat().st_mtime
    except OSError:
        return 0.0


def _look(status: os.stat_result) -> _Look:
    executable = bool(status.st_mode & stat.S_IXUSR)
    return _Look(executable, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(manifest: _Manifest) -> str:
    body = json.dumps([_VERSION, *manifest])
    return f"{digest_bytes(body.encode())}\n{body}"


def _read(entry: Path) -> _Manifest:
    """ValueError if a manifest is not what was written."""
    head, _, body = (entry / NAME).read_bytes().partition(b"\n")
    if head != digest_bytes(body).encode():
        raise ValueError("its digest is wrong")
    version, written_ns, rows = json.loads(body)
    if version != _VERSION:
        raise ValueError("another version")
    files = [_File(name, size, digest, _Look(*look)) for name, size, digest, look in rows]
    return _Manifest(written_ns, files)
