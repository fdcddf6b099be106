"""Edits of the pinned Verilog that count their matches.

Edits are made in the text, never in a netlist: names stay for simulators, and every tool reads the result. The text is pinned,
so an edit that does not match exactly as often as expected is a bug of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

CORE, DATA_CACHE, INSTRUCTION_CACHE = "VexRiscv", "DataCache", "InstructionCache"

Rule = tuple[str, str, int]
"""Regular expression, replacement template (as `re.Match.expand`), number of matches."""


class Source:
    """The modules of the file, edited one by one."""

    def __init__(self, text: str):
        parts = re.split(r"(?m)^(?=module )", text)
        self.head = parts[0]
        self.modules = {re.match(r"module (\w+)", part)[1]: part for part in parts[1:]}  # type: ignore[index]
        self.appended = ""  # modules behind those of the file
        self.ties: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in self.modules}
        assert list(self.modules) == [CORE, DATA_CACHE, INSTRUCTION_CACHE]

    def swap(self, module: str, old: str, new: str, count: int = 1) -> None:
        """Replace the plain text `old`."""
        self.swap_all(module, [(re.escape(old), new.replace("\\", r"\\"), count)])

    def swap_all(self, module: str, rules: Iterable[Rule]) -> None:
        """Apply all rules in one pass over the text. They must not overlap, and none sees what another one inserts."""
        text = self.modules[module]
        found: list[tuple[int, int, str]] = []
        for pattern, new, count in rules:
            matches = list(re.finditer(pattern, text))
            assert len(matches) == count, f"{module}: {pattern!r} matches {len(matches)} times, not {count}"
            found += [(match.start(), match.end(), match.expand(new)) for match in matches]
        pieces, position = [], 0
        for start, end, new in sorted(found):
            assert start >= position, f"{module}: two edits at {text[start:end]!r}"
            pieces += [text[position:start], new]
            position = end
        self.modules[module] = "".join([*pieces, text[position:]])

    def tie(self, name: str, value: int, module: str = CORE, assignments: int = 1) -> None:
        """Give a one-bit signal a constant value in what `text` returns.

        A wire loses its only `assign`. The `assignments` that processes make go to a new signal that nobody reads.
        """
        assert name not in self.ties[module]
        self.ties[module][name] = (value, assignments)

    def text(self) -> str:
        """The whole file, edited."""
        edited = "".join(_tied(text, self.ties[name]) for name, text in self.modules.items())
        return self.head + edited + self.appended


_DECLARATION = re.compile(r"  reg +(\w+)(?: /\* verilator public \*/ )?;")
_ASSIGNMENT = re.compile(r"( +)(assign )?(\w+) (<?=) ")


def _tied(text: str, ties: dict[str, tuple[int, int]]) -> str:
    if not ties:
        return text
    lines, declared, counts = text.split("\n"), set(), dict.fromkeys(ties, 0)
    for number, line in enumerate(lines):
        if (match := _ASSIGNMENT.match(line)) and match[3] in ties:
            space, wire, name, sign = match.groups()
            counts[name] += 1
            if wire:
                lines[number] = f"{space}{wire}{name} = 1'b{ties[name][0]};"
                declared.add(name)
            else:
                lines[number] = f"{space}{name}__untied {sign} {line[match.end() :]}"
        elif (match := _DECLARATION.fullmatch(line)) and match[1] in ties:
            name = match[1]
            lines[number] = f"  wire {name} = 1'b{ties[name][0]};\n  reg {name}__untied;"
            declared.add(name)
    expected = {name: assignments for name, (_, assignments) in ties.items()}
    assert counts == expected and declared == set(ties), (counts, set(ties) - declared)
    return "\n".join(lines)
