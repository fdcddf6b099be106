"""Random models of ABS, ELU, LOG_SOFTMAX, L2_NORMALIZATION, SQUARED_DIFFERENCE, ADD_N and BATCH_MATMUL. See support.models."""

from __future__ import annotations

from math import sqrt

from cfukit_sw.model import Model
from support.models import Case, builds
from support.models_logic import broadcasting


@builds("ABS", "ELU")
def _function(case: Case) -> Model:
    shape = case.shape()
    x = case.image(shape, "int8" if case.type == "ELU" else case.activations(), scale=case.scale(1e-3, 0.5))
    scale = float(case.build.tensors[x].scale)
    return case.done([x], [case.out_of(x, shape, scale if case.chance(0.2) else scale * case.scale(0.2, 3))])


@builds("LOG_SOFTMAX")
def _log_softmax(case: Case) -> Model:
    shape = (*case.shape(0, 2), case.whole(65, 300) if case.chance(0.2) else case.whole(1, 40))
    x = case.image(shape, scale=case.scale(1e-3, 2))
    return case.done([x], [case.out(shape, 1 / 16, 127)])


@builds("L2_NORMALIZATION")
def _l2_normalization(case: Case) -> Model:
    shape = (*case.shape(0, 3), case.whole(65, 300) if case.chance(0.2) else case.whole(1, 20))
    return case.done([case.image(shape)], [case.out(shape, 1 / 128, 0)])


@builds("SQUARED_DIFFERENCE")
def _squared_difference(case: Case) -> Model:
    shapes, result = broadcasting(case, 2)
    type = case.pick(["int8", "int8", "int16", "int32"])
    if type == "int32":
        inputs = [case.image(shape, type) for shape in shapes]
        return case.done(inputs, [case.build.tensor("y", result, type)])
    inputs = [case.image(shape, type) for shape in shapes]
    largest = max(float(case.build.tensors[index].scale) for index in inputs)
    size = largest**2 * (127 if type == "int8" else 32767) * case.scale(0.2, 4)
    return case.done(inputs, [case.out_of(inputs[0], result, size)])


@builds("ADD_N")
def _add_n(case: Case) -> Model:
    shape = case.shape()
    first = case.image(shape)
    source = case.build.tensors[first]
    quantised = {"scale": source.scales, "zero_point": source.zero_points}
    inputs = [first, *(case.image(shape, **quantised) for _ in range(case.whole(1, 4)))]
    return case.done(inputs, [case.out(shape, float(source.scale) * case.scale(0.5, 4))])


@builds("BATCH_MATMUL")
def _batch_matmul(case: Case) -> Model:
    shapes, batches = broadcasting(case, 2)
    shapes, batches = [shape[-2:] for shape in shapes], batches[-2:]
    rows, depth, columns = (case.whole(1, 6) for _ in range(3))
    adj_x, adj_y = case.chance(0.3), case.chance(0.3)
    type = case.activations()
    a = case.image((*shapes[0], *((depth, rows) if adj_x else (rows, depth))), type)
    b = case.image((*shapes[1], *((columns, depth) if adj_y else (depth, columns))), type)
    product = float(case.build.tensors[a].scale) * float(case.build.tensors[b].scale)
    size = product * sqrt(depth) * (127 if type == "int8" else 32767) * case.scale(0.2, 4)
    return case.done([a, b], [case.out_of(a, (*batches, rows, columns), size)], adj_x=adj_x, adj_y=adj_y)
