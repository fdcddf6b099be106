"""A CFU's Verilog files as one text: what is included stands in it, and so do the modules that it uses.

The text keeps the file and line that each of its lines comes from, for messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SUFFIXES = (".v", ".sv")
_NO_CODE = re.compile(r"//[^\n]*|/\*.*?\*/|\\[^\s]+|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)
_INCLUDE = re.compile(r"`include\s*(?:\"([^\"\n]+)\"|<([^>\n]+)>)")
_DEFINITION = re.compile(
    r"\b(?:macromodule|module|package|interface|primitive)\s+(?:automatic\s+|static\s+)?\\?([A-Za-z_][\w$]*)"
)
_PACKAGE = re.compile(r"\bpackage\s+[A-Za-z_]")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w$]*")


class Line(NamedTuple):
    """One line, and where it comes from."""

    text: str
    file: Path
    number: int


@dataclass(frozen=True)
class Source:
    """A text made of lines from one or several files."""

    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    def place(self, number: int) -> str:
        """File and line of line `number` of the text, counted from 1."""
        line = self.lines[min(max(number, 1), len(self.lines)) - 1]
        return f"{line.file}:{line.number}"


class Folders:
    """Where the files that Verilog names are looked for: beside the file that names them, then in `folders`."""

    def __init__(self, folders: Sequence[Path]):
        self.folders = tuple(dict.fromkeys(folders))

    def read(self, name: str, beside: Path) -> tuple[Path, str] | None:
        """Path and text of the file `name`; None if there is none."""
        for folder in (beside, *self.folders):
            path = folder / name
            try:
                return path, read_text(path)
            except OSError:
                continue
        return None

    def candidates(self, known: Sequence[Path]) -> Iterator[Path]:
        """The Verilog files beside those of `known`."""
        for folder in dict.fromkeys(path.parent for path in known):
            yield from sorted(
                path for path in folder.iterdir() if path.suffix in SUFFIXES and path not in known
            )


def read_text(path: Path) -> str:
    """The file as text: UTF-8, or Latin-1 if it is not UTF-8."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def code_only(text: str) -> str:
    """`text` with blanks in place of comments and strings. Positions stay as they are."""

    def blank(match: re.Match[str]) -> str:
        word = match[0]
        return word if word.startswith("\\") else re.sub(r"[^\n]", " ", word)

    return _NO_CODE.sub(blank, text)


def definitions(text: str) -> set[str]:
    """The names of the modules, packages and interfaces that `text` defines."""
    return set(_DEFINITION.findall(code_only(text)))


def gather(files: Sequence[Path], folders: Folders) -> Source:
    """The text of `files`, and of those beside them that define modules or packages that the text uses.

    A package comes before what uses it; modules come in any order.
    """
    lines = [line for path in files for line in _lines(path, read_text(path), folders, ())]
    code = code_only("\n".join(line.text for line in lines))
    known = set(_DEFINITION.findall(code))
    used = set(_IDENTIFIER.findall(code))
    offered = {
        path: Source(tuple(_lines(path, read_text(path), folders, ()))) for path in folders.candidates(files)
    }
    while True:
        needed = [path for path, source in offered.items() if (definitions(source.text) - known) & used]
        if not needed:
            return Source(tuple(lines))
        path = needed[0]
        source = offered.pop(path)
        code = code_only(source.text)
        if set(_DEFINITION.findall(code)) & known:  # another version of what is there already
            continue
        known |= set(_DEFINITION.findall(code))
        used |= set(_IDENTIFIER.findall(code))
        lines = [*source.lines, *lines] if _PACKAGE.search(code) else [*lines, *source.lines]


def _lines(path: Path, text: str, folders: Folders, within: tuple[Path, ...]) -> Iterator[Line]:
    """The lines of a file, with those of what it includes. What is not found stays: it may be in a branch not taken."""
    within = (*within, path)
    code = code_only(text)
    for number, (line, plain) in enumerate(zip(text.split("\n"), code.split("\n"), strict=True), 1):
        at = plain.find("`include")
        match = _INCLUDE.match(line, at) if at >= 0 else None
        found = folders.read(match[1] or match[2], path.parent) if match else None
        if match is None or found is None:
            yield Line(line, path, number)
            continue
        if line[:at].strip():
            yield Line(line[:at], path, number)
        if (
            found[0] not in within
        ):  # a file that includes itself has a guard, and gives nothing the second time
            yield from _lines(found[0], found[1].removesuffix("\n"), folders, within)
        if line[match.end() :].strip():
            yield Line(line[match.end() :], path, number)
