"""What a block computes, as a graph of values; and its parts that one instruction of two operands could compute.

Such a part (a cone) has one root, whose value is the result. All its other values are used inside of it only, so none has to be kept.
Then it is convex: no path leaves it and comes back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from cfukit_tools.advice.blocks import Block
from cfukit_tools.advice.operations import WORD, compute

MAX_INPUTS = 2
_MAX_CUTS = 64  # of one value: more would only be slower


@dataclass(frozen=True)
class Input:
    """A value from elsewhere: of a load, say, or in `register` at the block's begin (position -1)."""

    position: int
    register: int


@dataclass(frozen=True)
class Constant:
    """A number. position: of the instruction that makes it; -1 if it is part of another one."""

    value: int
    position: int = -1


@dataclass(frozen=True, eq=False)
class Node:
    """The result of the instruction at `position`."""

    position: int
    name: str
    operands: tuple[Value, Value]


Value = Input | Constant | Node
Cut = frozenset[Value]


@dataclass(frozen=True)
class Cone:
    """A part of a block that one instruction could compute.

    * leaves: the values that it is computed of, at most two.
    * positions: of the instructions that go away, the root's among them.
    """

    root: Node
    leaves: Cut
    positions: frozenset[int]


@dataclass(frozen=True)
class Graph:
    """The values of a block.

    * nodes: in order.
    * reads, made: for each instruction, the values of its source registers, and its result (None without one).
    * users: for each value, the positions of the instructions that read it. kept: what is read behind the block.
    """

    nodes: tuple[Node, ...]
    reads: tuple[tuple[Value, ...], ...]
    made: tuple[Value | None, ...]
    users: dict[Value, set[int]]
    kept: frozenset[Value]


def graph(block: Block) -> Graph:
    """The values of a block."""
    registers: dict[int, Value] = {0: Constant(0)}
    users: dict[Value, set[int]] = defaultdict(set)
    nodes: list[Node] = []
    reads: list[tuple[Value, ...]] = []
    results: list[Value | None] = []
    for position, operation in enumerate(block.operations):
        read = [registers.setdefault(source, Input(-1, source)) for source in operation.sources]
        for value in read:
            users[value].add(position)
        made: Value = Input(position, operation.rd)
        if operation.name:
            immediate = [] if operation.immediate is None else [Constant(operation.immediate)]
            made = _made(position, operation.name, [*read, *immediate])
        reads.append(tuple(read))
        results.append(made if operation.rd else None)
        if operation.rd:
            registers[operation.rd] = made
            if isinstance(made, Node):
                nodes.append(made)
    kept = frozenset(value for register, value in registers.items() if register in block.live)
    return Graph(tuple(nodes), tuple(reads), tuple(results), dict(users), kept)


def _made(position: int, name: str, operands: list[Value]) -> Value:
    numbers = [operand.value for operand in operands if isinstance(operand, Constant)]
    if len(numbers) == len(operands):
        return Constant(numbers[0] & WORD if name == "lui" else compute(name, *numbers), position)
    left, right = operands
    return Node(position, name, (left, right))


def cones(of: Graph) -> Iterator[Cone]:
    """All cones of two instructions or more whose result is used."""
    cuts: dict[Value, set[Cut]] = {}
    for node in of.nodes:
        mine: set[Cut] = set()
        for left, right in product(*(_cuts(operand, cuts) for operand in node.operands)):
            if len(left | right) <= MAX_INPUTS:
                mine.add(left | right)
        found = [cone for cut in mine if (cone := _cone(of, node, cut)) is not None]
        if node in of.users or node in of.kept:
            yield from (cone for cone in found if len(cone.positions) > 1)
        cuts[node] = {*sorted(mine, key=_order)[:_MAX_CUTS], frozenset({node})}


def _order(cut: Cut) -> list[tuple[int, int]]:
    """Cuts that begin early make large cones: they come first."""
    return sorted((leaf.position, getattr(leaf, "register", -1)) for leaf in cut)


def _cuts(value: Value, cuts: dict[Value, set[Cut]]) -> set[Cut]:
    if isinstance(value, Constant):
        return {frozenset()}
    return cuts[value] if isinstance(value, Node) else {frozenset({value})}


def _cone(of: Graph, root: Node, leaves: Cut) -> Cone | None:
    """The cone of `root` above `leaves`; None if one of its inner values is read elsewhere, too."""
    inside: set[Node] = set()
    numbers: set[Constant] = set()
    waiting: list[Value] = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Constant):
            numbers.add(value)
        elif isinstance(value, Node) and value not in leaves and value not in inside:
            inside.add(value)
            waiting += value.operands
    positions = frozenset(node.position for node in inside)
    for node in inside - {root}:
        if node in of.kept or not of.users.get(node, set()) <= positions:
            return None
    # A number that others need as well stays in its register.
    alone = {
        one.position
        for one in numbers
        if one.position >= 0 and one not in of.kept and of.users.get(one, set()) <= positions
    }
    return Cone(root, leaves, positions | alone)
