"""Run other programs: a time-out, a signal or a failure leaves no process behind.

Every program runs in a process group of its own. The group's leader, the guard, is a shell that waits on a pipe. Only this
process has the other end of the pipe. Whatever ends this process, SIGKILL included, closes the pipe, and the guard kills the
group: the program and all that it started. (PR_SET_PDEATHSIG needs preexec_fn, which is unsafe with threads, and does not reach the
program's own children.)
"""

from __future__ import annotations

import contextlib
import contextvars
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
from cfukit_base.whereabouts import Stopped


@dataclass(frozen=True)
class Finished:
    """How a program ended, and what it printed.

    code: the exit code; negative: the signal that ended it; None: killed at the time-out.
    """

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
    """Run a program to its end. At the time-out and on an exception it is killed, with everything that it started.

    env: additions to this process's environment. timeout: seconds.
    """
    raw = run_bytes(argv, cwd=cwd, env=env, timeout=timeout, stdin=stdin)
    out, err = raw.stdout.decode(errors="replace"), raw.stderr.decode(errors="replace")
    return Finished(raw.argv, raw.code, out, err)


@dataclass(frozen=True)
class FinishedBytes:
    """As Finished, but with the outputs as bytes."""

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
    """As `run`, for a program whose output is not text."""
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
    """A program in a process group of its own, with a folder of its own for temporary files.

    A compiler that is killed cannot remove its temporary files, so `close` removes the folder.
    """

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, **options: Any):
        self.batches = _batches.get()
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(_temporary_folder())
            null, pipe = subprocess.DEVNULL, subprocess.PIPE
            self.guard = stack.enter_context(
                subprocess.Popen(_GUARD, stdin=pipe, stdout=null, stderr=null, cwd="/", process_group=0)
            )
            environment = {**(env or os.environ), "TMPDIR": folder}
            super().__init__(argv, process_group=self.guard.pid, env=environment, **options)
            self._resources = stack.pop_all()
        with _lock:
            _live.add(self)

    def kill_group(self) -> None:
        """End the program and everything that it started."""
        # `close` waits for the guard last, so until then no other group can have its number.
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: only zombies are left
            os.killpg(self.guard.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill what is left of the group, wait for it, and remove its temporary files."""
        with _lock:
            _live.discard(self)
        self.kill_group()
        with contextlib.suppress(OSError):  # stdin, which nobody reads any more
            self.__exit__(None, None, None)
        self._resources.close()


_GUARD = ("/bin/sh", "-c", "trap '' INT TERM HUP; read -r _; kill -s KILL 0")
_lock = threading.RLock()  # reentrant: a signal interrupts the main thread while it holds the lock
_live: set[Child] = set()


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
def started(argv: Sequence[str], **options: Any) -> Iterator[Child]:
    """Start a program; when the block is left, it is dead with all its descendants.

    options: as for subprocess.Popen. Raises KeyboardInterrupt if the command is being stopped, and Cancelled if its batch
    is. In both cases nothing is started and what was running has been killed.
    """
    child = None
    try:
        with interrupts.deferred():
            _check()
            child = Child(argv, **options)
        _check()  # a stop before it was in _live has not killed it
        yield child
    finally:
        if child is not None:
            with interrupts.deferred():
                child.close()
    _check()


def _kill(chosen: Callable[[Child], bool]) -> None:
    with _lock:
        for child in _live:
            if chosen(child):
                child.kill_group()


class Cancelled(BaseException):
    """Another item of the same batch failed; that item's error is the one to report."""


class Batch:
    """Work in several threads that stops as a whole at the first failure."""

    stopping = False

    def stop(self) -> None:
        """Kill every program of this batch, and of the batches within it, and start no further one."""
        self.stopping = True
        _kill(lambda child: self in child.batches)


_batches: contextvars.ContextVar[tuple[Batch, ...]] = contextvars.ContextVar("batches", default=())
Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> list[Result]:
    """Apply `function` to every item, on `jobs` threads that each wait for programs. The first failure stops the rest."""
    batch = Batch()
    failures: list[BaseException] = []

    def one(item: Item) -> Result:
        _batches.set((*_batches.get(), batch))
        try:
            _check()
            return function(item)
        except BaseException as error:
            if not isinstance(error, Cancelled):
                failures.append(error)
            batch.stop()  # here, before this thread takes the next item
            raise

    with ThreadPoolExecutor(jobs) as pool:
        try:
            futures = [pool.submit(contextvars.copy_context().run, one, item) for item in items]
            return [future.result() for future in futures]
        except BaseException as error:
            batch.stop()
            pool.shutdown(cancel_futures=True)
            if isinstance(error, KeyboardInterrupt):
                raise Stopped.of([error, *failures]) from None
            raise next(iter(failures), error) from None


def _check() -> None:
    interrupts.check()
    if any(batch.stopping for batch in _batches.get()):
        raise Cancelled


def _kill_everything() -> None:
    """Kill every program that any thread waits for, and what libraries started by themselves (Amaranth's yosys)."""
    _kill(lambda child: True)
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for number in task.read_text().split():
                os.kill(int(number), signal.SIGKILL)


interrupts.on_stop(_kill_everything)
