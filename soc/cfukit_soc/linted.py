"""What a run with a linter says of its program, for people and for JSON."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import asdict
from pathlib import Path

from cfukit_base.artefacts.outcome import Finding, Lint
from cfukit_base.symbols import locate
from cfukit_soc.faults import Ended, Found, stack_of

# Functions of the runtime that paint the stack before `main` and look at the paint after it.
_PAINTERS: Container[str] = frozenset({"_start", "cfukit_stack_check"})


def lint_from(ended: Ended, elf: Path) -> Lint | None:
    """The findings of a run, in the order of their places; None if nobody asked. Their kind is one of these:

    * "unwritten": a load of bytes that nothing has written and that are not in the program's file either.
    * "below_stack": a load or store in the stack, below the stack pointer: of a frame that is no more, or of none.
    * "outside": a store where nothing answers. A load there is a fault.
    * "read_only": a store to a memory that cannot be written; nothing happens.
    * "unaligned": a load or store at an address that is no multiple of its size, on a CPU that does not trap it.
    * "cfu_command_twice": the CPU gave the CFU a command a second time, with other operands (the stock CPU, where the instruction before
      had to wait).
    """
    if ended.findings is None:
        return None
    bottom, top = stack_of(elf)
    found = [_placed(each, elf) for each in sorted(ended.findings, key=lambda each: (each.pc, each.kind))]
    kept = tuple(each for each in found if each.kind != "below_stack" or each.function not in _PAINTERS)
    return Lint(findings=kept, stack_bytes=top - bottom, stack_used_bytes=ended.deepest)


def _placed(found: Found, elf: Path) -> Finding:
    place = locate(elf, found.pc)
    address = None if found.kind == "cfu_command_twice" else found.address
    return Finding(kind=found.kind, pc=found.pc, **asdict(place), address=address, count=found.count)
