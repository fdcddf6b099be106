"""`run_renode`: run what `export_renode` wrote in Renode until the program ends.

Renode exits with code 0 whatever happens, and it only logs a CFU instruction that fails. So nothing counts but what the
program itself sent (its last record, whose CRC is right, or the exit register) and what the CFU's library complains about.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cfukit_base import interrupts, process
from cfukit_base.artefacts import Outcome
from cfukit_base.errors import ResultError
from cfukit_base.protocol import wire
from cfukit_base.tools import Tool, renode
from cfukit_soc.renode.export import RenodeScripts, monitor_path
from cfukit_soc.renode.faults import cfu_fault, stopped_fault, time_out_fault
from cfukit_soc.renode.output import Log, UartFile
from cfukit_soc.renode.platform import DIALECTS, Dialect, dialect_of
from cfukit_soc.renode.state import State, read_state

_POLL_SECONDS = 0.02
STATE_SECONDS = 5.0  # that Renode gets to tell where its processor is
# A class or property of another range of versions: a build between two releases calls itself the older one.
_OTHER_DIALECT = ("Could not resolve type", "txFifoCapacity")


@dataclass(frozen=True)
class _Limits:
    """When a program that has not ended is stopped. end: on the monotonic clock; seconds: how long that is from the start."""

    seconds: float
    end: float
    max_cycles: int


def find_renode() -> tuple[Tool, tuple[int, ...]]:
    """Renode and its version, () if it does not say one. MissingToolError if there is no Renode."""
    tool = renode()
    return tool, tuple(int(part) for part in tool.version.split(".")[:2] if part)


def run_renode(
    scripts: RenodeScripts,
    *,
    max_cycles: int = 0,
    timeout_seconds: float = 600,
    on_output: Callable[[bytes], object] | None = None,
) -> Outcome:
    """Run Renode ($RENODE, else PATH) on the exported scripts.

    * max_cycles: stop after as much virtual time as that many cycles of the board's clock take; 0: never.
    * timeout_seconds: stop after so much real time.
    * on_output: gets the UART's bytes as they come.

    A program that is stopped has the fault "time_out", and its output so far. ResultError: a script failed or Renode died.
    """
    tool, version = find_renode()
    likely = dialect_of(version)
    feed = on_output or (lambda data: None)
    with _alone(scripts.folder):
        limits = _Limits(timeout_seconds, time.monotonic() + timeout_seconds, max_cycles)
        try:
            return _run(tool, scripts, likely, limits, feed)
        except ResultError as error:
            if not any(text in str(error.details.get("log", "")) for text in _OTHER_DIALECT):
                raise
            (other,) = (dialect for dialect in DIALECTS if dialect is not likely)
            try:
                return _run(tool, scripts, other, limits, feed)
            except ResultError:
                raise error from None


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: two runs of the same program write the same files, so the second one waits."""
    with (folder / ".lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                interrupts.check()
                time.sleep(_POLL_SECONDS)
        yield


def _run(
    tool: Tool, scripts: RenodeScripts, dialect: Dialect, limits: _Limits, feed: Callable[[bytes], object]
) -> Outcome:
    # What passes between Renode and us is no result: only the UART's file and the log are kept.
    messages = (scripts.exit_file, scripts.status_file, scripts.state_file)
    for old in (scripts.uart_log, *messages):
        old.unlink(missing_ok=True)
    script = scripts.limited(dialect, limits.max_cycles) if limits.max_cycles else scripts.run(dialect)
    words = [*tool.argv, "--disable-xwt", "--console", "--plain", "-e", f"include {monitor_path(script)}"]
    environment = {
        **os.environ,
        "CFUKIT_RENODE_STATUS": str(scripts.status_file),
        "CFUKIT_RENODE_HOLD": "1",
    }
    try:
        # stdin stays open, because Renode's console ends with it.
        with process.started(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=scripts.folder,
            env=environment,
        ) as child:
            watched = _Watched(child, scripts, scripts.folder / f"renode_{dialect.suffix}.log", feed)
            with contextlib.closing(watched):
                return watched.outcome(limits)
    finally:
        for message in messages:
            message.unlink(missing_ok=True)


class _Watched:
    """A Renode that runs a program."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        scripts: RenodeScripts,
        log: Path,
        feed: Callable[[bytes], object],
    ):
        assert child.stdout is not None
        self._child, self._scripts, self._feed = child, scripts, feed
        self._log = Log(child.stdout, log)
        self._uart = UartFile(scripts.uart_log)
        self._decoder = wire.Decoder()
        self._output = bytearray()
        self._exit_code: int | None = None

    def close(self) -> None:
        self._uart.close()
        self._log.close()

    def outcome(self, limits: _Limits) -> Outcome:
        """Wait for the end, whatever it is."""
        scripts = self._scripts
        while True:
            # Look for what may end the run before reading the output, so that the output is complete up to there.
            ended = self._child.poll() is not None
            late = time.monotonic() > limits.end
            complaint, exit_value = _line(scripts.status_file), _line(scripts.exit_file)
            state = read_state(scripts.state_file)
            self._log.read(ended=ended)
            self._take_output()
            if complaint is not None:
                return Outcome(output=bytes(self._output), exit_code=None, fault=cfu_fault(complaint))
            if self._exit_code is None and exit_value is not None:  # a program without records
                code = int(exit_value)
                self._exit_code = code - (1 << 32 if code >> 31 else 0)
            if self._exit_code is not None:
                return Outcome(output=bytes(self._output), exit_code=self._exit_code)
            if self._log.abort is not None or self._log.flooded:
                state = state or self._ask_state()
                fault = stopped_fault(scripts.elf, scripts.memories, state, self._log)
                return Outcome(output=bytes(self._output), exit_code=None, fault=fault)
            if ended or self._log.script_error:
                raise self._failure()
            if state is not None or late:
                cycles = f"{limits.max_cycles:,} cycles of virtual time"
                after = cycles if state is not None else f"{limits.seconds:.0f} s"
                state = state or self._ask_state(pause=True)
                fault = time_out_fault(scripts.elf, scripts.memories, state, after)
                return Outcome(output=bytes(self._output), exit_code=None, fault=fault)
            time.sleep(_POLL_SECONDS)

    def _take_output(self) -> None:
        if not (fresh := self._uart.read()):
            return
        self._output += fresh
        self._feed(fresh)
        for event in self._decoder.feed(fresh):
            if isinstance(event, wire.Frame) and event.type in (wire.Type.EXITED, wire.Type.FAULT):
                answer = wire.parse(event)
                self._exit_code = answer.code if isinstance(answer, wire.Exited) else 255

    def _ask_state(self, *, pause: bool = False) -> State:
        """Let the monitor tell where the processor is; an unknown place if it does not.

        pause: stop the processor first, which has all its registers at hand only then.
        """
        assert self._child.stdin is not None
        commands = ["pause"] if pause else []
        commands.append(f"include {monitor_path(self._scripts.state_script)}")
        with contextlib.suppress(OSError):
            self._child.stdin.write("".join(f"{command}\n" for command in commands).encode())
            self._child.stdin.flush()
            end = time.monotonic() + STATE_SECONDS
            while time.monotonic() < end and self._child.poll() is None:
                if state := read_state(self._scripts.state_file):
                    return state
                self._log.drain()
                time.sleep(_POLL_SECONDS)
        return State()

    def _failure(self) -> ResultError:
        log = self._log
        if log.script_error:
            given, telling = "a script failed", log.script_error
        else:
            given = f"ended with code {self._child.returncode} before the program did"
            telling = log.last[-1] if log.last else ""
        said = f": {telling}" if telling else ""
        return ResultError(
            "engine renode", f"{given}{said}", hint=f"its log is {log.path}", log="\n".join(log.last)
        )


def _line(file: Path) -> str | None:
    """The first line of a file once it is whole; None before."""
    with contextlib.suppress(FileNotFoundError):
        text = file.read_text()
        return text.partition("\n")[0] if text.endswith("\n") else None
    return None
