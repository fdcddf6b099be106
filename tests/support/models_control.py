"""Random models with IF and WHILE. See support.models."""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from support.models import Case, builds
from support.models_variables import resource

Shape = tuple[int, ...]


def branch(case: Case, shape: Shape, quantised: dict[str, Any]) -> Model:
    """x, y -> two tensors, by one to three operators."""
    build = ModelBuilder("branch")
    x, y = (build.tensor(name, shape, **quantised) for name in "xy")
    kind = case.whole(0, 3)
    if kind == 0:
        return build.model([x, y], [y, x])
    sums = build.tensor("s", shape, **quantised)
    build.operator("ADD", [x, y], [sums])
    if kind == 1:
        return build.model([x, y], [sums, x])
    data = case.rng.integers(-128, 128, shape).astype(np.int8)
    fixed = build.constant("c", data, **quantised)
    more = build.tensor("m", shape, **quantised)
    build.operator("MAXIMUM", [sums, fixed], [more])
    if kind == 2:
        return build.model([x, y], [more, sums])
    turned = build.tensor("t", shape[::-1], **quantised)
    again = build.tensor("a", shape, **quantised)
    order = build.constant("order", np.arange(len(shape))[::-1].astype(np.int32))
    build.operator("TRANSPOSE", [more, order], [turned])
    build.operator("TRANSPOSE", [turned, order], [again])
    return build.model([x, y], [again, y])


@builds("IF")
def _if(case: Case) -> Model:
    shape = case.shape(1, 3, 4)
    quantised = {"scale": case.scale(), "zero_point": case.zero_point()}
    build = case.build
    condition, x, y = case.image((1,), "bool"), *(case.image(shape, **quantised) for _ in range(2))
    before = build.tensor("before", shape, **quantised)
    build.operator("MINIMUM", [x, y], [before])
    outputs = [build.tensor(name, shape, **quantised) for name in ("u", "v")]
    build.subgraphs += [branch(case, shape, quantised), branch(case, shape, quantised)]
    build.operator("IF", [condition, before, y], outputs, then_subgraph_index=1, else_subgraph_index=2)
    after = build.tensor("after", shape, **quantised)
    build.operator("MAXIMUM", [outputs[0], before], [after])
    return build.model(case.inputs, [after, outputs[1]])


def loop(build: ModelBuilder, inputs: list[int], outputs: list[int], times: int, body: Model) -> None:
    """WHILE the first value, an int32, is below `times`."""
    condition = ModelBuilder("condition")
    tensors = [build.tensors[index] for index in inputs]
    given = [
        condition.tensor(
            f"g{k}", t.shape, t.type, scale=t.scales if t.scales.size else None, zero_point=t.zero_points
        )
        if t.scales.size
        else condition.tensor(f"g{k}", t.shape, t.type)
        for k, t in enumerate(tensors)
    ]
    below = condition.tensor("below", (1,), "bool")
    condition.operator("LESS", [given[0], condition.constant("n", np.array([times], np.int32))], [below])
    first = len(build.subgraphs) + 1
    build.subgraphs += [condition.model(given, [below]), body]
    build.operator("WHILE", inputs, outputs, cond_subgraph_index=first, body_subgraph_index=first + 1)


@builds("WHILE")
def _while(case: Case) -> Model:
    """Counts from the input's value, and adds x to a sum, or mixes both, in each step."""
    shape = case.shape(1, 3, 4)
    quantised = {"scale": case.scale(), "zero_point": case.zero_point()}
    build = case.build
    start = build.tensor("start", (1,), "int32")
    raw = case.image((1,), "int8", scale=1.0, zero_point=0)
    build.operator("CAST", [raw], [start], in_data_type="INT8", out_data_type="INT32")
    x, y = (case.image(shape, **quantised) for _ in range(2))
    body = ModelBuilder("body")
    count, a, b = body.tensor("count", (1,), "int32"), *(body.tensor(n, shape, **quantised) for n in "ab")
    more = body.tensor("more", (1,), "int32")
    body.operator("ADD", [count, body.constant("one", np.array([case.whole(1, 20)], np.int32))], [more])
    sums = body.tensor("sums", shape, **quantised)
    body.operator("ADD", [a, b], [sums])
    results = [more, *case.pick([(sums, b), (b, sums), (b, a), (sums, a)])]
    outputs = [build.tensor("n", (1,), "int32"), *(build.tensor(name, shape, **quantised) for name in "uv")]
    loop(build, [start, x, y], outputs, case.whole(-3, 100), body.model([count, a, b], results))
    return build.model(case.inputs, outputs)


