"""The boot loader's protocol in Python behind a noisy line, for fast tests of the host's side."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable

from cfukit_base.protocol import wire
from support.pty_board import Noise


class BootModel:
    """A port with a loader at its other end.

    * memory: the loader's memory from address 0.
    * starts: the numbers of the programs that ran.
    """

    def __init__(self, noise: Noise | None = None, memory_bytes: int = 4096, digest: bytes = bytes(16)):
        self.name, self.baud, self.silent_since = "model", 115_200, time.monotonic()
        self.memory = bytearray(memory_bytes)
        self.digest = digest
        self.starts: list[int] = []
        self.wrong: Callable[[wire.Frame], bytes | None] = lambda frame: None
        self._noise = noise or Noise()
        self._decoder, self._waiting = wire.Decoder(), b""

    def write(self, data: bytes) -> None:
        for event in self._decoder.feed(self._noise(data)):
            if isinstance(event, wire.Frame):
                answer = self.wrong(event)
                self._send(self._answer(event) if answer is None else answer)
            elif isinstance(event, wire.Damaged):
                self._send(wire.encode(wire.Type.ERROR, 0, bytes((wire.ErrorCode.DAMAGED,))))

    def read(self, seconds: float) -> bytes:
        data, self._waiting = self._waiting, b""
        if data:
            self.silent_since = time.monotonic()
        return data

    def _send(self, data: bytes) -> None:
        self._waiting += self._noise(data)

    def _answer(self, frame: wire.Frame) -> bytes:
        seq, payload = frame.seq, frame.payload
        first = int.from_bytes(payload[:4], "little")
        second = int.from_bytes(payload[4:8], "little")
        match frame.type:
            case wire.Type.HELLO:
                number = self.starts[-1] if self.starts else 0
                numbers = struct.pack("<HHIIIIIiQ", 1, 256, 0x40, 0, 64, number, 1, 7, 1234)
                return wire.encode(wire.Type.BOOT_IS, seq, numbers + self.digest + b"sim")
            case wire.Type.POKE:
                self.memory[first : first + len(payload) - 4] = payload[4:]
                return wire.encode(wire.Type.OK, seq)
            case wire.Type.PEEK:
                return wire.encode(wire.Type.DATA, seq, payload[:4] + self.memory[first : first + second])
            case wire.Type.SUM:
                crc = zlib.crc32(self.memory[first : first + second])
                return wire.encode(wire.Type.SUM_IS, seq, payload + crc.to_bytes(4, "little"))
            case wire.Type.START:
                if second not in self.starts:
                    self.starts.append(second)
                return wire.encode(wire.Type.OK, seq)
        return wire.encode(wire.Type.ERROR, seq, bytes((wire.ErrorCode.UNKNOWN_TYPE,)))
