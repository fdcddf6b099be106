"""Frames and text in a byte stream: the lowest layer of the record protocol. cfukit_base.protocol.wire specifies it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

END, ESC, ESC_END, ESC_ESC, ESC_NOTHING = 0xC0, 0xDB, 0xDC, 0xDD, 0xDE
FRAME_FIRST, FRAME_LAST = 0x80, 0xBF


@dataclass(frozen=True)
class Frame:
    """A frame whose CRC was right."""

    type: int
    seq: int
    payload: bytes


@dataclass(frozen=True)
class Damaged:
    """A segment that began like a frame but is not one. data: as received."""

    data: bytes


def escape(data: bytes) -> bytes:
    """`data` as it is sent, without the END."""
    return data.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")


def encode(type_: int, seq: int, payload: bytes = b"") -> bytes:
    """One frame as it is sent, with both ENDs."""
    body = bytes((type_, seq & 0xFF)) + payload
    return b"\xc0" + escape(body + zlib.crc32(body).to_bytes(4, "little")) + b"\xc0"


def encode_text(text: bytes) -> bytes:
    """A segment of text, with its END."""
    mark = b"\xdb\xde" if text and FRAME_FIRST <= text[0] <= FRAME_LAST else b""
    return mark + escape(text) + b"\xc0"


def encode_stdin(data: bytes) -> bytes:
    """Standard input of a program that is not a server: it reads `data`, then end of file."""
    return encode_text(data)


class Decoder:
    """Splits a stream, fed in pieces of any size, into text (bytes), Frame and Damaged, in order.

    Text comes out as soon as it arrives, a frame when its END arrives. `damaged` counts the damaged segments.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._segment = bytearray()  # an unfinished frame as sent, or an unfinished escape in text
        self._in_text = False

    def feed(self, data: bytes) -> list[bytes | Frame | Damaged]:
        """Everything that `data` completes."""
        events: list[bytes | Frame | Damaged] = []
        pieces = data.split(b"\xc0")
        for number, piece in enumerate(pieces):
            self._segment += piece
            self._take(events, last=number < len(pieces) - 1)
        return events

    def close(self) -> list[bytes | Frame | Damaged]:
        """The stream has ended: what was left unfinished."""
        events: list[bytes | Frame | Damaged] = []
        self._take(events, last=True)
        return events

    def _take(self, events: list[bytes | Frame | Damaged], last: bool) -> None:
        raw = self._segment
        if raw and not self._in_text:
            self._in_text = not FRAME_FIRST <= raw[0] <= FRAME_LAST
        if self._in_text:
            held = bytearray()
            if not last and raw and raw[-1] == ESC and not _is_escaped(raw):
                held.append(raw.pop())
            text = _unescape(bytes(raw), strict=False)
            if text:
                events.append(text)
            self._segment = held
        elif last and raw:
            frame = _frame(bytes(raw))
            self.damaged += isinstance(frame, Damaged)
            events.append(frame)
            self._segment = bytearray()
        if last:
            self._in_text = False


def split(stream: bytes) -> tuple[bytes, list[Frame], int]:
    """A whole stream as (text, frames, number of damaged segments)."""
    decoder = Decoder()
    events = [*decoder.feed(stream), *decoder.close()]
    text = b"".join(event for event in events if isinstance(event, bytes))
    return text, [event for event in events if isinstance(event, Frame)], decoder.damaged


def _is_escaped(raw: bytearray) -> bool:
    """Whether the last byte, an ESC, is itself the second byte of a (wrong) escape."""
    run = len(raw) - len(raw.rstrip(b"\xdb"))
    return run % 2 == 0


_ESCAPED = {ESC_END: b"\xc0", ESC_ESC: b"\xdb", ESC_NOTHING: b""}


def _unescape(raw: bytes, strict: bool) -> bytes:
    """`raw` without escapes. A wrong escape is kept as it is; with `strict` it is a ValueError."""
    if ESC not in raw:
        return raw
    out = bytearray()
    position = 0
    while (found := raw.find(ESC, position)) >= 0:
        out += raw[position:found]
        second = raw[found + 1 : found + 2]
        plain = _ESCAPED.get(second[0]) if second else None
        if plain is None:
            if strict:
                raise ValueError("wrong escape")
            plain = raw[found : found + 2]
        out += plain
        position = found + 2
    return bytes(out + raw[position:])


def _frame(raw: bytes) -> Frame | Damaged:
    try:
        body = _unescape(raw, strict=True)
    except ValueError:
        return Damaged(raw)
    if len(body) < 6 or zlib.crc32(body[:-4]) != int.from_bytes(body[-4:], "little"):
        return Damaged(raw)
    return Frame(body[0], body[1], body[2:-4])
