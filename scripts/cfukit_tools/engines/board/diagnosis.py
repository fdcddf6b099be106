"""Why nobody answers on a serial port: a sentence that says what was seen and what to try."""

from __future__ import annotations

import contextlib
import time

from cfukit_base.errors import ResultError
from cfukit_base.protocol import wire
from cfukit_tools.engines.board.line import Line, Port, SilentError
from cfukit_tools.engines.board.port import BAUDS

_LISTEN_SECONDS = 1.0
_BAUD_SECONDS = 0.5
_BANNER = b"cfukit boot: "


def diagnose(port: Port, heard: bytes) -> SilentError:
    """The error to raise when HELLO was not answered and `heard` came instead; listens, asks again, and tries other rates."""
    heard += _listen(port)
    text, frames, damaged = wire.split(heard)
    if _BANNER in text:
        return _error(
            port,
            "its boot banner comes, but it does not hear us",
            "the wire from this machine's TX to the board's RX; or the board restarts all the time",
        )
    if b"litex>" in text or b"BIOS" in text:
        return _error(
            port,
            "LiteX's own BIOS answers, not cfukit's boot loader",
            "load cfukit's bitstream: cfukit bitstream, cfukit load",
        )
    found = _other_baud(port)
    if found:
        return _error(port, f"it answers at {found} baud, not at {port.baud}", f"--baud {found}")
    if frames:
        return _error(
            port,
            "a program talks, and does not go back to the boot loader",
            "press the board's reset button",
        )
    if not heard:
        return _error(
            port,
            f"not a byte comes at {port.baud} baud, nor at any other rate",
            "is it the board's port, is the board powered, is a bitstream loaded (cfukit load)? press its reset button "
            "and look for the boot banner with cfukit term",
        )
    printable = sum(32 <= byte < 127 or byte in b"\r\n\t" for byte in heard)
    if printable > 0.9 * len(heard):
        shown = (heard.decode(errors="replace").strip().splitlines() or [""])[-1][:60]
        return _error(
            port, f"another program talks: '{shown}'", "press the board's reset button; cfukit load"
        )
    said = f"{len(heard)} bytes come that are neither text nor a record ({damaged} damaged)"
    return _error(
        port, said, "a wrong --baud, a clock of the board that is not what it was built for, a loose ground"
    )


def _error(port: Port, given: str, hint: str) -> SilentError:
    return SilentError(port.name, f"no answer: {given}", hint=hint)


def _listen(port: Port) -> bytes:
    """What comes by itself, and after a line end and a HELLO."""
    heard, end = bytearray(), time.monotonic() + _LISTEN_SECONDS
    port.write(b"\n" + wire.hello(1))
    while (left := end - time.monotonic()) > 0:
        heard += port.read(left)
    return bytes(heard)


def _other_baud(port: Port) -> int:
    """The rate at which a HELLO is answered; 0 if at none. The port is left as it was."""
    before = port.baud
    try:
        for baud in BAUDS:
            if baud != before:
                with contextlib.suppress(SilentError, OSError, ValueError, ResultError):
                    port.baud = baud
                    answers = (wire.Type.BOOT_IS, wire.Type.HELLO_IS)
                    Line(port).ask(wire.Type.HELLO, b"", *answers, silent_seconds=_BAUD_SECONDS, tries=2)
                    return baud
    finally:
        port.baud = before
    return 0
