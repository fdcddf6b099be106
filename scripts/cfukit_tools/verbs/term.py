"""The verb term: a board's serial line in the terminal. Text goes through; records are shown as lines."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

from cfukit_base.artefacts import Term
from cfukit_base.artefacts.documents import TermHost
from cfukit_base.errors import UsageError
from cfukit_base.protocol import wire
from cfukit_tools.engines.board.port import SerialPort, find_port
from cfukit_tools.engines.catalogue import Line

QUIT = 0x1D  # Ctrl-]
AFTER_INPUT_SECONDS = 2.0  # of silence, when standard input was a file or pipe and has ended


def term(
    *,
    port: str = "",
    baud: int = 0,
    stdin: int | None = None,
    write: Callable[[bytes], object] | None = None,
    seconds: float = 0,
) -> Term:
    """Send keys to the port and write what comes back, until Ctrl-]; the document cfukit.term/1.

    * port, baud: as `engines.catalogue.Line`.
    * stdin: a file descriptor; None = standard input. If it is no terminal, its end does not end the verb until the line is silent.
    * write: called with what comes back.
    * seconds: at most; 0 = no limit.
    """
    show = write or (lambda data: None)
    handle = sys.stdin.fileno() if stdin is None else stdin
    name, rate = find_port(Line(port, baud))
    line = SerialPort(name, rate)
    sent = received = 0
    begin, ended = time.monotonic(), False
    decoder = wire.Decoder()
    try:
        with _raw(handle) as keyboard:
            if keyboard:
                show(f"{name} at {rate} baud; Ctrl-] ends\r\n".encode())
            while not seconds or time.monotonic() - begin < seconds:
                data = line.read(0.02)
                received += len(data)
                for event in decoder.feed(data):
                    show(_shown(event))
                keys = b"" if ended else _keys(handle)
                if keys is None:
                    if keyboard:
                        break
                    ended = True
                elif keyboard and QUIT in keys:
                    line.write(keys[: keys.index(QUIT)])
                    break
                elif keys:
                    line.write(keys)
                    sent += len(keys)
                if ended and time.monotonic() - max(begin, line.silent_since) > AFTER_INPUT_SECONDS:
                    break
    finally:
        line.close()
    return Term(ok=True, port=name, baud=rate, host=TermHost(sent_bytes=sent, received_bytes=received))


def _shown(event: bytes | wire.Frame | wire.Damaged) -> bytes:
    """An event for a person; text as it is."""
    if isinstance(event, bytes):
        return event
    if isinstance(event, wire.Damaged):
        return f"\r\n[{len(event.data)} bytes, damaged]\r\n".encode()
    with contextlib.suppress(wire.WireError):
        answer = wire.parse(event)
        match answer:
            case wire.Region():
                said = f"region {answer.name}: {answer.count} runs, {answer.cycles:,} cycles"
            case wire.Exited():
                said = f"exit code {answer.code}"
            case wire.Fault():
                said = f"fault: {answer}"
            case _:
                said = str(answer)
        return f"\r\n[{said}]\r\n".encode()
    return f"\r\n[record {event.type:#04x}, {len(event.payload)} bytes]\r\n".encode()


def _keys(handle: int) -> bytes | None:
    """What was typed since the last look; None at the end of the input."""
    import select

    ready, _, _ = select.select([handle], [], [], 0)
    if not ready:
        return b""
    try:
        return os.read(handle, 4096) or None
    except OSError as error:
        raise UsageError(
            "standard input", f"cannot be read: {error.strerror}", allowed="a terminal or a file"
        ) from None


@contextlib.contextmanager
def _raw(handle: int) -> Iterator[bool]:
    """Keys one by one and unseen; whether `handle` is a terminal at all."""
    if not os.isatty(handle):
        yield False
        return
    import termios
    import tty

    before = termios.tcgetattr(handle)
    try:
        tty.setraw(handle)
        yield True
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
