"""`run_renode`: Renode runs what `export_renode` wrote until the program ends; what the UART sent is the result.

Renode ends with code 0 whatever happens, and a CFU instruction that fails only leaves a line in its log. So nothing counts but what the
firmware itself sent: its last record, whose CRC is right, and no complaint of the CFU's library.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cfukit_base import process
from cfukit_base.errors import ResultError
from cfukit_base.protocol import wire
from cfukit_base.tools import Tool, renode
from cfukit_soc.renode.export import RenodeScripts, monitor_path
from cfukit_soc.renode.platform import DIALECTS, Dialect, dialect_of

_POLL_SECONDS = 0.02
# What Renode prints when a script or a .repl is wrong, or when it dies; it stays up after most of them.
_SCRIPT_ERROR = re.compile(
    r"There was an error executing command|^Error E\d+|^Unhandled exception|^Fatal error|Could not tokenize here"
    r"|No such command or device|Could not find file '|Failed to download",
    re.MULTILINE,
)
_CPU_ABORT = re.compile(r"CPU abort \[PC=(0x[0-9a-fA-F]+)\]")
# A class or property of another range of versions: a build between two releases calls itself the older one.
_OTHER_DIALECT = re.compile(r"Could not resolve type|txFifoCapacity")


@dataclass(frozen=True)
class RenodeResult:
    """output: the bytes of the UART; exit_code: None after a fault of the CFU or the processor, then `fault` says which."""

    output: bytes
    exit_code: int | None
    fault: dict[str, Any] | None


def find_renode() -> tuple[Tool, tuple[int, ...]]:
    """Renode and its version, () if it does not say; a MissingToolError where there is none."""
    tool = renode()
    return tool, tuple(int(part) for part in tool.version.split(".")[:2] if part)


def run_renode(scripts: RenodeScripts, *, timeout_seconds: float = 600) -> RenodeResult:
    """Run Renode ($RENODE, else PATH) on the exported scripts. ResultError: a script failed, Renode died, no end in time."""
    tool, version = find_renode()
    likely = dialect_of(version)
    end = time.monotonic() + timeout_seconds
    try:
        return _run(tool, scripts, likely, end)
    except ResultError as error:
        if not _OTHER_DIALECT.search(str(error.details.get("log", ""))):
            raise
        (other,) = (dialect for dialect in DIALECTS if dialect is not likely)
        try:
            return _run(tool, scripts, other, end)
        except ResultError:
            raise error from None


def _run(tool: Tool, scripts: RenodeScripts, dialect: Dialect, end: float) -> RenodeResult:
    folder = scripts.folder
    status = folder / "cfu_status.json"
    for old in (scripts.uart_log, scripts.exit_file, status):
        old.unlink(missing_ok=True)
    start = f"include {monitor_path(scripts.run(dialect))}"
    words = [*tool.argv, "--disable-xwt", "--console", "--plain", "-e", start]
    environment = {**os.environ, "CFUKIT_RENODE_STATUS": str(status)}
    log = folder / f"renode_{dialect.suffix}.log"
    with log.open("wb") as said:
        # stdin stays open: the console would end at its end.
        with process.started(
            words, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.STDOUT, cwd=folder, env=environment
        ) as child:
            return _watch(child, scripts, status, _Log(log), end)


class _Log:
    """What Renode says, read as it grows, since a program may make it say very much.

    last: its last lines; script_error, abort: the first line that is one, "" while there is none.
    """

    def __init__(self, path: Path):
        self.path = path
        self._file = path.open(errors="replace")
        self._rest = ""
        self.last: deque[str] = deque(maxlen=40)
        self.script_error = self.abort = ""

    def read(self, ended: bool) -> None:
        """Take the lines that are new."""
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        if ended:
            lines.append(self._rest)
        for line in filter(str.strip, lines):
            self.last.append(line)
            if not self.script_error and _SCRIPT_ERROR.search(line):
                self.script_error = line
            if not self.abort and _CPU_ABORT.search(line):
                self.abort = line

    def close(self) -> None:
        self._file.close()


def _watch(
    child: subprocess.Popen[bytes], scripts: RenodeScripts, status: Path, log: _Log, end: float
) -> RenodeResult:
    output, decoder = bytearray(), wire.Decoder()
    sent: IO[bytes] | None = None
    try:
        while True:
            ended = child.poll() is not None  # before the last look at what it left
            late = time.monotonic() > end
            log.read(ended)
            if sent is None and scripts.uart_log.is_file():
                sent = scripts.uart_log.open("rb")
            fresh = sent.read() if sent is not None else b""
            output += fresh
            exit_code = _exit_code(decoder.feed(fresh))
            if status.is_file() and (text := status.read_text()).endswith("\n"):
                return RenodeResult(bytes(output), None, _cfu_fault(json.loads(text.splitlines()[0])))
            if exit_code is not None:
                return RenodeResult(bytes(output), exit_code, None)
            if scripts.exit_file.is_file() and (text := scripts.exit_file.read_text()).endswith("\n"):
                # A program without records. What it sent before is in the file by now.
                output += sent.read() if sent is not None else b""
                code = int(text)
                return RenodeResult(bytes(output), code - (1 << 32 if code >> 31 else 0), None)
            if log.abort:
                return RenodeResult(bytes(output), None, _cpu_fault(log.abort))
            if ended or late or log.script_error:
                raise _failure(child, log, ended)
            time.sleep(_POLL_SECONDS)
    finally:
        log.close()
        if sent is not None:
            sent.close()


def _exit_code(events: list[bytes | wire.Frame | wire.Damaged]) -> int | None:
    """What the program's last record says; 255 after a trap."""
    for event in events:
        if isinstance(event, wire.Frame) and event.type in (wire.Type.EXITED, wire.Type.FAULT):
            answer = wire.parse(event)
            return answer.code if isinstance(answer, wire.Exited) else 255
    return None


