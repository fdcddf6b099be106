"""Entries in use: a process holds every entry that it was given until it ends, however it ends, or until its `command` does.

One lock file serves all caches. Each path has one byte of it, chosen by a digest. A process that uses an entry locks the
entry's byte shared, and the bytes of the folders above it, up to the whole cache. A process that wants to remove an entry or a
folder locks its byte exclusively. The system drops the locks of a process that ends. A process needs one open file, however
many entries it uses.

These are POSIX locks, which belong to the process: threads exclude each other by `_threads`, a forked process begins with none,
and closing the lock file anywhere in the process would drop them all.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cfukit_base.cache.files import is_open_at
from cfukit_base.cache.folders import cache_of, identity, state_folder


@dataclass
class _Locks:
    """The open lock file and the bytes of it that this process holds."""

    descriptor: int
    held: set[int] = field(default_factory=set)

    def hold(self, byte: int) -> None:
        with suppress(OSError):  # a file system without locks: there nothing is ever removed
            fcntl.lockf(self.descriptor, fcntl.LOCK_SH, 1, byte)
        self.held.add(byte)

    def release(self, byte: int) -> None:
        with suppress(OSError):
            fcntl.lockf(self.descriptor, fcntl.LOCK_UN, 1, byte)
        self.held.discard(byte)


_threads = threading.Lock()
_files: dict[Path, _Locks] = {}  # more than one only if $CFUKIT_CACHE changes
_commands = 0  # that run, in all threads
_held_before: dict[Path, frozenset[int]] = {}  # what was held when the first of them began


def _begin_anew() -> None:
    _files.clear()
    _threads.release()


os.register_at_fork(before=_threads.acquire, after_in_parent=_threads.release, after_in_child=_begin_anew)


def hold(entry: Path) -> None:
    """Keep `entry` from being removed as long as this process lives, or the `command` around this call. It need not exist yet.

    FileNotFoundError if its folder does not exist.
    """
    with _threads:
        while True:
            wanted = _bytes_of(entry)
            try:
                path, locks = _locks()
            except OSError:  # there can be no lock file, so nothing is ever removed
                return
            new = [byte for byte in wanted if byte not in locks.held]
            for byte in new:
                locks.hold(byte)
            # While we waited for a lock, the folder or the lock file may have been removed.
            if is_open_at(locks.descriptor, path) and (not new or _bytes_of(entry) == wanted):
                return


@contextmanager
def command() -> Iterator[None]:
    """A command of a process that goes on: what it has begun to use is free at its end, and that of other threads at theirs."""
    global _commands
    with _threads:
        if not _commands:
            _held_before.clear()
            _held_before.update((path, frozenset(locks.held)) for path, locks in _files.items())
        _commands += 1
    try:
        yield
    finally:
        with _threads:
            _commands -= 1
            if not _commands:
                for path, locks in _files.items():
                    for byte in locks.held - _held_before.get(path, frozenset()):
                        locks.release(byte)


@contextmanager
def unused(path: Path) -> Iterator[bool]:
    """Whether no process uses an entry, or any entry of a folder. If so, none begins to before the block ends."""
    with _threads:
        try:
            byte, (_, locks) = _byte_of(path), _locks()
            free = byte not in locks.held
            if free:
                fcntl.lockf(locks.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError:
            free = False
        try:
            yield free
        finally:
            if free:
                fcntl.lockf(locks.descriptor, fcntl.LOCK_UN, 1, byte)


def _byte_of(path: Path) -> int:
    return int(identity(path)[:15], 16)


def _bytes_of(entry: Path) -> list[int]:
    """The entry's own, and those of the folders above it up to the whole cache."""
    depth = len(entry.parts) - len(cache_of(entry.parent).parts)
    return [_byte_of(path) for path in (entry, *entry.parents[:depth])]


def _locks() -> tuple[Path, _Locks]:
    path = state_folder() / "in_use"
    known = _files.get(path)
    if known is not None and is_open_at(known.descriptor, path):
        return path, known
    path.parent.mkdir(parents=True, exist_ok=True)
    locks = _Locks(_open(path))
    if known is not None:  # somebody has removed the lock file
        for byte in known.held:
            locks.hold(byte)
        os.close(known.descriptor)
    _files[path] = locks
    return path, locks


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        return os.open(path, os.O_RDONLY)  # enough for a shared lock
