"""Where Renode's processor was when it was stopped: what `scripts.state_script` makes Renode tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

_NUMBERS = 1 + 32 + 4 + 1


@dataclass(frozen=True)
class State:
    """Where the processor was.

    * pc: None if Renode did not tell.
    * registers: x0 to x31 by name; empty if Renode did not tell.
    * mtvec: where a trap goes; None if Renode did not tell. mcause, mepc, mtval: of the last trap; 0 before the first one.
    * guard_is_whole: False once the stack has grown over its guard.
    """

    pc: int | None = None
    registers: dict[str, int] = field(default_factory=dict)
    mtvec: int | None = None
    mcause: int = 0
    mepc: int = 0
    mtval: int = 0
    guard_is_whole: bool = True


def read_state(file: Path) -> State | None:
    """The state that Renode wrote to `file`; None as long as it has not."""
    try:
        text = file.read_text()
    except FileNotFoundError:
        return None
    if not text.endswith("\n"):
        return None
    numbers = [int(word) for word in text.split()]
    assert len(numbers) == _NUMBERS
    pc, registers, guard = numbers[0], numbers[1:33], numbers[-1]
    mtvec = numbers[33]
    mcause, mepc, mtval = (max(number, 0) for number in numbers[34:37])
    return State(
        pc=pc if pc >= 0 else None,
        registers={} if -1 in registers else {f"x{index}": value for index, value in enumerate(registers)},
        mtvec=mtvec & ~3 if mtvec >= 0 else None,  # its low bits are a mode
        mcause=mcause,
        mepc=mepc,
        mtval=mtval,
        guard_is_whole=guard != 0,
    )