def _cfu_fault(said: dict[str, Any]) -> dict[str, Any]:
    """The library's complaint as a fault of the other engines; Renode itself goes on with rd unchanged."""
    said = _nowhere() | said
    which = f"funct3={said['funct3']} funct7={said['funct7']}"
    operands = f"with operands {said['a']:#010x}, {said['b']:#010x}"
    if said["kind"] == "time_out":
        what = "never answered" if said["accepted"] else "never accepted"
        return said | {"kind": "cfu_hang", "message": f"the CFU {what} the instruction {which} {operands}"}
    if said["kind"] == "protocol":
        message = f"the CFU gave an answer that no instruction had asked for, at {which} {operands}"
        return said | {"kind": "cfu_protocol", "message": message}
    return said | {"kind": "cfu_stopped", "message": "the CFU's Verilog ended the simulation"}


def _nowhere() -> dict[str, Any]:
    """Renode goes on after a fault of the CFU: no place to name."""
    return {"pc": 0, "function": "", "file": "", "line": 0, "registers": []}


def _cpu_fault(line: str) -> dict[str, Any]:
    """Renode's processor stopped for good: it came to where no code can be."""
    found = _CPU_ABORT.search(line)
    assert found is not None
    pc = int(found[1], 16)
    message = f"instruction fetch from {pc:#010x}, where no code can be"
    return _nowhere() | {"kind": "fetch_fault", "pc": pc, "address": pc, "message": message}


def _failure(child: subprocess.Popen[bytes], log: _Log, ended: bool) -> ResultError:
    if ended:
        given = f"ended with code {child.returncode} before the program did"
    elif log.script_error:
        given = "a script failed"
    else:
        given = "the program did not end in time"
    telling = (
        log.script_error
        or next((line for line in log.last if "rror" in line), "")
        or "".join([*log.last][-1:])
    )
    said = f": {telling.strip()}" if telling else ""
    return ResultError(
        "engine renode", f"{given}{said}", hint=f"its log is {log.path}", log="\n".join(log.last)
    )
