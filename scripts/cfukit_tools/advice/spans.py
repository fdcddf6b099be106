"""How long a block takes in the pipeline of a CPU with bypass, when no memory makes it wait: a slot for each instruction, and the slots
in which one waits for the operands of an earlier one.

Two rules make bubbles (docs/causes.md shows both as `hazard` and `cfu_issue`):

* An instruction that needs a result which is not ready yet: of a shift or a CFU instruction one slot later, of a product or a load two.
* A CFU command that follows a load, store, branch or jump within two slots waits until that one has left the pipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cfukit_tools.advice.dataflow import Value
from cfukit_tools.advice.operations import CFU_SLOTS, Operation

_PIPELINE_SLOTS = 2  # behind the stage in which a CFU command waits


@dataclass(frozen=True)
class Issued:
    """An instruction in a sequence.

    * reads, made: the values of its source registers, and its result.
    * slots, orders: as in `Operation`.
    * command: it goes to the CFU. urgent: what follows the sequence may need its result at once.
    """

    reads: tuple[Value, ...]
    made: Value | None
    slots: int = 0
    orders: bool = False
    command: bool = False
    urgent: bool = False


def issued(operation: Operation, reads: tuple[Value, ...], made: Value | None) -> Issued:
    """An instruction of the program. A CFU command of its own counts as one that never waits to be issued."""
    return Issued(reads, made, operation.slots, operation.orders)


def cfu_command(reads: tuple[Value, ...], made: Value, urgent: bool) -> Issued:
    """An instruction whose CFU answers in the next cycle."""
    return Issued(reads, made, CFU_SLOTS, command=True, urgent=urgent)


def span_cycles(sequence: Sequence[Issued], behind_branch: bool) -> int:
    """The cycles of a sequence. behind_branch: a branch is directly in front of it."""
    ready: dict[Value, int] = {}
    slot, ordered, needed = -1, -1 if behind_branch else -1 - _PIPELINE_SLOTS, 0
    for one in sequence:
        slot += 1
        if one.command:
            slot = max(slot, ordered + _PIPELINE_SLOTS + 1)
        slot = max([slot, *(ready.get(value, 0) for value in one.reads)])
        if one.made is not None:
            ready[one.made] = slot + 1 + one.slots
        if one.orders:
            ordered = slot
        if one.urgent:
            needed = slot + 1 + one.slots
    return max(slot + 1, needed)
