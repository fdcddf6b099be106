"""GATHER, GATHER_ND, EMBEDDING_LOOKUP and BasicClassifier: parts of a tensor at computed places. TFLM reference kernels, generation B.

An index outside the tensor is refused: a constant one before, a computed one when it occurs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.model import Tensor
from cfukit_sw.site import Array, Site
from cfukit_sw.values import value_refusal

TYPES = ("int8", "float32")
BASIC_CLASSIFIER = "CUSTOM:BasicClassifier"


def _check(at: Site, indices: Array, sizes: Any) -> None:
    """Refuse the first index that is not 0..size - 1."""
    wrong = indices[(indices < 0) | (indices >= sizes)]
    if wrong.size:
        at.refuse(*value_refusal(at.op.type, int(wrong[0])))


def _indices(at: Site) -> tuple[Tensor, Tensor, Tensor]:
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    image = at.input(0, *TYPES)
    at.rank(image, *range(1, 9))
    return image, at.input(1, "int32"), at.output(image.type)


@operator("GATHER")
def gather(at: Site) -> Compute:
    """output[batch, outer, i, inner] = x[batch, outer, indices[batch, i], inner]."""
    image, indices, output = _indices(at)
    axis = at.axis(at.integer("axis"), len(image.shape))
    batch_dims = at.integer("batch_dims", -len(indices.shape), len(indices.shape))
    batch_dims += len(indices.shape) * (batch_dims < 0)
    if batch_dims > axis or image.shape[:batch_dims] != indices.shape[:batch_dims]:
        at.refuse(f"batch_dims {batch_dims} of {image} and {indices}", "equal axes in front, before the axis")
    rest = indices.shape[batch_dims:]
    at.shape(output, (*image.shape[:axis], *rest, *image.shape[axis + 1 :]))
    if indices.data is not None:
        _check(at, indices.data, image.shape[axis])

    def run(inputs: list[Any]) -> list[Array]:
        _check(at, inputs[1], image.shape[axis])
        batches = int(np.prod(image.shape[:batch_dims]))
        blocks = inputs[0].reshape(batches, *image.shape[batch_dims:])
        places = inputs[1].reshape(batches, -1)
        taken = [np.take(x, i, axis - batch_dims) for x, i in zip(blocks, places, strict=True)]
        return [np.stack(taken).reshape(output.shape)]

    return run


@operator("GATHER_ND")
def gather_nd(at: Site) -> Compute:
    """Every row of the last axis of the indices names an element, or a part with the remaining axes."""
    image, indices, output = _indices(at)
    at.rank(indices, *range(1, 9))
    depth = indices.shape[-1]
    if depth > min(len(image.shape), 5):
        at.refuse(f"{depth} indices for each part of {image}", f"at most {min(len(image.shape), 5)}")
    at.shape(output, (*indices.shape[:-1], *image.shape[depth:]))
    sizes = np.array(image.shape[:depth])
    if indices.data is not None:
        _check(at, indices.data, np.broadcast_to(sizes, indices.shape))

    def run(inputs: list[Any]) -> list[Array]:
        _check(at, inputs[1], np.broadcast_to(sizes, indices.shape))
        places = inputs[1].reshape(-1, depth)
        return [np.ascontiguousarray(inputs[0][tuple(places.T)]).reshape(output.shape)]

    return run


@operator("EMBEDDING_LOOKUP")
def embedding_lookup(at: Site) -> Compute:
    """The rows of input 1 that input 0 names; rows of int8 become float32 if the output is."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    rows, table = at.rank(at.input(0, "int32"), 1), at.input(1, *TYPES)
    at.rank(table, *range(2, 9))
    output = at.output("float32", *(["int8"] if table.type == "int8" else []))
    at.shape(output, (rows.elements, *table.shape[1:]))
    if table.type != output.type and table.zero_point:
        at.refuse(f"{table} has zero point {table.zero_point}", "0 where the output is float32")
    scale = at.scale(table) if table.type != output.type else np.float32(1)
    if rows.data is not None:
        _check(at, rows.data, table.shape[0])

    def run(inputs: list[Any]) -> list[Array]:
        _check(at, inputs[0], table.shape[0])
        taken = inputs[1][inputs[0]]
        return [taken if table.type == output.type else (taken * np.float64(scale)).astype(np.float32)]

    return run


@operator(BASIC_CLASSIFIER)
def basic_classifier(at: Site) -> Compute:
    """The scores of some classes, and whether each is at least its threshold."""
    at.inputs_between(3, 3)
    at.outputs_exactly(2)
    scores, targets, thresholds = (at.input(position, "int32") for position in range(3))
    at.rank(scores, 1, 2)
    count = at.rank(targets, 1).elements
    for tensor in (thresholds, at.output("bool"), at.output("int32", position=1)):
        at.shape(tensor, (count,))
    if targets.data is not None:
        _check(at, targets.data, scores.elements)

    def run(inputs: list[Any]) -> list[Array]:
        _check(at, inputs[1], scores.elements)
        taken = inputs[0].reshape(-1)[inputs[1]]
        return [taken >= inputs[2], taken]

    return run
