"""The layout of the parameter structs in memory. Members, offsets and sizes are read from cfukit_kernels.h itself."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

HEADER = Path(__file__).parent / "include" / "cfukit_kernels.h"
_POINTER_OR_WORD = re.compile(r"\s*(\**)(\w+)(?:\[(\d+)\])?")


@dataclass(frozen=True)
class Member:
    """A pointer, or `count` words (count 1: a plain one)."""

    name: str
    pointer: bool
    count: int
    array: bool

    def bytes(self, pointer_bytes: int) -> int:
        return pointer_bytes if self.pointer else 4 * self.count


@functools.cache
def structs() -> dict[str, tuple[Member, ...]]:
    """The members of every `struct NAME { ... };`. All are pointers or 32-bit integers, as a test checks."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)
    found = {}
    for name, body in re.findall(r"struct (\w+) \{(.*?)\n\};", text, flags=re.S):
        members = []
        for line in filter(None, (part.strip() for part in body.split(";"))):
            declared = re.match(r"(?:const )?(?:struct )?\w+\s+(.*)", line, flags=re.S)
            assert declared is not None
            for part in declared[1].split(","):
                match = _POINTER_OR_WORD.match(part)
                assert match is not None
                stars, member, count = match.groups()
                members.append(Member(member, bool(stars), int(count or 1), count is not None))
        found[name] = tuple(members)
    return found


def layout(name: str, pointer_bytes: int = 4) -> tuple[dict[str, tuple[Member, int]], int]:
    """({member: (what it is, offset)}, size) of `struct name`, as C compilers lay it out."""
    place, alignment = 0, 4
    members = {}
    for member in structs()[name]:
        wanted = pointer_bytes if member.pointer else 4
        alignment = max(alignment, wanted)
        place = -(-place // wanted) * wanted
        members[member.name] = (member, place)
        place += member.bytes(pointer_bytes)
    return members, -(-place // alignment) * alignment
