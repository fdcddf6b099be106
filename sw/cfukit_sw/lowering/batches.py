"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: one piece for each pixel of a block."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

from cfukit_sw.evaluator.batches import block_and_margins
from cfukit_sw.lowering.lowered import Lowered, TensorAt
from cfukit_sw.lowering.movement import Axes, dense_strides, moved
from cfukit_sw.model import Tensor
from cfukit_sw.site import Site

MAX_PIECES = 1024


def space_to_batch(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    pieces = [
        (axes, TensorAt(x.index, in_image), TensorAt(y.index, in_batches))
        for axes, in_image, in_batches in _pieces(at, image=x, batches=y, to_batches=True)
    ]
    return moved(at, x, pieces, fill=0)


def batch_to_space(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    pieces = [
        (axes, TensorAt(x.index, in_batches), TensorAt(y.index, in_image))
        for axes, in_image, in_batches in _pieces(at, image=y, batches=x, to_batches=False)
    ]
    return moved(at, x, pieces)


def _pieces(at: Site, image: Tensor, batches: Tensor, to_batches: bool) -> Iterator[tuple[Axes, int, int]]:
    """For each place in a block: the walk, and in bytes where it begins in the image and among the batches."""
    block, margins = block_and_margins(at, at.input(0))
    if prod(block) > MAX_PIECES:
        at.refuse(f"blocks of {prod(block)} pixels", f"at most {MAX_PIECES}")
    image_strides, batch_strides = dense_strides(image.shape), dense_strides(batches.shape)
    for number, place in enumerate(product(*map(range, block))):
        sizes, steps, first, begin = [image.shape[0]], [image_strides[0]], 0, 0
        for axis, (offset, b, (before, _)) in enumerate(zip(place, block, margins, strict=True), start=1):
            low = max(0, -(-(before - offset) // b))
            high = min(batches.shape[axis], -(-(image.shape[axis] + before - offset) // b))
            sizes.append(max(0, high - low))
            steps.append(b * image_strides[axis])
            first += (low * b + offset - before) * image_strides[axis]
            begin += low * batch_strides[axis]
        if prod(sizes):
            sizes.append(image.shape[-1])
            steps.append(1)
            begin += number * image.shape[0] * batch_strides[0]
            walk = (steps, batch_strides) if to_batches else (batch_strides, steps)
            size = image.dtype.itemsize
            yield Axes(sizes, *walk), first * size, begin * size
