"""JSON as typed values, read in any thread."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")

_lock = threading.Lock()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoded(data: bytes | str, type: type[Value]) -> Value:
    """The value in the JSON text `data`. msgspec.DecodeError if it is not JSON, or has another type.

    msgspec looks into a type when it is first used, and keeps what it found. Two threads that do so at once can crash the process,
    so every type is looked into here, by one thread at a time.
    """
    with _lock:
        decoder = _decoders.get(type)
        if decoder is None:
            decoder = _decoders[type] = msgspec.json.Decoder(type)
    value: Value = decoder.decode(data)
    return value
