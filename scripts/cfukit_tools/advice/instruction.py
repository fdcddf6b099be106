"""The CFU instruction that would save most: one expression of two operands, wherever the hot code computes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from cfukit_base.artefacts.causes import InstructionRun
from cfukit_tools.advice.blocks import Block, blocks
from cfukit_tools.advice.dataflow import Cone, Graph, Value, cones, graph
from cfukit_tools.advice.expression import text
from cfukit_tools.advice.spans import cfu_command, issued, span_cycles


@dataclass(frozen=True)
class Place:
    """Where the expression is computed. at: the instruction whose result it is. cycles: saved there."""

    at: InstructionRun
    executions: int
    cycles: int


@dataclass(frozen=True)
class Found:
    """An instruction that could be.

    * expression: over the names of `inputs`. instructions: how many it replaces at a time.
    * places: where, the best first. cycles: at least so many are saved in all of them.
    """

    expression: str
    inputs: int
    instructions: int
    places: tuple[Place, ...]

    @property
    def cycles(self) -> int:
        return sum(place.cycles for place in self.places)

    @property
    def executions(self) -> int:
        return sum(place.executions for place in self.places)


@dataclass(frozen=True)
class _Use:
    block: Block
    graph: Graph
    cone: Cone
    operands: tuple[Value, ...]


def best_instruction(code: Sequence[InstructionRun]) -> Found | None:
    """The expression with the most cycles saved; None if none saves any. code: of whole functions."""
    uses: dict[str, list[_Use]] = defaultdict(list)
    for block in blocks(code):
        if not block.executions:
            continue
        values = graph(block)
        for cone in cones(values):
            expression, operands = text(cone)
            uses[expression].append(_Use(block, values, cone, operands))
    found = [_found(expression, places) for expression, places in uses.items()]
    useful = [one for one in found if one.cycles > 0]
    return max(useful, key=lambda one: (one.cycles, -len(one.expression), one.expression), default=None)


def _found(expression: str, uses: list[_Use]) -> Found:
    by_block: dict[int, list[_Use]] = defaultdict(list)
    for use in uses:
        by_block[use.block.code[0].pc].append(use)
    places: list[Place] = []
    for group in by_block.values():
        apart = _apart(group)
        block = group[0].block
        saved = saved_cycles(block, apart[0].graph, [(use.cone, use.operands) for use in apart])
        if saved > 0:  # of all of them together: it stands with the first one
            for number, use in enumerate(apart):
                cycles = block.executions * (saved if number == 0 else 0)
                places.append(Place(block.code[use.cone.root.position], block.executions, cycles))
    places.sort(key=lambda place: (-place.cycles, place.at.pc))
    return Found(
        expression, len(uses[0].operands), max(len(use.cone.positions) for use in uses), tuple(places)
    )


def _apart(uses: list[_Use]) -> list[_Use]:
    """Those that share no instruction with one before them."""
    taken: set[int] = set()
    left = []
    for use in sorted(uses, key=lambda use: use.cone.root.position):
        if not taken & use.cone.positions:
            taken |= use.cone.positions
            left.append(use)
    return left


def saved_cycles(block: Block, values: Graph, chosen: Sequence[tuple[Cone, tuple[Value, ...]]]) -> int:
    """The cycles that a block takes less if each of the cones is one CFU instruction, at its root's place. Caches are left out."""
    before = [issued(*each) for each in zip(block.operations, values.reads, values.made, strict=True)]
    gone = {position for cone, _ in chosen for position in cone.positions}
    commands = {
        cone.root.position: cfu_command(operands, cone.root, urgent=cone.root in values.kept)
        for cone, operands in chosen
    }
    after = [
        commands.get(position, one)
        for position, one in enumerate(before)
        if position in commands or position not in gone
    ]
    return span_cycles(before, behind_branch=False) - span_cycles(after, behind_branch=True)
