"""Engine board: programs go over the serial line into a board's memories, start there, and answer as in a simulation.

On the board runs the boot loader (sw/src/boot) until it starts a program, and again when that has ended. What the program says by itself
it also writes to a log in memory, which is fetched at its end: so nothing that a run reports depends on a byte that came only once.
"""

from __future__ import annotations

import contextlib
import random
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

from cfukit_base import progress
from cfukit_base.artefacts import Outcome, Soc
from cfukit_base.errors import ResultError
from cfukit_base.protocol import wire
from cfukit_tools.engines.board.diagnosis import diagnose
from cfukit_tools.engines.board.image import LOG_OFFSET, BoardImage, board_image
from cfukit_tools.engines.board.line import Line, Port, RefusedError, SilentError

BLOCK_BYTES = 4096  # compared by its checksum before it is sent, checked after
HELLO_SECONDS = 3.0
BABBLE_SECONDS = 15.0  # something comes all the time, but no answer: many tries on a bad line
LONG_SECONDS = 900.0  # an inference: silent all the time
_POLL_SECONDS = 0.25
_CHECKS = 3  # uploads of a block that does not keep what was written


@dataclass(frozen=True)
class Expected:
    """The system that should be there: name of the board, digest of its build inputs, soc.json."""

    board: str
    digest: bytes
    soc: Soc


