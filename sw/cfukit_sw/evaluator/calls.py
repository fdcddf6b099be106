"""Which operators call subgraphs, how deep, and how much that is in all."""

from __future__ import annotations

from collections.abc import Sequence

from cfukit_sw.model import Model, Operator

CALLS = {
    "IF": ("then_subgraph_index", "else_subgraph_index"),
    "WHILE": ("cond_subgraph_index", "body_subgraph_index"),
}
VARIABLES = "variables"  # the option that says how many variables stand behind the other inputs

MAX_DEPTH = 16  # of calls in calls
MAX_EXPANDED = 20_000  # operators, each as often as it is prepared


def subgraph_numbers(op: Operator) -> list[int]:
    """The subgraphs that `op` calls: 1 is the first behind the main graph."""
    return [int(op.options[option]) for option in CALLS.get(op.type, ())]  # type: ignore[arg-type]


def callees(graphs: Sequence[Model], number: int) -> list[int]:
    """What graph `number` calls. graphs: the main graph and its subgraphs."""
    numbers = [callee for op in graphs[number].operators for callee in subgraph_numbers(op)]
    return [callee for callee in dict.fromkeys(numbers) if 0 < callee < len(graphs)]


def reachable(graphs: Sequence[Model], number: int = 0) -> list[int]:
    """Graph `number` and all that it calls, each once."""
    found = [number]
    for each in found:
        found += [callee for callee in callees(graphs, each) if callee not in found]
    return found


def extent(graph: Model, subgraphs: Sequence[Model]) -> tuple[int, int]:
    """(depth of the calls of a graph, operators of it and of all that it calls). Both stop a little above their limits."""
    known: dict[int, tuple[int, int]] = {}

    def of(graph: Model, room: int) -> tuple[int, int]:
        deepest, operators = 0, len(graph.operators)
        for number in (number for op in graph.operators for number in subgraph_numbers(op)):
            if not 1 <= number <= len(subgraphs):
                continue
            if number not in known:
                if room == 0:
                    return MAX_DEPTH + 1, operators
                known[number] = (MAX_DEPTH + 1, 0)  # until it is known: a call of itself has no end
                known[number] = of(subgraphs[number - 1], room - 1)
            depth, count = known[number]
            deepest = max(deepest, min(depth + 1, MAX_DEPTH + 1))
            operators = min(operators + count, MAX_EXPANDED + 1)
        return deepest, operators

    return of(graph, MAX_DEPTH + 1)
