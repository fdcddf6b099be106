"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: blocks of pixels become batches, and back. TFLM reference kernels, generation B."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from cfukit_sw.evaluator.movement import moved
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.model import Tensor
from cfukit_sw.site import Array, Site

TYPES = ("int8", "float32")


def block_and_margins(at: Site, image: Tensor) -> tuple[list[int], list[tuple[int, int]]]:
    """Block sizes of the axes between batches and channels, and what each of them gets or loses before and after."""
    at.rank(image, 3, 4)
    axes = len(image.shape) - 2
    block, values = at.integers(1, axes, ("int32",)), at.integers(2, 2 * axes, ("int32",))
    if min(block) < 1 or min(values) < 0:
        at.refuse(f"blocks {block}, margins {values}", "blocks of at least 1, margins of at least 0")
    return block, list(zip(values[0::2], values[1::2], strict=True))


@operator("SPACE_TO_BATCH_ND")
def space_to_batch(at: Site) -> Compute:
    """Output batch (i, j, n) holds pixel (i, j) of every block of image n.

    TFLM pads with stored zeros, whatever the zero point is: it never sets the value that it pads with, and its memory begins as 0.
    """
    image, output = moved(at, most=3)
    at.input(0, *TYPES)
    block, margins = block_and_margins(at, image)
    batches, *sizes, channels = image.shape
    padded = [size + sum(pair) for size, pair in zip(sizes, margins, strict=True)]
    if any(size % b for size, b in zip(padded, block, strict=True)):
        at.refuse(f"{padded} in blocks of {block}", "whole blocks")
    counts = [size // b for size, b in zip(padded, block, strict=True)]
    at.shape(output, (batches * prod(block), *counts, channels))
    axes = len(block)
    split = [batches, *(n for pair in zip(counts, block, strict=True) for n in pair), channels]
    order = [2 + 2 * k for k in range(axes)] + [0] + [1 + 2 * k for k in range(axes)] + [1 + 2 * axes]

    def run(inputs: list[Any]) -> list[Array]:
        whole = np.pad(inputs[0], [(0, 0), *margins, (0, 0)], constant_values=0)
        return [np.ascontiguousarray(whole.reshape(split).transpose(order)).reshape(output.shape)]

    return run


@operator("BATCH_TO_SPACE_ND")
def batch_to_space(at: Site) -> Compute:
    """The way back, without the cropped margins."""
    image, output = moved(at, most=3)
    at.input(0, *TYPES)
    block, margins = block_and_margins(at, image)
    batches, *counts, channels = image.shape
    if batches % prod(block):
        at.refuse(f"{image} in blocks of {block}", "as many batches as blocks have pixels, or a multiple")
    whole = [count * b for count, b in zip(counts, block, strict=True)]
    sizes = [size - sum(pair) for size, pair in zip(whole, margins, strict=True)]
    at.shape(output, (batches // prod(block), *sizes, channels))
    axes = len(block)
    order = [axes] + [n for k in range(axes) for n in (axes + 1 + k, k)] + [2 * axes + 1]
    inside = tuple(slice(before, size - after) for size, (before, after) in zip(whole, margins, strict=True))

    def run(inputs: list[Any]) -> list[Array]:
        split = inputs[0].reshape(*block, batches // prod(block), *counts, channels)
        pixels = split.transpose(order).reshape(batches // prod(block), *whole, channels)
        return [np.ascontiguousarray(pixels[(slice(None), *inside)])]

    return run