class Board:
    """A board behind a serial port. Not for several threads."""

    def __init__(self, port: Port, expected: Expected):
        self.line = Line(port)
        self.expected = expected
        self.checked = False  # whether it is the right system

    def loader(self) -> wire.BootIs:
        """What the boot loader says; a firmware that waits for requests is ended first."""
        answer = self._hello()
        if isinstance(answer, wire.HelloIs):
            self._ask(wire.Type.EXIT, bytes(4), wire.Type.EXITED, refused_is_fine=True)
            answer = self._hello()
        if not isinstance(answer, wire.BootIs):
            raise ResultError(
                self.line.port.name,
                "a firmware answers that does not go back to the boot loader",
                hint="press the board's reset button",
            )
        if not self.checked:
            self._check(answer)
            self.checked = True
        return answer

    def _hello(self) -> wire.Answer:
        try:
            frame = self.line.ask(
                wire.Type.HELLO,
                b"",
                wire.Type.BOOT_IS,
                wire.Type.HELLO_IS,
                silent_seconds=HELLO_SECONDS,
                within_seconds=BABBLE_SECONDS,
            )
        except SilentError:
            raise diagnose(self.line.port, self.line.heard) from None
        return wire.parse(frame)

    def _check(self, boot: wire.BootIs) -> None:
        if boot.protocol != wire.PROTOCOL:
            raise ResultError(
                self.line.port.name,
                f"its boot loader speaks protocol {boot.protocol}",
                allowed=f"this cfukit speaks {wire.PROTOCOL}",
                hint="build and load the bitstream again: cfukit bitstream, cfukit load",
            )
        if boot.digest != self.expected.digest:
            raise ResultError(
                self.line.port.name,
                f"another bitstream: board '{boot.board}', built from {boot.digest.hex()}",
                allowed=f"this project needs board '{self.expected.board}', built from {self.expected.digest.hex()}",
                hint="cfukit bitstream, then cfukit load",
            )

    def _ask(self, type_: int, payload: bytes, *answers: int, refused_is_fine: bool = False) -> None:
        try:
            self.line.ask(type_, payload, *answers)
        except RefusedError:
            if not refused_is_fine:
                raise

    def upload(self, image: BoardImage, fresh: bool) -> int:
        """Write what is not there yet, block by block, every block checked; how many bytes were sent.

        fresh: nothing is there, so do not ask.
        """
        done = sent = 0
        for start, data in image.pieces:
            for at in range(0, len(data), BLOCK_BYTES):
                block, address = data[at : at + BLOCK_BYTES], start + at
                for _ in range(_CHECKS):
                    if not fresh and self._sum(address, len(block)) == zlib.crc32(block):
                        break
                    self.line.send(
                        wire.Type.POKE,
                        address,
                        block,
                        lambda count, before=done: progress.advance(
                            before + count, image.bytes, self._note()
                        ),  # type: ignore[misc]
                    )
                    sent += len(block)
                    if self._sum(address, len(block)) == zlib.crc32(block):
                        break
                else:
                    raise ResultError(
                        f"memory at {address:#010x}",
                        "does not keep what is written to it",
                        hint="is it the right bitstream, and does it meet timing?",
                    )
                done += len(block)
                progress.advance(done, image.bytes, self._note())
        return sent

    def _note(self) -> str:
        said = self.line.statistics
        return f"{said.repeated} repeated" if said.repeated else ""

    def _sum(self, address: int, count: int) -> int:
        payload = address.to_bytes(4, "little") + count.to_bytes(4, "little")
        answer = wire.parse(self.line.ask(wire.Type.SUM, payload, wire.Type.SUM_IS))
        assert isinstance(answer, wire.SumIs)
        if (answer.address, answer.count) != (address, count):
            raise wire.WireError(self.line.port.name, "SUM_IS of another place than was asked for")
        return answer.crc

    def load(self, elf: Path, stdin: bytes | None) -> BoardImage:
        """Upload a program; it is not started."""
        boot = self.loader()
        image = board_image(elf, self.expected.soc, boot, stdin)
        with progress.stage(f"loading {image.bytes:,} bytes over {self.line.port.name}"):
            self.upload(image, fresh=boot.number == 0)
        return image

    def start(self, image: BoardImage) -> int:
        """Start it, once whatever gets lost; the number of this start."""
        number = random.randrange(1, 1 << 32)
        self._start(number, image)
        return number

    def _start(self, number: int, image: BoardImage) -> None:
        """START is no news to a loader that has seen its number. A program that runs already does not listen, or refuses."""
        payload = image.entry.to_bytes(4, "little") + number.to_bytes(4, "little")
        with contextlib.suppress(SilentError):
            try:
                self.line.ask(wire.Type.START, payload, wire.Type.OK, tries=4)
            except RefusedError as refusal:
                if refusal.code != wire.ErrorCode.UNKNOWN_TYPE:
                    raise

    def ended(self, number: int, image: BoardImage) -> wire.BootIs | None:
        """The loader's word about the program `number`, if it has taken over again; starts the program if it never was."""
        try:
            answer = wire.parse(
                self.line.ask(wire.Type.HELLO, b"", wire.Type.BOOT_IS, wire.Type.HELLO_IS, tries=2)
            )
        except SilentError:
            return None
        if not isinstance(answer, wire.BootIs):
            return None
        if answer.number != number:
            self._start(number, image)
            return None
        return answer if answer.ended else None

    def log(self, image: BoardImage) -> bytes:
        """What the program said by itself: text, regions, its end."""
        end = int.from_bytes(self.line.fetch(wire.Type.PEEK, image.host + LOG_OFFSET, 4), "little")
        begin, last = image.log
        if not begin <= end <= last:
            raise ResultError(self.line.port.name, "the program has destroyed the log of what it said")
        if end == last:
            raise ResultError(
                self.line.port.name, f"the program said more than the {last - begin:,} bytes that are kept"
            )
        return self.line.fetch(wire.Type.PEEK, begin, end - begin)

    def run(self, elf: Path, stdin: bytes, *, seconds: float) -> Outcome:
        """A program to its end; stdin is what getchar reads. ResultError after `seconds` without an end."""
        image = self.load(elf, stdin)
        number = self.start(image)
        limit = time.monotonic() + seconds
        with progress.stage(f"running {elf.name} on board {self.expected.board}"):
            while (boot := self.ended(number, image)) is None:
                if time.monotonic() > limit:
                    raise ResultError(
                        self.line.port.name,
                        f"the program has not ended after {seconds:g} s",
                        hint="press the board's reset button; an endless loop, or it has overwritten the boot loader",
                    )
                time.sleep(_POLL_SECONDS)
            return Outcome(output=self.log(image), exit_code=boot.code, cycles=boot.cycles)

    def serve(self, elf: Path, script: bytes) -> Outcome:
        """A model's firmware, and the requests of `script` one after the other, each with its answer."""
        image = self.load(elf, None)
        number = self.start(image)
        self._wait_for_server(number, image)
        output = bytearray()
        _, requests, _ = wire.split(script)
        for done, request in enumerate(requests):
            try:
                output += self._serve(request)
            except (RefusedError, SilentError) as failure:
                boot = self._after_failure(number, image)
                if boot is None:
                    raise failure
                break
            progress.advance(done + 1, len(requests), self._note())
            if request.type == wire.Type.EXIT:
                boot = self._after_failure(number, image)
                break
        if boot is None:
            raise ResultError(
                self.line.port.name, "the firmware has not gone back to the boot loader", hint="press reset"
            )
        return Outcome(output=bytes(output) + self.log(image), exit_code=boot.code, cycles=boot.cycles)

    def _wait_for_server(self, number: int, image: BoardImage) -> None:
        """Until the firmware answers, or has ended (the first request will show how)."""
        limit = time.monotonic() + HELLO_SECONDS
        while True:
            answer = self._hello()
            if isinstance(answer, wire.HelloIs) or (
                isinstance(answer, wire.BootIs) and answer.number == number and answer.ended
            ):
                return
            if time.monotonic() > limit:
                raise ResultError(self.line.port.name, "the firmware does not start")
            self._start(number, image)

    def _after_failure(self, number: int, image: BoardImage) -> wire.BootIs | None:
        for _ in range(20):
            boot = self.ended(number, image)
            if boot is not None:
                return boot
        return None

    def _serve(self, request: wire.Frame) -> bytes:
        """One request of a script, moved in pieces as small as the line needs; its answer as the script expects it."""
        first, payload = int.from_bytes(request.payload[:4], "little"), request.payload
        if request.type == wire.Type.WRITE:
            self.line.send(request.type, first, payload[4:])
            return wire.encode(wire.Type.OK, request.seq)
        if request.type == wire.Type.READ:
            data = self.line.fetch(request.type, first, int.from_bytes(payload[4:], "little"))
            return wire.encode(wire.Type.DATA, request.seq, payload[:4] + data)
        if request.type == wire.Type.EXIT:
            # The end is in the log. An answer that was lost leaves the loader, which refuses the repetition.
            self._ask(request.type, payload, wire.Type.EXITED, refused_is_fine=True)
            return b""
        answers = {
            wire.Type.HELLO: (wire.Type.HELLO_IS,),
            wire.Type.RUN: (wire.Type.DONE, wire.Type.PAUSED),
            wire.Type.STEP: (wire.Type.DONE, wire.Type.PAUSED),
            wire.Type.LOAD: (wire.Type.OK,),
        }[wire.Type(request.type)]
        if request.type == wire.Type.HELLO:
            frame = self.line.ask(request.type, payload, *answers, wire.Type.BOOT_IS)
            if frame.type == wire.Type.BOOT_IS:
                raise RefusedError(self.line.port.name, request.type, wire.ErrorCode.UNKNOWN_TYPE)
        else:
            frame = self.line.ask(request.type, payload, *answers, silent_seconds=LONG_SECONDS)
        return wire.encode(frame.type, request.seq, frame.payload)
