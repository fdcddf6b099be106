"""Files that are written whole or not at all, and what a full disk or a refused path means to a user."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from cfukit_base.errors import ResultError
from cfukit_base.interrupts import deferred

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


def is_disk_error(error: OSError) -> bool:
    """Whether the disk is full or a path cannot be written."""
    return error.errno in (*_FULL, *_REFUSED)


def disk_error(where: Path, error: OSError, details: Mapping[str, object] | None = None) -> ResultError:
    """The ResultError for an OSError while writing `where`: a full disk, or a path that cannot be written."""
    full = error.errno in _FULL or error.errno is None
    named = str(error.filename or "")
    inside = f" ({named})" if named and named != str(where) and not full else ""
    hint = "free space or set CFUKIT_CACHE to another folder" if full else "choose a path that can be written"
    given = f"cannot write here: {error.strerror or error}{inside}"
    result = ResultError(str(where), given, hint=f"{hint}; nothing half-written was kept")
    result.details.update(details or {})
    return result


@contextmanager
def writing(where: Path) -> Iterator[None]:
    """In this block a full disk, or a folder that cannot be written, becomes a ResultError about `where`."""
    try:
        yield
    except OSError as error:
        if not is_disk_error(error):
            raise
        raise disk_error(where, error) from error


def write_atomic(path: Path, data: bytes | str, *, durable: bool = True) -> None:
    """Write `path` whole or not at all. durable: also if the power fails right after."""
    write_parts(path, (data,), durable=durable)


def write_parts(path: Path, parts: Iterable[bytes | str], *, durable: bool = True) -> None:
    """As `write_atomic`, part after part, so the whole need not be in memory."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        prepare_output(path)
        in_place = not replaceable(path)
        with (path if in_place else temporary).open("wb") as file:
            for part in parts:
                file.write(part.encode() if isinstance(part, str) else part)
        if in_place:
            return
        if durable:
            sync(temporary)
        with deferred():
            temporary.replace(path)
        if durable:
            sync(path.parent)
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
        if not os.access(path.parent if replaceable(path) else path, os.W_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise disk_error(path, error) from error


def replaceable(path: Path) -> bool:
    """Whether a finished file may be renamed to `path`. Not if a device or a pipe is there (/dev/null)."""
    try:
        # One look: between two, another command can take the file away or write it again.
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return True
        raise


def sync(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems cannot sync a folder.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[IO[str]]:
    """An exclusive lock between processes and threads: the file at `path`, which is removed at the end.

    BlockingIOError if another one holds it and `wait` is false.
    """
    while True:
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if not is_open_at(file.fileno(), path):
                continue  # the holder before us removed it while we waited, so it protects nothing
            try:
                yield file
            finally:
                path.unlink(missing_ok=True)
            return


def is_open_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is still the one that `path` names."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