def counted_by_variable(type: str, depth: int, times: int, scale: float = 1.0) -> Model:
    """x + what a variable has counted in branches or loops `depth` deep, each with a variable of its own beside the common one."""
    quantised = {"scale": scale, "zero_point": 3}
    build = ModelBuilder("counted")
    x, y, seen = (build.tensor(name, (2,), **quantised) for name in ("x", "y", "seen"))
    flag = build.tensor("flag", (1,), "bool")

    def count(graph: ModelBuilder, name: str) -> int:
        """variable += 1; returns what it is now."""
        handle = resource(graph, name)
        old, new = (graph.tensor(n, (2,), **quantised) for n in ("old", "new"))
        graph.operator("READ_VARIABLE", [handle], [old])
        one = graph.constant("one", np.array([4, 4], np.int8), **quantised)
        graph.operator("ADD", [old, one], [new])
        graph.operator("ASSIGN_VARIABLE", [handle, new], [])
        return new

    build.subgraphs += [build.model([], [])] * (2 * depth)  # replaced below
    for level in range(depth):
        inner = ModelBuilder(f"level {level}")
        last = level == depth - 1
        if type == "IF":
            condition, a = inner.tensor("c", (1,), "bool"), inner.tensor("a", (2,), **quantised)
            own = count(inner, f"level {level}")
            result = inner.tensor("r", (2,), **quantised)
            if last:
                inner.operator("MAXIMUM", [count(inner, "common"), own], [result])
            else:
                numbers = {"then_subgraph_index": 2 * level + 3, "else_subgraph_index": 2 * level + 4}
                inner.operator("IF", [condition, condition, a], [result], **numbers)
            build.subgraphs[2 * level] = inner.model([condition, a], [result])
            other = ModelBuilder(f"else {level}")
            condition, a = other.tensor("c", (1,), "bool"), other.tensor("a", (2,), **quantised)
            build.subgraphs[2 * level + 1] = other.model([condition, a], [count(other, "common")])
            continue
        n, a = inner.tensor("n", (1,), "int32"), inner.tensor("a", (2,), **quantised)
        more, result = inner.tensor("more", (1,), "int32"), inner.tensor("r", (2,), **quantised)
        inner.operator("ADD", [n, inner.constant("one", np.array([1], np.int32))], [more])
        own = count(inner, f"level {level}")
        if last:
            inner.operator("MAXIMUM", [count(inner, "common"), own], [result])
        else:
            zero, left = inner.constant("zero", np.array([0], np.int32)), inner.tensor("left", (1,), "int32")
            numbers = {"cond_subgraph_index": 2 * level + 3, "body_subgraph_index": 2 * level + 4}
            inner.operator("WHILE", [zero, own], [left, result], **numbers)
        build.subgraphs[2 * level + 1] = inner.model([n, a], [more, result])
        condition = ModelBuilder(f"condition {level}")
        n, a = condition.tensor("n", (1,), "int32"), condition.tensor("a", (2,), **quantised)
        below = condition.tensor("below", (1,), "bool")
        condition.operator("LESS", [n, condition.constant("t", np.array([times], np.int32))], [below])
        build.subgraphs[2 * level] = condition.model([n, a], [below])
    if type == "IF":
        build.operator("IF", [flag, flag, x], [seen], then_subgraph_index=1, else_subgraph_index=2)
    else:
        start, end = build.tensor("start", (1,), "int32"), build.tensor("end", (1,), "int32")
        build.operator("CAST", [flag], [start], in_data_type="BOOL", out_data_type="INT32")
        build.operator("WHILE", [start, x], [end, seen], cond_subgraph_index=1, body_subgraph_index=2)
    common = build.tensor("common", (2,), **quantised)
    build.operator("READ_VARIABLE", [resource(build, "common")], [common])
    build.operator("ADD", [common, seen], [y])
    return build.model([flag, x], [y])


