"""Running other programs: time-outs, interrupts and failures leave no process behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cfukit_base import interrupts
from cfukit_base.errors import ResultError


@dataclass(frozen=True)
class Finished:
    """What a program left: exit code (negative: signal; None: killed at the time-out), stdout, stderr."""

    argv: tuple[str, ...]
    code: int | None
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    def tail(self, lines: int = 20) -> str:
        """The last lines of both outputs, for an error message."""
        text = (self.stdout + "\n" + self.stderr).strip().splitlines()
        return "\n".join(text[-lines:])


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    stdin: bytes = b"",
) -> Finished:
    """Run a program to its end in a process group of its own; the group is killed at the time-out or on an exception.

    env: additions to this process's environment. timeout: seconds.
    """
    raw = run_bytes(argv, cwd=cwd, env=env, timeout=timeout, stdin=stdin)
    out, err = raw.stdout.decode(errors="replace"), raw.stderr.decode(errors="replace")
    return Finished(raw.argv, raw.code, out, err)


@dataclass(frozen=True)
class FinishedBytes:
    """As Finished, with the outputs as they came."""

    argv: tuple[str, ...]
    code: int | None
    stdout: bytes
    stderr: bytes


def run_bytes(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    stdin: bytes = b"",
) -> FinishedBytes:
    """As `run`, for a program that does not speak text."""
    words = tuple(str(word) for word in argv)
    pipe = subprocess.PIPE
    environment = {**os.environ, **(env or {})}
    with started(words, cwd=cwd, env=environment, stdin=pipe, stdout=pipe, stderr=pipe) as child:
        try:
            out, err = child.communicate(stdin, timeout=timeout)
            code: int | None = child.returncode
        except subprocess.TimeoutExpired:
            child.kill_group()
            out, err = child.communicate()
            code = None
    return FinishedBytes(words, code, out, err)


class Child(subprocess.Popen[bytes]):
    """A program in a process group whose leader, a shell, does nothing but wait for this process to die.

    The leader reads a pipe that only we hold. Whatever ends us, SIGKILL included, the pipe ends, and the leader kills
    the group: the program and all that it started. PR_SET_PDEATHSIG would need preexec_fn, which is unsafe with
    threads, and is forgotten by the program's own children.
    """

    guard: subprocess.Popen[bytes]
    batch: Batch | None = None

    def kill_group(self) -> None:
        """End the program and everything that it started."""
        # The leader is not waited for before the end of `started`: the number cannot be another group's.
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: only zombies are left
            os.killpg(self.guard.pid, signal.SIGKILL)


_GUARD = ("/bin/sh", "-c", "trap '' INT TERM HUP; read -r _; kill -s KILL 0")
_lock = (
    threading.Lock()
)  # of starting and of _live; the main thread takes it only inside interrupts.deferred()
_live: set[Child] = set()


@contextlib.contextmanager
def started(argv: Sequence[str], **options: Any) -> Iterator[Child]:
    """A child in a group of its own, dead with all its descendants when the block is left.

    options: as subprocess.Popen's. KeyboardInterrupt if the command is being stopped, Cancelled if its batch is: then
    nothing is started, and what was running has been killed. Its temporary files go with it: a compiler that is killed
    cannot remove its own.
    """
    folder: tempfile.TemporaryDirectory[str] | None = None
    try:
        with interrupts.deferred():
            folder = _temporary_folder()
        environment = {**(options.pop("env", None) or os.environ), "TMPDIR": folder.name}
        with _started(argv, env=environment, **options) as child:
            yield child
    finally:
        with interrupts.deferred():
            if folder is not None:
                folder.cleanup()
    _check()


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="cfukit-", ignore_cleanup_errors=True)
    except OSError as error:
        raise ResultError(
            "temporary files",
            f"cannot write: {error.strerror or error}",
            hint="set TMPDIR to a folder with free space",
        ) from error


@contextlib.contextmanager
def _started(argv: Sequence[str], **options: Any) -> Iterator[Child]:
    with interrupts.deferred(), _lock:
        _check()
        guard = subprocess.Popen(
            _GUARD,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            process_group=0,
        )
        try:
            child = Child(argv, process_group=guard.pid, **options)
        except BaseException:
            _release(guard)
            raise
        child.guard, child.batch = guard, getattr(_thread, "batch", None)
        _live.add(child)
    try:
        yield child
    finally:
        with interrupts.deferred():
            with _lock:
                _live.discard(child)
            child.kill_group()
            child.wait()
            for pipe in (child.stdin, child.stdout, child.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            _release(guard)


def _release(guard: subprocess.Popen[bytes]) -> None:
    guard.kill()
    guard.wait()
    assert guard.stdin is not None
    guard.stdin.close()


class Cancelled(BaseException):
    """Another item of the same batch failed; its error is the one that is told."""


class Batch:
    """Work in several threads of which the first failure stops the rest."""

    def __init__(self) -> None:
        self.parent: Batch | None = getattr(_thread, "batch", None)
        self.stopping = False

    def stop(self) -> None:
        """Kill every program of this batch and start no further one."""
        self.stopping = True
        with interrupts.deferred(), _lock:
            for child in _live:
                if self in _chain(child.batch):
                    child.kill_group()


_thread = threading.local()
Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> list[Result]:
    """`function` of every item, on `jobs` threads that each wait for programs; the first failure stops the rest."""
    batch = Batch()
    failures: list[BaseException] = []

    def one(item: Item) -> Result:
        before = getattr(_thread, "batch", None)
        _thread.batch = batch
        try:
            _check()
            return function(item)
        except BaseException as error:
            if not isinstance(error, Cancelled):
                failures.append(error)
            batch.stop()  # here, before this thread takes up the next item
            raise
        finally:
            _thread.batch = before

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(one, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException as error:
            batch.stop()
            pool.shutdown(cancel_futures=True)
            raise error if isinstance(error, KeyboardInterrupt) else next(iter(failures), error) from None


def _chain(batch: Batch | None) -> Iterator[Batch]:
    while batch is not None:
        yield batch
        batch = batch.parent


def _check() -> None:
    interrupts.check()
    if any(batch.stopping for batch in _chain(getattr(_thread, "batch", None))):
        raise Cancelled


def _end_all() -> None:
    """End every program that any thread waits for, and what libraries started by themselves (Amaranth's yosys)."""
    with _lock:
        for child in _live:
            child.kill_group()
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for number in task.read_text().split():
                os.kill(int(number), signal.SIGKILL)


interrupts.on_stop(_end_all)
