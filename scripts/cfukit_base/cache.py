"""Artefacts that are built once: directories keyed by a digest of their inputs, complete or absent."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cfukit_base.errors import BuildError, ResultError
from cfukit_base.interrupts import deferred


def user_cache() -> Path:
    """The folder for what is shared among projects: $CFUKIT_CACHE, else ~/.cache/cfukit."""
    configured = os.environ.get("CFUKIT_CACHE")
    if configured:
        return Path(configured).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cfukit"


def cached(root: Path, name: str, key: str, build: Callable[[Path], object]) -> Path:
    """The directory `root/name-key`; if absent, `build(tmp)` fills a temporary one that is then renamed.

    Two processes that want the same entry build it once: the second waits for the first. If `build` raises (or the
    process is killed) no entry appears. A full disk or a folder that cannot be written is a ResultError that names the folder.
    """
    final = root / f"{name}-{key}"
    if final.is_dir():
        return final
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root / f".{final.name}.lock"):
            if final.is_dir():
                return final
            # What a builder that was killed has left: the lock is ours.
            for stale in root.glob(f".{glob.escape(final.name)}.*.tmp"):
                shutil.rmtree(stale, ignore_errors=True)
            temporary = root / f".{final.name}.{os.getpid()}.tmp"
            try:
                temporary.mkdir(mode=0o755)
                build(temporary)
                with deferred():
                    temporary.rename(final)
            except BaseException:
                with deferred():
                    shutil.rmtree(temporary, ignore_errors=True)
                raise
    except OSError as error:
        named = Path(str(error.filename))
        ours = error.errno != errno.ENOENT or named.is_relative_to(root) or root.is_relative_to(named)
        if error.errno not in _DISK or not ours:  # a tool that has gone, say
            raise
        raise disk_error(root, error) from error
    except BuildError as error:
        if _says_full(error):  # a compiler's message about its output or its temporary file
            raise disk_error(root, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), error.details) from error
        raise
    return final


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_REFUSED = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.ENOENT,
    errno.ENXIO,
    errno.EBUSY,
    errno.EINVAL,
)
_DISK = (*_FULL, *_REFUSED)
_FULL_MESSAGES = re.compile(
    "no space left|nospaceleft|disk quota exceeded|diskquota|file too large|filetoobig|file size limit",
    re.IGNORECASE,
)


def _says_full(error: BuildError) -> bool:
    return any(_FULL_MESSAGES.search(str(text)) for text in (error.given, *error.details.values()))


def disk_error(where: Path, error: OSError, details: Mapping[str, Any] | None = None) -> ResultError:
    """What an OSError while writing an artefact means to a user: a full disk, or a path that cannot be written."""
    full = error.errno in _FULL or error.errno is None
    named = str(error.filename or "")
    inside = f" ({named})" if named and named != str(where) and not full else ""
    hint = "free space or set CFUKIT_CACHE to another folder" if full else "choose a path that can be written"
    return ResultError(
        str(where),
        f"cannot write here: {error.strerror or error}{inside}",
        hint=f"{hint}; nothing half-written was kept",
        **(details or {}),
    )


@contextmanager
def writing(where: Path) -> Iterator[None]:
    """A full disk, or a folder that cannot be written, as a ResultError about `where`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise disk_error(where, error) from error


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write `path` whole or not at all."""
    raw = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        prepare_output(path)
        if not replaceable(path):
            path.write_bytes(raw)
            return
        temporary.write_bytes(raw)
        with deferred():
            temporary.replace(path)
    except BaseException as error:
        with deferred(), suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise disk_error(path, error) from error
        raise


def prepare_output(path: Path) -> None:
    """Make the folder of a file that a user asked for; a ResultError where no file can be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not os.access(path if path.exists() and not replaceable(path) else path.parent, os.W_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise disk_error(path, error) from error


def replaceable(path: Path) -> bool:
    """Whether a finished file may be renamed to `path`: not where a device or a pipe is (/dev/null)."""
    return path.is_file() or not path.exists()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """An exclusive lock between processes; the file goes when its holder leaves, and who waited for it makes a new one."""
    while True:
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_at(file.fileno(), path):
                continue  # the holder before removed it while we waited: it protects nothing
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
