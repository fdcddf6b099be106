"""What the host sends: one function per request, and `Script` for many at once."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from cfukit_base.protocol.codes import DEFAULT_MAX_PAYLOAD, IN_ROOM, RunFlag, Type
from cfukit_base.protocol.slip import encode


def hello(seq: int) -> bytes:
    """HELLO: ask who is there. Begins a session."""
    return encode(Type.HELLO, seq)


def write(seq: int, offset: int, data: bytes) -> bytes:
    """WRITE: `data` (at most max_payload bytes) to the arena at `offset`."""
    return encode(Type.WRITE, seq, struct.pack("<I", offset) + data)


def read(seq: int, offset: int, count: int) -> bytes:
    """READ: `count` bytes (at most max_payload) of the arena at `offset`."""
    return encode(Type.READ, seq, struct.pack("<II", offset, count))


def run(seq: int, flags: RunFlag = RunFlag(0)) -> bytes:
    """RUN: one inference, or only its beginning with PAUSE."""
    return encode(Type.RUN, seq, bytes((flags,)))


def step(seq: int) -> bytes:
    """STEP: the next operator of a paused inference."""
    return encode(Type.STEP, seq)


def load(seq: int, header: bytes) -> bytes:
    """LOAD: run the model that was written to the room."""
    return encode(Type.LOAD, seq, header)


def exit_(seq: int, code: int = 0) -> bytes:
    """EXIT: answer and end the program."""
    return encode(Type.EXIT, seq, struct.pack("<i", code))


def poke(seq: int, address: int, data: bytes) -> bytes:
    """POKE, for the boot loader: `data` (at most max_payload bytes) to memory."""
    return encode(Type.POKE, seq, struct.pack("<I", address) + data)


def peek(seq: int, address: int, count: int) -> bytes:
    """PEEK, for the boot loader: `count` bytes (at most max_payload) of memory."""
    return encode(Type.PEEK, seq, struct.pack("<II", address, count))


def sum_(seq: int, address: int, count: int) -> bytes:
    """SUM, for the boot loader: the CRC of `count` bytes of memory."""
    return encode(Type.SUM, seq, struct.pack("<II", address, count))


def start(seq: int, address: int, number: int) -> bytes:
    """START, for the boot loader: run the program at `address`. Each `number` (not 0) starts it once."""
    return encode(Type.START, seq, struct.pack("<II", address, number))


@dataclass
class Script:
    """A sequence of requests for an engine that takes them all at once: `bytes(script)`.

    seq counts 1, 2, ... 255, 0, 1. There is one answer per request, in the same order.
    """

    max_payload: int = DEFAULT_MAX_PAYLOAD
    requests: list[bytes] = field(default_factory=list)

    def __bytes__(self) -> bytes:
        return b"".join(self.requests)

    @property
    def _seq(self) -> int:
        return (len(self.requests) + 1) & 0xFF

    def hello(self) -> None:
        self.requests.append(hello(self._seq))

    def write(self, offset: int, data: bytes) -> None:
        """Send `data` in as many WRITEs as it needs."""
        for start in range(0, len(data), self.max_payload):
            part = data[start : start + self.max_payload]
            self.requests.append(write(self._seq, offset + start, part))

    def load(self, header: bytes, blob: bytes) -> int:
        """Send a model of the loaded packaging, by WRITEs and a LOAD. Returns the number of requests."""
        before = len(self.requests)
        self.write(IN_ROOM, blob)
        self.requests.append(load(self._seq, header))
        return len(self.requests) - before

    def read(self, offset: int, count: int) -> None:
        """Ask for `count` bytes by as many READs as they need. `gather` joins the answers."""
        for start in range(0, count, self.max_payload):
            part = min(self.max_payload, count - start)
            self.requests.append(read(self._seq, offset + start, part))

    def run(self, *, reset: bool = False, pause: bool = False) -> None:
        flags = (RunFlag.RESET if reset else RunFlag(0)) | (RunFlag.PAUSE if pause else RunFlag(0))
        self.requests.append(run(self._seq, flags))

    def step(self) -> None:
        self.requests.append(step(self._seq))

    def exit(self, code: int = 0) -> None:
        self.requests.append(exit_(self._seq, code))
