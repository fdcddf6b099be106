"""The memories of a system as the page draws them, to scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cfukit_base.artefacts.report import MemoryView
from cfukit_base.artefacts.run import MemoryUse

NEARLY_EMPTY = 8  # a memory of which less than this part is in use has a second view


def views(memories: Sequence[MemoryUse]) -> Iterator[MemoryView]:
    """Each memory, and the begin of those that are nearly empty: the smallest power of two that holds everything."""
    for memory in memories:
        yield MemoryView(
            title=f"{memory.name}, {size(memory.bytes)}",
            base=memory.base,
            bytes=memory.bytes,
            spans=memory.spans,
        )
        used = max(
            (each.address + each.bytes for each in memory.spans if each.holds != "free"), default=memory.base
        )
        window = 1 << max(used - memory.base - 1, 0).bit_length()
        if memory.base < used and NEARLY_EMPTY * window <= memory.bytes:
            end = memory.base + window
            yield MemoryView(
                title=f"{memory.name}, first {size(window)}",
                base=memory.base,
                bytes=window,
                spans=tuple(
                    replace(each, bytes=min(each.bytes, end - each.address))
                    for each in memory.spans
                    if each.address < end
                ),
            )


def size(count: int) -> str:
    """Bytes for people, without loss."""
    for unit, power in (("MiB", 20), ("KiB", 10)):
        if count and count % (1 << power) == 0:
            return f"{count >> power} {unit}"
    return f"{count:,} bytes"
