"""A program's cycles as a file for KCachegrind and callgrind_annotate, in the Callgrind format of the Valgrind manual.

Each instruction has a line: its address, its source line, and its cycles: all of them, and those of each cause. Who called a function is
not known, so there are no calls, and every cost is a function's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cfukit_base.artefacts.causes import CAUSE_NAMES, Segment
from cfukit_base.dwarf import functions_of
from cfukit_base.symbols import locate

ALL = "cycles"
UNKNOWN = "???"  # how Callgrind itself names a function or a file that is not known


def callgrind(whole: Segment, elf: Path, command: str) -> str:
    """The text of the file. command: what ran, for people."""
    return "\n".join([*_header(whole, elf, command), *_body(whole, elf)]) + "\n"


def _header(whole: Segment, elf: Path, command: str) -> Iterator[str]:
    yield "# callgrind format"
    yield "version: 1"
    yield "creator: cfukit"
    yield f"cmd: {' '.join(command.split())}"
    yield "positions: instr line"
    # The names of events have letters and digits only.
    names = [name.replace("_", "") for name in CAUSE_NAMES]
    yield f"event: {ALL} : all cycles"
    for name, cause in zip(names, CAUSE_NAMES, strict=True):
        yield f"event: {name} : cycles of {cause}"
    yield f"events: {' '.join((ALL, *names))}"
    yield f"summary: {_costs(tuple(whole.causes.named().values()))}"
    yield ""
    yield f"ob={elf.resolve()}"


def _body(whole: Segment, elf: Path) -> Iterator[str]:
    own, names = functions_of(elf).own, _Names()
    by_function: dict[str, list[tuple[int, int, str, tuple[int, ...]]]] = {}
    for pc, counts in sorted(whole.by_pc.items()):
        at = locate(elf, pc)
        by_function.setdefault(at.function, []).append((pc, at.line, at.file, counts))
    for function, rows in by_function.items():
        # A function's file is where it is defined; code from other files is inlined in it.
        home = own[function].file if function in own else rows[0][2]
        here = home
        yield f"fl={names.of('fl', home)}"
        yield f"fn={names.of('fn', function)}"
        for pc, line, file, counts in rows:
            file = file or home
            if file != here:
                here = file
                yield f"{'fe' if file == home else 'fi'}={names.of('fl', file)}"
            yield f"0x{pc:x} {line} {_costs(counts)}"


def _costs(counts: tuple[int, ...]) -> str:
    return " ".join(map(str, (sum(counts), *counts)))


class _Names:
    """Names of files and functions, each in full once, then by its number."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}

    def of(self, kind: str, name: str) -> str:
        known = (kind, name) in self._numbers
        number = self._numbers.setdefault((kind, name), len(self._numbers) + 1)
        return f"({number})" if known else f"({number}) {name or UNKNOWN}"
