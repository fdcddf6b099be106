"""Running other programs: time-outs, interrupts and failures leave no process behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


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
    with (
        subprocess.Popen(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as child,
        tracked(child),
    ):
        try:
            out, err = child.communicate(stdin, timeout=timeout)
            code: int | None = child.returncode
        except subprocess.TimeoutExpired:
            kill_group(child)
            out, err = child.communicate()
            code = None
        except BaseException:
            kill_group(child)
            raise
    return FinishedBytes(words, code, out, err)


_live: set[subprocess.Popen[bytes]] = set()


@contextlib.contextmanager
def tracked(child: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Let `kill_all` find `child` (started with start_new_session=True) as long as the block runs."""
    _live.add(child)
    try:
        yield child
    finally:
        _live.discard(child)


def kill_all() -> None:
    """End every program that any thread waits for: an interrupt reaches only the main thread."""
    for child in list(_live):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """End `child` (started with start_new_session=True) and everything that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
