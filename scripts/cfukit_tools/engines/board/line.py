"""Requests over a serial line that loses, doubles and changes bytes: each is repeated until its own answer has come whole.

Nothing but a frame with a right CRC and the number of the request is believed. A request that moves data is cut into smaller pieces
while the line is bad: of 256 bytes hardly any frame arrives where one byte in a hundred is wrong.
"""

from __future__ import annotations

import itertools
import math
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cfukit_base.errors import ResultError
from cfukit_base.protocol import wire

SILENT_SECONDS = 5.0  # without a byte: nobody is there
_FIRST_WAIT_SECONDS, _SHORTEST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.3, 0.05, 5.0
_QUIET_SECONDS = 0.03  # after something damaged: what is still on its way has arrived
_MOST_TRIES = 2000
_LEAST_PIECE = 16
_HEARD_BYTES = 4096
_TRUST_AFTER = 4  # pieces without a failure before larger ones are tried


class Port(Protocol):
    """What a line needs of a serial port."""

    name: str
    baud: int
    silent_since: float

    def write(self, data: bytes) -> None: ...
    def read(self, seconds: float) -> bytes: ...


class SilentError(ResultError):
    """Nobody answers."""

    kind = "silent"


class RefusedError(ResultError):
    """The device understood and refuses."""

    kind = "refused"

    def __init__(self, where: str, request: int, code: int):
        named = wire.ErrorCode(code).name if code in set(wire.ErrorCode) else str(code)
        super().__init__(where, f"{wire.Type(request).name} was refused: {named}")
        self.code = code


@dataclass
class Statistics:
    """requests: answered; repeated: sent again; damaged: segments that came broken."""

    requests: int = 0
    repeated: int = 0
    damaged: int = 0


