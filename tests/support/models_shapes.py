"""Random models of operators on shapes, blocks and places, and of chains that compute a shape. See support.models."""

from __future__ import annotations

import numpy as np

from cfukit_sw.evaluator.gathering import BASIC_CLASSIFIER
from cfukit_sw.model import Model
from support.models import Case, builds

ANY = ("int8", "int8", "uint8", "int16", "int32", "uint32", "int64", "float32", "bool")


@builds("SHAPE")
def _shape(case: Case) -> Model:
    """The shape itself, or what Keras makes of Flatten: [SHAPE, STRIDED_SLICE, PACK, RESHAPE]."""
    shape = case.shape(2, 4)
    x = case.image(shape, case.pick(ANY))
    rank = len(shape)
    if case.chance(0.3):
        return case.done([x], [case.build.tensor("y", (rank,), "int32")], out_type="INT32")
    build = case.build
    sizes, batches, all_of = (
        build.tensor(n, s, "int32") for n, s in (("s", (rank,)), ("b", ()), ("a", (2,)))
    )
    build.operator("SHAPE", [x], [sizes], out_type="INT32")
    rows = [case.ints(name, [value]) for name, value in (("b", 0), ("e", 1), ("s", 1))]
    build.operator("STRIDED_SLICE", [sizes, *rows], [batches], shrink_axis_mask=1)
    rest = case.ints("rest", int(np.prod(shape[1:])))
    build.operator("PACK", [batches, rest], [all_of], values_count=2, axis=0)
    case.type = "RESHAPE"
    return case.done([x, all_of], [case.like(x, (shape[0], int(np.prod(shape[1:]))))])


@builds("ZEROS_LIKE")
def _zeros_like(case: Case) -> Model:
    shape = case.shape(1, 4)
    x = case.image(shape, case.pick(["int8", "int32", "int64", "float32"]))
    return case.done([x], [case.like(x, shape)])


@builds("FILL")
def _fill(case: Case) -> Model:
    shape = case.shape(1, 4)
    x = case.image((), case.pick(ANY))
    return case.done([case.ints("shape", shape), x], [case.like(x, shape)])


@builds("BROADCAST_TO")
def _broadcast_to(case: Case) -> Model:
    shape = case.shape(1, 5, 4)
    source = tuple(1 if case.chance(0.4) else size for size in shape)[case.whole(0, len(shape) - 1) :]
    x = case.image(source, case.pick(ANY))
    return case.done([x, case.ints("shape", shape)], [case.like(x, shape)])


@builds("REVERSE_V2")
def _reverse(case: Case) -> Model:
    shape = case.shape(1, 4)
    axis = case.whole(-len(shape), len(shape) - 1)
    x = case.image(shape, case.pick(ANY))
    return case.done([x, case.ints("axis", [axis])], [case.like(x, shape)])


@builds("SPLIT_V")
def _split_v(case: Case) -> Model:
    shape = list(case.shape(1, 4))
    axis = case.whole(0, len(shape) - 1)
    sizes = [case.whole(1, 4) for _ in range(case.whole(1, 4))]
    shape[axis] = sum(sizes)
    parts = [[*shape[:axis], size, *shape[axis + 1 :]] for size in sizes]
    x = case.image(shape, case.pick(ANY))
    inputs = [
        x,
        case.ints("sizes", sizes),
        case.ints("axis", axis - len(shape) if case.chance(0.3) else axis),
    ]
    return case.done(inputs, [case.like(x, part) for part in parts], num_splits=len(sizes))


@builds("UNPACK")
def _unpack(case: Case) -> Model:
    shape = case.shape(2, 4)
    axis = case.whole(0, len(shape) - 1)
    x = case.image(shape, case.pick(ANY))
    outputs = [case.like(x, shape[:axis] + shape[axis + 1 :]) for _ in range(shape[axis])]
    return case.done([x], outputs, axis=axis - len(shape) if case.chance(0.3) else axis, num=shape[axis])


@builds("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND")
def _batches(case: Case) -> Model:
    axes = case.pick([1, 2, 2])
    block = [case.whole(1, 3) for _ in range(axes)]
    counts = [case.whole(1, 3) for _ in range(axes)]
    whole = [b * n for b, n in zip(block, counts, strict=True)]
    margins = []
    for size in whole:
        before = case.whole(0, min(size - 1, 3))
        margins.append((before, case.whole(0, min(size - 1 - before, 3))))
    inside = [size - sum(pair) for size, pair in zip(whole, margins, strict=True)]
    n, c = case.whole(1, 2), case.whole(1, 4)
    image, batches = (n, *inside, c), (n * int(np.prod(block)), *counts, c)
    x_shape, y_shape = (image, batches) if case.type == "SPACE_TO_BATCH_ND" else (batches, image)
    x = case.image(x_shape, case.pick(["int8", "int8", "float32"]))
    return case.done([x, case.ints("block", block), case.ints("margins", margins)], [case.like(x, y_shape)])


@builds("GATHER")
def _gather(case: Case) -> Model:
    shape = case.shape(1, 4)
    axis = case.whole(0, len(shape) - 1)
    batch = case.pick([0, 0, case.whole(0, axis)])
    rest = case.shape(0 if batch else 1, 2, 4)
    indices = case.rng.integers(0, shape[axis], (*shape[:batch], *rest))
    x = case.image(shape, case.pick(["int8", "int8", "float32"]))
    y = case.like(x, (*shape[:axis], *rest, *shape[axis + 1 :]))
    given = axis - len(shape) if case.chance(0.3) else axis
    return case.done([x, case.ints("indices", indices)], [y], axis=given, batch_dims=batch)


@builds("GATHER_ND")
def _gather_nd(case: Case) -> Model:
    shape = case.shape(1, 4)
    depth = case.whole(1, len(shape))
    outer = case.shape(0, 2, 4)
    indices = case.rng.integers(0, shape[:depth], (*outer, depth))
    x = case.image(shape, case.pick(["int8", "int8", "float32"]))
    return case.done([x, case.ints("indices", indices)], [case.like(x, (*outer, *shape[depth:]))])


@builds(BASIC_CLASSIFIER)
def _basic_classifier(case: Case) -> Model:
    """Thresholds are near the scores' extremes too, and equal scores occur."""
    classes, count, build = case.whole(1, 9), case.whole(1, 5), case.build
    scores = case.image((1, classes) if case.chance(0.5) else (classes,), "int32")
    targets = case.ints("targets", case.rng.integers(0, classes, count))
    thresholds = case.rng.choice([-(2**31), -1, 0, 1, 2**31 - 1, case.whole(-(2**31), 2**31 - 1)], count)
    outputs = [build.tensor("detected", (count,), "bool"), build.tensor("scores", (count,), "int32")]
    return case.done([scores, targets, case.ints("thresholds", thresholds)], outputs)
