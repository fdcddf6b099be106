"""The trace of a window of cycles, for people: one line for each instruction that retired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from cfukit_base.disassembly import disassemble
from cfukit_base.symbols import locate

HEAD = "#    cycle  cycles  pc        instruction                      result        function              waited for\n"


def window_lines(raw: Path, elf: Path, cfu: Mapping[int, str]) -> Iterator[str]:
    """A head, and a line for each of the simulator's: "cycle pc instruction [xN=value] [cause=cycles]...".

    * cycles: since the instruction before, this one's own included.
    * cfu: names of CFU instructions by funct3.
    """
    yield HEAD
    known: dict[tuple[str, str], tuple[str, str]] = {}
    with raw.open() as lines:
        for line in lines:
            cycle, pc, word, *rest = line.split()
            result = rest.pop(0) if rest and rest[0][0] == "x" else ""
            if (pc, word) not in known:
                address = int(pc, 16)
                text = disassemble(int(word, 16), address, cfu)
                known[pc, word] = (text, locate(elf, address).function)
            text, function = known[pc, word]
            cycles = 1 + sum(int(each.partition("=")[2]) for each in rest)
            causes = " ".join(rest).replace("=", " ")
            columns = f"{cycle:>10}  {cycles:>6}  {pc}  {text:<31}  {result:<12}  {function:<20}  {causes}"
            yield columns.rstrip() + "\n"