class Line:
    """One request at a time. `on_text` gets what the device says that is no frame, as it comes (it may be damaged)."""

    def __init__(self, port: Port, on_text: Callable[[bytes], object] = lambda text: None):
        self.port = port
        self.on_text = on_text
        self.statistics = Statistics()
        self.heard = b""  # the last bytes since an answer, for whoever wonders why none comes
        self.piece = wire.DEFAULT_MAX_PAYLOAD
        self._good = 0
        self._usual_wait = _FIRST_WAIT_SECONDS  # several times what answers took lately
        self._decoder = wire.Decoder()
        self._numbers = itertools.cycle(range(1, 256))  # 0 is for what nobody asked

    def ask(
        self,
        type_: int,
        payload: bytes,
        *answers: int,
        silent_seconds: float = SILENT_SECONDS,
        within_seconds: float = math.inf,
        tries: int = 0,
    ) -> wire.Frame:
        """The answer (one of the types `answers`), or RefusedError, or SilentError after so long without a byte.

        within_seconds, tries (0: any number): give up as SilentError even if something else comes all the time.
        """
        seq, wait, begin = next(self._numbers), self._wait(len(payload)), time.monotonic()
        for count in range(1, (tries or _MOST_TRIES) + 1):
            self.statistics.repeated += count > 1
            answer = self._attempt(wire.encode(type_, seq, payload), seq, answers, wait)
            if isinstance(answer, wire.Frame):
                return self._checked(answer, type_)
            if not answer:
                wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
            self._check_silence(begin, silent_seconds)
            if time.monotonic() - begin > within_seconds:
                raise SilentError(self.port.name, f"no answer within {within_seconds:g} s")
        if tries:
            raise SilentError(self.port.name, "no answer")
        raise ResultError(
            self.port.name, f"{_MOST_TRIES} tries and no whole answer", hint="a shorter cable, a lower --baud"
        )

    def send(
        self, type_: int, address: int, data: bytes, progress: Callable[[int], object] = lambda n: None
    ) -> None:
        """`data` with as many WRITE or POKE as it takes. progress: called with bytes done."""
        self._pieces(
            len(data),
            lambda at, size: (type_, struct.pack("<I", address + at) + data[at : at + size], wire.Type.OK),
            lambda at, size, frame: progress(at + size),
        )

    def fetch(self, type_: int, address: int, count: int) -> bytes:
        """`count` bytes with as many READ or PEEK as it takes."""
        total = bytearray()

        def take(at: int, size: int, frame: wire.Frame) -> None:
            if struct.unpack_from("<I", frame.payload)[0] != address + at or len(frame.payload) != 4 + size:
                raise wire.WireError(self.port.name, "DATA of another place than was asked for")
            total.extend(frame.payload[4:])

        self._pieces(
            count, lambda at, size: (type_, struct.pack("<II", address + at, size), wire.Type.DATA), take
        )
        return bytes(total)

    def _pieces(
        self,
        total: int,
        request: Callable[[int, int], tuple[int, bytes, int]],
        take: Callable[[int, int, wire.Frame], object],
    ) -> None:
        at, begin, failed = 0, time.monotonic(), 0
        while at < total:
            size = min(self.piece, total - at)
            type_, payload, kind = request(at, size)
            seq = next(self._numbers)
            wait = min(self._wait(size) * (1 << min(failed, 5)), _LONGEST_WAIT_SECONDS)
            answer = self._attempt(wire.encode(type_, seq, payload), seq, (kind,), wait)
            if isinstance(answer, wire.Frame):
                self._good += 1
                if self._good >= _TRUST_AFTER and self.piece < wire.DEFAULT_MAX_PAYLOAD:
                    self.piece, self._good = self.piece * 2, 0
                take(at, size, self._checked(answer, type_))
                at, failed = at + size, 0
                continue
            self.statistics.repeated += 1
            self.piece, self._good = max(self.piece // 2, _LEAST_PIECE), 0
            failed = 0 if answer else failed + 1
            self._check_silence(begin, SILENT_SECONDS)

    def _wait(self, payload_bytes: int) -> float:
        """Seconds for a request and an answer as long, and for the device to think."""
        return self._usual_wait + 3 * (payload_bytes + 32) * 10 / self.port.baud

    def _attempt(self, frame: bytes, seq: int, kinds: tuple[int, ...], wait: float) -> wire.Frame | bool:
        """Send once: the answer; True if something damaged came instead; False if nothing did."""
        self.port.write(frame)
        begin, damaged = time.monotonic(), False
        end = begin + wait
        while True:
            left = _QUIET_SECONDS if damaged else end - time.monotonic()
            data = self.port.read(left) if left > 0 else b""
            if not data:
                return damaged
            self.heard = (self.heard + data)[-_HEARD_BYTES:]
            for event in self._decoder.feed(data):
                if isinstance(event, wire.Frame):
                    own = event.seq == seq and (event.type in kinds or event.type == wire.Type.ERROR)
                    if own and event.payload != bytes((wire.ErrorCode.DAMAGED,)):
                        self.statistics.requests += 1
                        self.heard = b""
                        self._learn(time.monotonic() - begin)
                        return event
                    damaged |= event.type == wire.Type.ERROR and event.seq == 0
                elif isinstance(event, bytes):
                    self.on_text(event)
                    damaged = True  # a frame's beginning may have become text; asking again costs little
                else:
                    damaged = True
                    self.statistics.damaged += 1
            if damaged and time.monotonic() > end + wait:  # it never gets quiet
                return True

    def _learn(self, took: float) -> None:
        """Answers come in half a millisecond or in twenty: do not wait for the slowest adapter there is."""
        usual = max(_SHORTEST_WAIT_SECONDS, min(8 * took, _FIRST_WAIT_SECONDS))
        self._usual_wait = max(usual, 0.9 * self._usual_wait + 0.1 * usual)

    def _checked(self, frame: wire.Frame, request: int) -> wire.Frame:
        if frame.type == wire.Type.ERROR:
            raise RefusedError(self.port.name, request, frame.payload[0])
        return frame

    def _check_silence(self, begin: float, seconds: float) -> None:
        silent = time.monotonic() - max(begin, self.port.silent_since)
        if silent > seconds:
            raise SilentError(self.port.name, f"no answer for {silent:.0f} s")