def with_signals(kind: str) -> Model:
    """Delays that keep their samples in the branches of an IF, in the body of a WHILE, or in a WHILE in a branch ("both")."""
    build = ModelBuilder(f"signals in {kind}")

    def graph(name: str) -> tuple[ModelBuilder, int, int, int]:
        made = ModelBuilder(name)
        return (
            made,
            made.tensor("flag", (1,), "bool"),
            made.tensor("x", (6,), "int16"),
            made.tensor("y", (6,), "int16"),
        )

    def looped(graph: ModelBuilder, flag: int, x: int, y: int) -> None:
        """y = x, delayed three times, or twice if the flag is set."""
        start, end = graph.tensor("start", (1,), "int32"), graph.tensor("end", (1,), "int32")
        graph.operator("CAST", [flag], [start], in_data_type="BOOL", out_data_type="INT32")
        body = ModelBuilder("body")
        n, more = body.tensor("n", (1,), "int32"), body.tensor("more", (1,), "int32")
        a, b = body.tensor("a", (6,), "int16"), body.tensor("b", (6,), "int16")
        body.operator("ADD", [n, body.constant("one", np.array([1], np.int32))], [more])
        body.operator("CUSTOM:SignalDelay", [a], [b], delay_length=4)
        condition = ModelBuilder("condition")
        n, _ = condition.tensor("n", (1,), "int32"), condition.tensor("a", (6,), "int16")
        below = condition.tensor("below", (1,), "bool")
        condition.operator("LESS", [n, condition.constant("three", np.array([3], np.int32))], [below])
        build.subgraphs += [condition.model([n, n + 1], [below]), body.model([0, a], [more, b])]
        numbers = {
            "cond_subgraph_index": len(build.subgraphs) - 1,
            "body_subgraph_index": len(build.subgraphs),
        }
        graph.operator("WHILE", [start, x], [end, y], **numbers)

    flag, x, y = (
        build.tensor("flag", (1,), "bool"),
        build.tensor("x", (6,), "int16"),
        build.tensor("y", (6,), "int16"),
    )
    if kind == "WHILE":
        looped(build, flag, x, y)
        return build.model([flag, x], [y])
    branches = []
    for length in (3, 7):
        inner, condition, given, result = graph(f"delay of {length}")
        if kind == "both" and length == 3:
            looped(inner, condition, given, result)
        else:
            inner.operator("CUSTOM:SignalDelay", [given], [result], delay_length=length)
        branches.append(inner.model([condition, given], [result]))
    build.subgraphs += branches
    numbers = {"then_subgraph_index": len(build.subgraphs) - 1, "else_subgraph_index": len(build.subgraphs)}
    build.operator("IF", [flag, flag, x], [y], **numbers)
    return build.model([flag, x], [y])


def counting(times: int, step: int = 1) -> Model:
    """n = start; while n < times: n += step."""
    build = ModelBuilder("counting")
    start, end = (build.tensor(name, (1,), "int32") for name in ("start", "end"))
    body = ModelBuilder("body")
    n, more = (body.tensor(name, (1,), "int32") for name in ("n", "more"))
    body.operator("ADD", [n, body.constant("step", np.array([step], np.int32))], [more])
    loop(build, [start], [end], times, body.model([n], [more]))
    return build.model([start], [end])


def nested(outer: int, inner: int, in_branch: bool = False) -> Model:
    """`outer` loops of `inner` iterations, directly or in a branch."""
    build = ModelBuilder("nested")
    start, end = (build.tensor(name, (1,), "int32") for name in ("start", "end"))
    body = ModelBuilder("body")
    n, more, counted, one = (body.tensor(name, (1,), "int32") for name in ("n", "more", "counted", "one"))
    zero = body.tensor("zero", (1,), "int32")
    body.operator("MINIMUM", [n, body.constant("0", np.array([0], np.int32))], [zero])
    innermost = counting(inner)
    numbers = {"cond_subgraph_index": 1, "body_subgraph_index": 2}
    build.subgraphs += list(innermost.subgraphs)
    if in_branch:
        branch = ModelBuilder("branch")
        a, b = (branch.tensor(name, (1,), "int32") for name in "ab")
        branch.operator("WHILE", [a], [b], **numbers)
        build.subgraphs.append(branch.model([a], [b]))
        holds = body.tensor("holds", (1,), "bool")
        body.operator("LESS_EQUAL", [zero, n], [holds])
        body.operator("IF", [holds, zero], [counted], then_subgraph_index=3, else_subgraph_index=3)
    else:
        body.operator("WHILE", [zero], [counted], **numbers)
    body.operator("MINIMUM", [counted, body.constant("1", np.array([1], np.int32))], [one])
    body.operator("ADD", [n, one], [more])
    loop(build, [start], [end], outer, body.model([n], [more]))
    return build.model([start], [end])
