"""What Renode leaves while it runs: the UART's file, which it creates anew, and its log, which may have no end."""

from __future__ import annotations

import os
import re
from collections import deque
from pathlib import Path
from typing import IO

FLOOD_BYTES = 1 << 20  # of Renode's log: more than any program that works makes it say
_CHUNK_BYTES = 1 << 16
_DRAINED_CHUNKS = 64  # at a time: a flood never ends
# What Renode prints when a script or a .repl is wrong, or when it dies; it stays up after most of them.
_SCRIPT_ERROR = re.compile(
    r"There was an error executing command|^Error E\d+|^Unhandled exception|^Fatal error|Could not tokenize here"
    r"|No such command or device|^No such file /|Could not find file '|Failed to download"
)
_ABORT = re.compile(r"CPU abort \[PC=(0x[0-9a-fA-F]+)\]")
_NOWHERE = re.compile(
    r"\[cpu0: (0x[0-9a-fA-F]+)[^]]*\].*?(Read|Write)\w+ (?:from|to) non existing peripheral at (0x[0-9a-fA-F]+)"
)


class UartFile:
    """The bytes in a file that another program writes, and deletes and creates anew before it does.

    Renode tries out whether it can create the file before it creates it in earnest, so a reader may open one that is gone
    a moment later.
    """

    def __init__(self, path: Path):
        self._path = path
        self._file: IO[bytes] | None = None

    def read(self) -> bytes:
        """The bytes that are new."""
        data = b""
        while True:
            data += self._file.read() if self._file is not None else b""
            if not self._follow():
                return data

    def _follow(self) -> bool:
        """Open the file that the path names now, if that is another one. The open one keeps its inode from being reused."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return False
        if self._file is not None and os.path.samestat(
            os.fstat(file.fileno()), os.fstat(self._file.fileno())
        ):
            file.close()
            return False
        self.close()
        self._file = file
        return True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Log:
    """What Renode says, from its pipe, copied to a file.

    Reading stops after FLOOD_BYTES. Renode then waits for its pipe, so that a program that makes it complain at every
    instruction fills no disk.

    * last: the last lines.
    * script_error: the first line that tells of a wrong script, "" if there is none.
    * abort: the address where the processor came to a stop; None as long as it has not.
    * nowhere: the first access to where nothing is: pc, "Read" or "Write", address.
    """

    def __init__(self, pipe: IO[bytes], path: Path):
        self.path = path
        self._pipe = pipe
        os.set_blocking(pipe.fileno(), False)
        self._copy = path.open("wb")
        self._rest = b""
        self._bytes = 0
        self.last: deque[str] = deque(maxlen=40)
        self.script_error = ""
        self.abort: int | None = None
        self.nowhere: tuple[int, str, int] | None = None

    @property
    def flooded(self) -> bool:
        """Whether Renode has said more than FLOOD_BYTES."""
        return self._bytes > FLOOD_BYTES

    def read(self, *, ended: bool) -> None:
        """Take what is new; ended: nothing will follow."""
        while not self.flooded and (chunk := self._chunk()):
            self._bytes += len(chunk)
            self._copy.write(chunk)
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                self._take(line)
        self._copy.flush()
        if ended:
            self._take(self._rest)

    def drain(self) -> None:
        """Throw away what is new, so that Renode does not wait for its pipe."""
        for _ in range(_DRAINED_CHUNKS):
            if not self._chunk():
                return

    def close(self) -> None:
        self._copy.close()

    def _chunk(self) -> bytes:
        try:
            return os.read(self._pipe.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return b""

    def _take(self, raw: bytes) -> None:
        line = raw.decode(errors="replace").strip()
        if not line:
            return
        self.last.append(line)
        if not self.script_error and _SCRIPT_ERROR.search(line):
            self.script_error = line
        if self.abort is None and (found := _ABORT.search(line)):
            self.abort = int(found[1], 16)
        if self.nowhere is None and (found := _NOWHERE.search(line)):
            self.nowhere = int(found[1], 16), found[2], int(found[3], 16)
