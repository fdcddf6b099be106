"""Random models of division, running sums, updates and look-ups. See support.models."""

from __future__ import annotations

import numpy as np

from cfukit_sw.model import Model
from support.models import ACTIVATIONS, Case, builds
from support.models_logic import broadcasting


@builds("DIV")
def _div(case: Case) -> Model:
    """Every third in int32. The second input is a constant without zeros."""
    shapes, result = broadcasting(case, 2)
    options = {"fused_activation_function": case.pick(ACTIVATIONS)}
    if case.chance(0.3):
        a = case.image(shapes[0], "int32")
        data = case.rng.integers(-9, 9, shapes[1]).astype(np.int32)
        b = case.build.constant("c", np.where(data >= 0, data + 1, data).astype(np.int32))
        return case.done([a, b], [case.build.tensor("y", result, "int32")], **options)
    a, point = case.image(shapes[0]), case.zero_point()
    data = case.rng.integers(-128, 127, shapes[1])
    data = np.where(data >= point, data + 1, data).astype(np.int8)
    b = case.build.constant("c", data, scale=case.scale(), zero_point=point)
    scales = [float(case.build.tensors[index].scale) for index in (a, b)]
    return case.done([a, b], [case.out(result, scales[0] / scales[1] * case.scale(0.01, 2))], **options)


@builds("FLOOR_DIV", "FLOOR_MOD")
def _floor_div(case: Case) -> Model:
    shapes, result = broadcasting(case, 2)
    inputs = [case.image(shape) for shape in shapes]
    return case.done(inputs, [case.out(result)])


@builds("RSQRT")
def _rsqrt(case: Case) -> Model:
    shape = case.shape()
    if case.chance(0.3):  # few inputs are legal in int16, so all are roots of what they stand for
        wide = case.image(shape, "int16")
        x = case.build.tensor("size", shape, "int16", scale=case.scale(1e-3, 1), zero_point=0)
        case.build.operator("ABS", [wide], [x])
        return case.done([x], [case.out(shape, case.scale(1e-5, 0.01), type="int16")])
    x = case.image(shape, zero_point=-128)
    return case.done([x], [case.out(shape, case.scale(1e-3, 0.2))])


@builds("CUMSUM")
def _cumsum(case: Case) -> Model:
    shape = case.shape()
    x = case.image(shape)
    axis = case.whole(-len(shape), len(shape) - 1)
    y = case.out(shape, float(case.build.tensors[x].scale) * case.scale(0.5, 6))
    return case.done([x, case.ints("axis", axis)], [y], exclusive=case.chance(0.5), reverse=case.chance(0.5))


@builds("DYNAMIC_UPDATE_SLICE")
def _update(case: Case) -> Model:
    shape = case.shape(1, 5)
    part = tuple(case.whole(1, size) for size in shape)
    x = case.image(shape, case.pick(["int8", "int8", "int16", "int32", "float32"]))
    update = case.like(x, part)
    case.inputs.append(update)
    type = case.pick(["int32", "int64"])
    if case.chance(0.7):
        begins = case.build.constant("begins", case.rng.integers(-3, 8, len(shape)).astype(type))
    else:
        begins = case.image([len(shape)], type)
    return case.done([x, update, begins], [case.like(x, shape)])


@builds("BROADCAST_ARGS")
def _broadcast_args(case: Case) -> Model:
    """A computed shape against ones, or both constant and used by BROADCAST_TO."""
    rank, type = case.whole(1, 5), case.pick(["int32", "int64"])
    if case.chance(0.5):
        x = case.image([rank], type)
        ones = case.build.constant("ones", np.ones(case.whole(1, 6), type))
        inputs = [x, ones] if case.chance(0.5) else [ones, x]
        size = max(rank, case.build.tensors[ones].elements)
        return case.done(inputs, [case.build.tensor("y", [size], type)])
    shapes, result = broadcasting(case, 2)
    x = case.image(shapes[0])
    both = case.build.tensor("both", [len(result)], "int32")
    case.build.operator("BROADCAST_ARGS", [case.ints(f"s{k}", s) for k, s in enumerate(shapes)], [both])
    case.type = "BROADCAST_TO"
    return case.done([x, both], [case.like(x, result)])


@builds("EMBEDDING_LOOKUP")
def _embedding_lookup(case: Case) -> Model:
    shape, count = case.shape(2, 4, 5), case.whole(1, 5)
    if case.chance(0.3):
        table = case.image(shape, "float32")
    else:
        table = case.image(shape, zero_point=0)
    rows = case.ints("rows", case.rng.integers(0, shape[0], count))
    y = case.like(table, (count, *shape[1:]))
    if case.chance(0.5):
        y = case.build.tensor("y", (count, *shape[1:]), "float32")
    return case.done([rows, table], [y])
