"""$readmemh and $readmemb become assignments, so that a Verilog text needs no file beside it.

Simulators look for such a file in the folder they are started in, synthesis tools in others, and none says when it has changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cfukit.verilog_parser import MemoryRead
from cfukit.verilog_text import Source, code_only
from cfukit_base.errors import BuildError

_CALL = re.compile(r"\$readmem([hb])\s*\(")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_DIGITS = {"h": re.compile(r"[0-9a-fA-FxXzZ?_]+"), "b": re.compile(r"[01xXzZ?_]+")}
Find = Callable[[str, Path], tuple[Path, str] | None]


@dataclass(frozen=True)
class Call:
    """One call as it stands in the text, from `start` to its semicolon at `end`."""

    start: int
    end: int
    line: int
    column: int
    base: str
    arguments: tuple[str, ...]

    @property
    def literal(self) -> str:
        """The file's name where it is written out; else ""."""
        name = self.arguments[0]
        return name[1:-1] if re.fullmatch(r'"[^"\\]*"', name) else ""


def inline(source: Source, reads: Sequence[MemoryRead], find: Find) -> str:
    """The text with the contents of the files in place of the calls that read them.

    reads: the calls that the parser has found. find: path and text of a file by name, beside another.
    """
    text = source.text
    calls = list(_calls(text))
    made: list[tuple[Call, str]] = []
    left = set(reads)
    for call in calls:
        mine = [read for read in reads if read.line == call.line and _same(call, read, calls)]
        left -= set(mine)
        replacement = _replacement(source, call, mine, find)
        if replacement:
            made.append((call, replacement))
    for read in left:
        raise BuildError(
            source.place(read.line),
            f"a macro reads the memory file {read.file!r}",
            allowed="write the call out",
        )
    for call, replacement in reversed(made):
        text = text[: call.start] + replacement + text[call.end :]
    return text


def words(text: str, base: str, where: Path) -> Iterator[tuple[int | None, str]]:
    """(address or None for the next one, digits) of each word of a memory file."""
    address: int | None = None
    clean = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for number, line in enumerate(clean.split("\n"), 1):
        for word in line.split():
            if word.startswith("@") and _DIGITS["h"].fullmatch(word[1:]):
                address = int(word[1:], 16)
            elif _DIGITS[base].fullmatch(word):
                yield address, word
                address = None
            else:
                kind = "hexadecimal" if base == "h" else "binary"
                raise BuildError(f"{where}:{number}", f"{word!r} is no {kind} number")


def _calls(text: str) -> Iterator[Call]:
    code = code_only(text)
    for match in _CALL.finditer(code):
        depth, begin, arguments = 1, match.end(), []
        for at in range(match.end(), len(code)):
            depth += (code[at] in "([{") - (code[at] in ")]}")
            if depth == 0 or (depth == 1 and code[at] == ","):
                arguments.append(text[begin:at].strip())
                begin = at + 1
            if depth == 0:
                break
        end = re.compile(r"\s*;").match(code, begin)
        if depth or end is None or len(arguments) < 2:
            continue
        before = text[: match.start()]
        column = len(before.rpartition("\n")[2].encode()) + 1
        yield Call(match.start(), end.end(), before.count("\n") + 1, column, match[1], tuple(arguments))


def _same(call: Call, read: MemoryRead, calls: Sequence[Call]) -> bool:
    """Whether `read` is `call`; columns move where a macro stands before it in the line."""
    alone = sum(other.line == call.line for other in calls) == 1
    return alone or call.column == read.column


def _replacement(source: Source, call: Call, reads: Sequence[MemoryRead], find: Find) -> str:
    """Assignments for each file that the call reads in some instance; "" leaves the call as it is."""
    place = source.place(call.line)
    beside = source.lines[call.line - 1].file.parent
    if any(not read.file for read in reads):
        raise BuildError(place, "the name of a memory file is no constant", allowed="a string or a parameter")
    names = list(dict.fromkeys(read.file for read in reads))
    if not names and call.literal and find(call.literal, beside):
        names = [call.literal]  # in a branch that another tool may take
    branches = []
    for name in names:
        found = find(name, beside)
        if found is None:
            raise BuildError(
                place,
                f"the memory file {name!r} is not there",
                allowed="a path relative to the Verilog file or to the project",
            )
        ranges = {(read.low, read.high) for read in reads if read.file == name} or {(0, None)}
        body = _assignments(call, *found, ranges, place)
        branches.append((name, body))
    if not branches:
        return ""
    if call.literal:
        return f"begin // {branches[0][0]}\n{branches[0][1]}  end"
    lines = [f'if ({call.arguments[0]} == "{name}") begin\n{body}  end' for name, body in branches]
    return "begin\n  " + "\n  else ".join(lines) + "\n  end"


def _assignments(
    call: Call, path: Path, text: str, ranges: set[tuple[int | None, int | None]], place: str
) -> str:
    memory = call.arguments[1]
    if any(low is None for low, _ in ranges) or not re.fullmatch(r"\\?[A-Za-z_][\w$]*", memory):
        raise BuildError(
            place,
            f"the memory file {path.name!r} is read into {memory}",
            allowed="an array of words is needed",
        )
    lows = {low or 0 for low, _ in ranges}
    start = call.arguments[2] if len(call.arguments) > 2 else str(min(lows))
    if len(lows) > 1 and len(call.arguments) <= 2:
        raise BuildError(place, f"{memory} begins at different addresses: {sorted(lows)}")
    first = min(lows)
    lines, address = [], first
    for given, digits in words(text, call.base, path):
        address = address if given is None else given
        for low, high in ranges:
            if high is not None and not (low or 0) <= address <= high:
                given_range = f"{memory}[{low}] to [{high}]"
                raise BuildError(
                    str(path), f"it has a word for address {address}", allowed=f"{place} reads {given_range}"
                )
        width = len(digits.replace("_", "")) * (4 if call.base == "h" else 1)
        index = str(address) if start.isdigit() else f"({start}) + {address - first}"
        lines.append(f"    {memory}[{index}] = {width}'{call.base}{digits.strip('_')};\n")
        address += 1
    return "".join(lines)
