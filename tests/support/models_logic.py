"""Random models of comparisons, logic, selection and casts. See support.models."""

from __future__ import annotations

import numpy as np

from cfukit_sw.evaluator.logic import CAST_SOURCES, CAST_TARGETS
from cfukit_sw.model import Model
from support.models import Case, builds


def broadcasting(case: Case, count: int) -> tuple[list[tuple[int, ...]], tuple[int, ...]]:
    """Shapes that broadcast, and the shape that they give."""
    full = case.shape(1, 4, 5)
    shapes = [tuple(1 if case.chance(0.25) else size for size in full) for _ in range(count)]
    shapes = [shape[case.whole(0, len(shape) - 1) :] if case.chance(0.2) else shape for shape in shapes]
    return shapes, np.broadcast_shapes(*shapes)


@builds("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
def _compare(case: Case) -> Model:
    shapes, result = broadcasting(case, 2)
    types = ["int8", "int8", "int32", "int64", "float32"]
    type = case.pick([*types, "bool"] if case.type.endswith("EQUAL") and len(case.type) < 10 else types)
    if case.type in ("LESS_EQUAL",):
        type = case.pick(types)
    scale = case.scale(1e-4, 0.9)
    quantised = [{}, {}]
    if type == "int8":
        point = case.zero_point()
        quantised = [{"scale": scale, "zero_point": point}] * 2
        if case.chance(0.5):
            quantised[1] = {"scale": scale * case.scale(0.5, 1), "zero_point": case.zero_point()}
    inputs = [case.image(shape, type, **q) for shape, q in zip(shapes, quantised, strict=True)]
    return case.done(inputs, [case.build.tensor("y", result, "bool")])


@builds("LOGICAL_AND", "LOGICAL_OR")
def _logical(case: Case) -> Model:
    shapes, result = broadcasting(case, 2)
    inputs = [case.image(shape, "bool") for shape in shapes]
    return case.done(inputs, [case.build.tensor("y", result, "bool")])


@builds("LOGICAL_NOT")
def _logical_not(case: Case) -> Model:
    shape = case.shape()
    return case.done([case.image(shape, "bool")], [case.build.tensor("y", shape, "bool")])


@builds("SELECT_V2")
def _select(case: Case) -> Model:
    shapes, result = broadcasting(case, 3)
    type = case.pick(["int8", "int8", "int16", "float32"])
    condition = case.image(shapes[0], "bool")
    first = case.image(shapes[1], type)
    source = case.build.tensors[first]
    quantised = {"scale": source.scales, "zero_point": source.zero_points} if source.scales.size else {}
    second = case.image(shapes[2], type, **quantised)
    return case.done([condition, first, second], [case.like(first, result)])


@builds("CAST")
def _cast(case: Case) -> Model:
    source = case.pick(CAST_SOURCES)
    target = case.pick([type for type in CAST_TARGETS if (source, type) != ("float32", "uint32")])
    shape = case.shape()
    x = case.build.tensor("x0", shape, source)
    case.inputs.append(x)
    y = case.build.tensor("y", shape, target)
    return case.done([x], [y], in_data_type=source.upper(), out_data_type=target.upper())
