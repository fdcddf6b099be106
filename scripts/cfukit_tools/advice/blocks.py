"""Basic blocks of a program's hot code, and the registers that are read after each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cfukit_base.artefacts.causes import InstructionRun
from cfukit_tools.advice.operations import Operation, decode, is_branch, target

_ALL = frozenset(range(1, 32))
_RA, _SP, _GP, _TP = 1, 2, 3, 4
_SAVED = frozenset({8, 9, *range(18, 28)})  # s0 to s11
_ARGUMENTS = frozenset(range(10, 18))
_SCRATCH = frozenset({_RA, 5, 6, 7, *_ARGUMENTS, 28, 29, 30, 31})  # what a call may destroy
_AT_RETURN = frozenset({_RA, _SP, _GP, _TP, 10, 11}) | _SAVED
_RET = 0x0000_8067


@dataclass(frozen=True)
class Block:
    """Instructions that run one after the other.

    * live: the registers whose values may be read behind it.
    * executions: how often the whole block ran.
    """

    code: tuple[InstructionRun, ...]
    operations: tuple[Operation, ...]
    live: frozenset[int]

    @property
    def executions(self) -> int:
        return min(one.executions for one in self.code)


def blocks(code: Sequence[InstructionRun]) -> list[Block]:
    """The blocks of the instructions of whole functions, by address. What is not known of other code counts as reading everything."""
    words = {one.pc: one.word for one in code}
    leaders = {goal for pc, word in words.items() if (goal := target(word, pc)) in words}
    pieces: list[list[InstructionRun]] = []
    for one in sorted(code, key=lambda one: one.pc):
        last = pieces[-1][-1] if pieces else None
        follows = last is not None and one.pc == last.pc + 4 and not decode(last.word).control
        if not follows or one.pc in leaders:
            pieces.append([])
        pieces[-1].append(one)
    operations = {piece[0].pc: tuple(decode(one.word) for one in piece) for piece in pieces}
    ends = {piece[0].pc: piece[-1] for piece in pieces}
    live = _liveness(operations, ends)
    return [Block(tuple(piece), operations[piece[0].pc], live[piece[0].pc]) for piece in pieces]


def _liveness(
    operations: Mapping[int, tuple[Operation, ...]], ends: Mapping[int, InstructionRun]
) -> dict[int, frozenset[int]]:
    """For each block, by its first address, the registers that are live behind it."""
    before = dict.fromkeys(operations, frozenset[int]())
    after = dict.fromkeys(operations, frozenset[int]())
    changed = True
    while changed:
        changed = False
        for begin in reversed(list(operations)):
            after[begin] = _behind(ends[begin], before)
            live = set(after[begin])
            for one in reversed(operations[begin]):
                live = (live - {one.rd}) | {source for source in one.sources if source}
            if live != before[begin]:
                before[begin], changed = frozenset(live), True
    return after


def _behind(last: InstructionRun, before: Mapping[int, frozenset[int]]) -> frozenset[int]:
    """What is live behind a block's last instruction."""
    operation, goal = decode(last.word), target(last.word, last.pc)
    following = before.get(last.pc + 4, _ALL)
    if not operation.control:
        return following
    if is_branch(last.word):
        assert goal is not None
        return following | before.get(goal, _ALL)
    if last.word == _RET:
        return _AT_RETURN
    if operation.rd == _RA:  # a call: it reads its arguments, and leaves what callees save
        return (following - _SCRATCH) | _ARGUMENTS | {_SP, _GP, _TP}
    if operation.rd == 0 and goal is not None:
        return before.get(goal, _ALL)
    return _ALL
