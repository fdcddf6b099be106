"""gdb's remote serial protocol from the other side, and a fast simulator that waits for it."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfukit_base.artefacts import Soc
from cfukit_soc.fast.build import build_fast_simulator
from cfukit_soc.fast.parameters import parameters

PC, CYCLES, INSTRUCTIONS = 32, 33, 34
ILL, TRAP, BUS, INT = 4, 5, 10, 2  # numbers of gdb's protocol, not of this system


@dataclass(frozen=True)
class State:
    """Registers x0 to x31, pc, and how far the run is."""

    x: tuple[int, ...]
    pc: int
    cycle: int
    instructions: int


class GdbClient:
    """One connection. A method per packet. heard: the acknowledgements that came, '+' and '-'."""

    def __init__(self, address: tuple[str, int], acknowledges: bool = False):
        self.socket = socket.create_connection(address, timeout=60)
        self._buffer, self.heard = b"", ""
        self._acknowledges = True
        if not acknowledges:
            assert self.ask("QStartNoAckMode") == "OK"
            self._acknowledges, self.heard = False, ""

    def close(self) -> None:
        self.socket.close()

    def send(self, text: str) -> None:
        data = text.encode("latin-1")
        self.socket.sendall(b"$%b#%02x" % (data, sum(data) & 255))

    def receive(self) -> str:
        """The next packet; EOFError at the end of the connection."""
        while b"#" not in self._buffer[:-2]:
            block = self.socket.recv(65536)
            if not block:
                raise EOFError
            self._buffer += block
        start, end = self._buffer.index(b"$"), self._buffer.index(b"#")
        self.heard += self._buffer[:start].decode()
        data, check = self._buffer[start + 1 : end], self._buffer[end + 1 : end + 3]
        self._buffer = self._buffer[end + 3 :]
        assert int(check, 16) == sum(data) & 255
        if self._acknowledges:
            self.socket.sendall(b"+")
        return data.decode("latin-1")

    def ask(self, text: str) -> str:
        self.send(text)
        return self.receive()

    def state(self) -> State:
        raw = bytes.fromhex(self.ask("g"))
        *x, pc, cycle, instructions = struct.unpack_from("<33IQQ", raw)
        return State(tuple(x), pc, cycle, instructions)

    def memory(self, address: int, size: int) -> bytes:
        return bytes.fromhex(self.ask(f"m{address:x},{size:x}"))

    def set_register(self, number: int, value: int) -> None:
        assert self.ask(f"P{number:x}={struct.pack('<I', value).hex()}") == "OK"

    def set_memory(self, address: int, data: bytes) -> None:
        assert self.ask(f"M{address:x},{len(data):x}:{data.hex()}") == "OK"

    def stop_at(self, address: int, kind: int = 0, size: int = 4) -> None:
        assert self.ask(f"Z{kind},{address:x},{size:x}") == "OK"

    def no_stop_at(self, address: int, kind: int = 0, size: int = 4) -> None:
        assert self.ask(f"z{kind},{address:x},{size:x}") == "OK"


@dataclass
class Run:
    """A simulator on a memory image: with trace and without a debugger, or with one."""

    soc_json: Path
    image: bytes
    folder: Path
    options: tuple[str, ...] = ("max_cycles=400000", "hang_cycles=20000")
    stdin: bytes = b""
    sanitized: bool = False

    def _words(self) -> list[str]:
        (self.folder / "image").write_bytes(self.image)
        (self.folder / "parameters").write_text(parameters(self.soc_json, Soc.read(self.soc_json)))
        (self.folder / "stdin").write_bytes(self.stdin)
        words = [str(build_fast_simulator(sanitized=self.sanitized)), *self.options]
        return words + [f"{name}={self.folder / name}" for name in ("parameters", "image", "result")]

    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "result").read_text())
        return found

    def alone(self) -> tuple[dict[str, Any], bytes, list[str]]:
        """Result, output, and the lines of the trace, which begin with a cycle."""
        trace = self.folder / "trace"
        words = [*self._words(), f"trace={trace}", "trace_cycles=1"]
        with (self.folder / "stdin").open("rb") as stdin:
            done = subprocess.run(words, stdin=stdin, capture_output=True, timeout=60, check=True)
        return self.result(), done.stdout, trace.read_text().splitlines()

    @contextlib.contextmanager
    def debugged(self, acknowledges: bool = False) -> Iterator[GdbClient]:
        """A client of the same run. After the block it has ended, and `output` is what it printed."""
        words = self._words()
        with socket.create_server(("127.0.0.1", 0)) as listener, (self.folder / "stdin").open("rb") as stdin:
            words.append(f"gdb={listener.fileno()}")
            pipe = subprocess.PIPE
            with subprocess.Popen(
                words, stdin=stdin, stdout=pipe, stderr=pipe, pass_fds=[listener.fileno()]
            ) as child:
                try:
                    client = GdbClient(listener.getsockname(), acknowledges)
                    with contextlib.closing(client):
                        yield client
                    self.output, errors = child.communicate(timeout=60)
                    assert child.returncode == 0, errors.decode()
                finally:
                    child.kill()
