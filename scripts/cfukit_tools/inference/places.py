"""Where in a program the cycles went: by function, source line, instruction and CFU instruction."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cfukit_base.artefacts.causes import (
    CAUSE_NAMES,
    Causes,
    CfuUse,
    FunctionRun,
    InstructionRun,
    LineRun,
    OpFunction,
    Segment,
)
from cfukit_base.disassembly import disassemble
from cfukit_base.dwarf import Definition, functions_of
from cfukit_base.symbols import Location, code_words, functions, locate, symbol

HOT_SHARE = 0.005  # of all cycles: functions with less are not listed by instruction
_CUSTOM_0 = 0x0B
_ISSUE, _WAIT = CAUSE_NAMES.index("cfu_issue"), CAUSE_NAMES.index("cfu_wait")
_NONE = (0,) * len(CAUSE_NAMES)


@dataclass(frozen=True)
class Places:
    """What VariantRun says of a program's places; and for each part of the whole, its functions."""

    functions: tuple[FunctionRun, ...]
    lines: tuple[LineRun, ...]
    code: tuple[InstructionRun, ...]
    cfu: tuple[CfuUse, ...]
    in_parts: tuple[tuple[OpFunction, ...], ...]


@dataclass(frozen=True)
class _Place:
    """Of one instruction. copies: the functions whose inlined copies it belongs to, the innermost first."""

    function: str
    file: str
    line: int
    copies: tuple[Definition, ...]


def places(
    elf: Path,
    whole: Segment,
    cfu_names: Mapping[int, str],
    roots: Sequence[Path],
    parts: Sequence[Segment] = (),
) -> Places:
    """Join what was counted with the program.

    * roots: folders; files in them are named by their path from there.
    * parts: of the whole, such as its operators.
    """
    reader = _Reader(elf, roots)
    found = {pc: reader.place(pc) for pc in whole.by_pc}
    listed = _functions(whole, found, reader)
    wanted = HOT_SHARE * whole.causes.cycles
    hot = {one.name for one in listed if not one.inlined and one.cycles >= wanted}
    words = code_words(elf)
    return Places(
        functions=listed,
        lines=_lines(whole, found),
        code=_code(whole, reader, hot, words, cfu_names),
        cfu=_cfu(whole, words, cfu_names),
        in_parts=tuple(
            tuple(
                OpFunction(
                    name=one.name,
                    inlined=one.inlined,
                    cycles=one.cycles,
                    instructions=one.instructions,
                    causes={name: count for name, count in one.causes.named().items() if count},
                )
                for one in _functions(part, found, reader)
            )
            for part in parts
        ),
    )


class _Reader:
    """Places by address, with the names of files as they are shown."""

    def __init__(self, elf: Path, roots: Sequence[Path]):
        self.elf = elf
        self._roots = roots
        self._known = functions_of(elf)
        self._names: dict[str, str] = {}
        self._defined: dict[str, Definition] = {}

    def place(self, pc: int) -> _Place:
        at = locate(self.elf, pc)
        copies = tuple(self.shown(copy.function) for copy in self._known.copies_at(pc))
        # Code that the compiler made of several lines, or of none, has line 0 of the file of its function.
        file = self.short(at.file) or (copies[0] if copies else self.definition(at.function)).file
        return _Place(at.function, file, at.line, copies)

    def definition(self, name: str) -> Definition:
        """Of a function with code of its own. One from assembly begins where its label is."""
        if name not in self._defined:
            known = self._known.own.get(name)
            if known is None:
                at = locate(self.elf, symbol(self.elf, name)) if name else Location()
                known = Definition(name, at.file, at.line)
            self._defined[name] = self.shown(known)
        return self._defined[name]

    def shown(self, definition: Definition) -> Definition:
        return Definition(definition.name, self.short(definition.file), definition.line)

    def short(self, file: str) -> str:
        if file not in self._names:
            path = Path(file)
            root = next((root for root in self._roots if path.is_relative_to(root)), path.parent)
            self._names[file] = str(path.relative_to(root)) if file else ""
        return self._names[file]


def _functions(whole: Segment, found: Mapping[int, _Place], reader: _Reader) -> tuple[FunctionRun, ...]:
    rows: dict[tuple[Definition, bool], list[int]] = defaultdict(lambda: list(_NONE))
    for pc, counts in whole.by_pc.items():
        place = found[pc]
        keys = {(reader.definition(place.function), False), *((copy, True) for copy in place.copies)}
        for key in keys:
            _add(rows[key], counts)
    made = [
        FunctionRun(
            name=definition.name,
            file=definition.file,
            line=definition.line,
            inlined=inlined,
            cycles=sum(counts),
            instructions=counts[0],
            causes=Causes(**dict(zip(CAUSE_NAMES, counts, strict=True))),
        )
        for (definition, inlined), counts in rows.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.cycles, one.name, one.inlined, one.file)))


def _lines(whole: Segment, found: Mapping[int, _Place]) -> tuple[LineRun, ...]:
    rows: dict[tuple[str, int], list[int]] = defaultdict(lambda: list(_NONE))
    for pc, counts in whole.by_pc.items():
        _add(rows[found[pc].file, found[pc].line], counts)
    made = [
        LineRun(file=file, line=line, cycles=sum(row), instructions=row[0], causes=_named(row))
        for (file, line), row in rows.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.cycles, one.file, one.line)))


def _code(
    whole: Segment, reader: _Reader, hot: set[str], words: Mapping[int, int], cfu_names: Mapping[int, str]
) -> tuple[InstructionRun, ...]:
    """All instructions of the hot functions, those that never ran too."""
    made = []
    spans = [(begin, begin + size) for begin, size, name in functions(reader.elf) if name in hot]
    begins = [begin for begin, _ in spans]

    def is_hot(pc: int) -> bool:
        at = bisect.bisect_right(begins, pc) - 1
        return at >= 0 and pc < spans[at][1]

    for pc, word in words.items():
        counts = whole.by_pc.get(pc, _NONE)
        if not is_hot(pc) and not any(counts):
            continue
        place = reader.place(pc)
        if place.function in hot:
            made.append(
                InstructionRun(
                    pc=pc,
                    word=word,
                    text=disassemble(word, pc, cfu_names),
                    function=place.function,
                    file=place.file,
                    line=place.line,
                    inlined=tuple(copy.name for copy in place.copies),
                    executions=counts[0],
                    cycles=sum(counts),
                    causes=_named(counts),
                )
            )
    return tuple(made)


def _cfu(whole: Segment, words: Mapping[int, int], cfu_names: Mapping[int, str]) -> tuple[CfuUse, ...]:
    rows: dict[tuple[int, int], list[int]] = defaultdict(lambda: list(_NONE))
    for pc, counts in whole.by_pc.items():
        word = words.get(pc, 0)
        if word & 0x7F == _CUSTOM_0:
            _add(rows[word >> 12 & 7, word >> 25], counts)
    return tuple(
        CfuUse(
            instruction=cfu_names.get(funct3, f"cfu{funct3}"),
            mode=funct7,
            calls=counts[0],
            issue_cycles=counts[_ISSUE],
            wait_cycles=counts[_WAIT],
        )
        for (funct3, funct7), counts in sorted(rows.items())
    )


def _add(row: list[int], counts: Sequence[int]) -> None:
    for index, count in enumerate(counts):
        row[index] += count


def _named(counts: Sequence[int]) -> dict[str, int]:
    return {name: count for name, count in zip(CAUSE_NAMES, counts, strict=True) if count}
