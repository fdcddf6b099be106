"""Operators that move values: shapes, padding, joining, transposing, blocks. TFLM reference kernels,
generation B.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.model import Tensor
from cfukit_sw.site import Array, Site

MOVABLE = ("int8", "uint8", "int16", "int32", "uint32", "int64", "float32", "bool")
PADDABLE = ("int8", "int16", "int32", "float32")


def moved(at: Site, inputs: int = 0, most: int = 0) -> tuple[Tensor, Tensor]:
    """The moved tensor (input `inputs`) and the output, which have one type. The operator may have `most` inputs."""
    at.inputs_between(inputs + 1, most or inputs + 1)
    at.outputs_exactly(1)
    image = at.input(inputs, *MOVABLE)
    return image, at.output(image.type)


@operator("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def reshape(at: Site) -> Compute:
    """The same values in the output tensor's shape, which the file gives."""
    image, output = moved(at, most=2)
    if image.elements != output.elements:
        at.refuse(f"{image} to {output}", "as many elements")

    def run(inputs: list[Any]) -> list[Array]:
        return [inputs[0].reshape(output.shape)]

    return run


@operator("TRANSPOSE")
def transpose(at: Site) -> Compute:
    """Output dimension i is input dimension permutation[i]."""
    image, output = moved(at, most=2)
    rank = len(image.shape)
    permutation = at.integers(1, rank, ("int32",))
    if sorted(permutation) != list(range(rank)):
        at.refuse(f"permutation {permutation}", f"each of 0..{rank - 1} once")
    at.shape(output, [image.shape[axis] for axis in permutation])

    def run(inputs: list[Any]) -> list[Array]:
        return [np.ascontiguousarray(inputs[0].transpose(permutation))]

    return run


def _paddings(at: Site, image: Tensor, output: Tensor) -> list[tuple[int, int]]:
    values = at.integers(1, 2 * len(image.shape))
    pairs = list(zip(values[0::2], values[1::2], strict=True))
    if any(value < 0 for value in values):
        at.refuse(f"paddings {pairs}", "0 or more")
    at.shape(output, [size + sum(pair) for size, pair in zip(image.shape, pairs, strict=True)])
    return pairs


@operator("PAD", "PADV2")
def pad(at: Site) -> Compute:
    """PAD fills with the output's zero point (0 for types other than int8), PADV2 with the value of its third
    input (int8: with the output's scale and zero point, else refused).
    """
    image, output = moved(at, most=3 if at.op.type == "PADV2" else 2)
    at.input(0, *PADDABLE)
    pairs = _paddings(at, image, output)
    fill: Any = output.zero_point if image.type == "int8" else 0
    if at.op.type == "PADV2":
        value = at.constant(2, image.type)
        if image.type == "int8":
            at.same_quantization(at.input(2), output)
        if value.size != 1:
            at.refuse(f"{value.size} padding values", "1")
        fill = value.reshape(-1)[0]

    def run(inputs: list[Any]) -> list[Array]:
        return [np.pad(inputs[0], pairs, constant_values=fill)]

    return run


@operator("MIRROR_PAD")
def mirror_pad(at: Site) -> Compute:
    """REFLECT mirrors at the border value (which is not repeated), SYMMETRIC repeats it."""
    image, output = moved(at, most=2)
    pairs = _paddings(at, image, output)
    margin = 1 if at.option("mode") == "REFLECT" else 0
    for size, pair in zip(image.shape, pairs, strict=True):
        if max(pair) > size - margin:
            at.refuse(f"padding {pair} of size {size}", f"at most {size - margin} ({at.option('mode')})")
    mode: Any = "reflect" if margin else "symmetric"

    def run(inputs: list[Any]) -> list[Array]:
        return [np.pad(inputs[0], pairs, mode=mode)]

    return run


@operator("CONCATENATION")
def concatenation(at: Site) -> Compute:
    """Along one axis; int8 inputs have the output's scale and zero point (else refused)."""
    at.outputs_exactly(1)
    at.no_activation()
    output = at.output(*MOVABLE)
    parts = [at.input(position, output.type) for position in range(len(at.op.inputs))]
    if not parts:
        at.refuse("no inputs", "at least 1")
    axis = at.axis(at.integer("axis", -8, 8), len(output.shape))
    for part in parts:
        if len(part.shape) != len(output.shape):
            at.refuse(f"{part}", f"{len(output.shape)} dimensions")
        if output.type == "int8":
            at.same_quantization(part, output)
        at.shape(part, [*output.shape[:axis], part.shape[axis], *output.shape[axis + 1 :]])
    total = sum(part.shape[axis] for part in parts)
    at.shape(output, [*output.shape[:axis], total, *output.shape[axis + 1 :]])

    def run(inputs: list[Any]) -> list[Array]:
        return [np.concatenate(inputs, axis=axis)]

    return run


@operator("PACK")
def pack(at: Site) -> Compute:
    """Stacks equal shapes along a new axis."""
    at.outputs_exactly(1)
    output = at.output(*MOVABLE)
    axis = at.axis(at.integer("axis", -8, 8), max(1, len(output.shape)))
    count = len(at.op.inputs)
    at.integer("values_count", count, count)
    if not output.shape or count != output.shape[axis]:
        at.refuse(f"{count} inputs to {output}", "as many as the new axis has places")
    for position in range(count):
        at.shape(at.input(position, output.type), output.shape[:axis] + output.shape[axis + 1 :])

    def run(inputs: list[Any]) -> list[Array]:
        return [np.stack(inputs, axis=axis)]

    return run


@operator("SPACE_TO_DEPTH", "DEPTH_TO_SPACE")
def space_depth(at: Site) -> Compute:
    """Blocks of b x b pixels [n, h * b, w * b, c] <-> depths [n, h, w, b * b * c], row-major within the
    block.
    """
    image, output = moved(at)
    at.rank(image, 4)
    at.rank(output, 4)
    b = at.integer("block_size", 1, 32767)
    to_depth = at.op.type == "SPACE_TO_DEPTH"
    pixels, depths = (image, output) if to_depth else (output, image)
    n, h, w, deep = depths.shape
    at.shape(pixels, (n, h * b, w * b, deep // (b * b)))
    at.shape(depths, (n, h, w, pixels.shape[3] * b * b))
    c = pixels.shape[3]

    def run(inputs: list[Any]) -> list[Array]:
        split = (n, h, b, w, b, c) if to_depth else (n, h, w, b, b, c)
        blocks = inputs[0].reshape(split).transpose(0, 1, 3, 2, 4, 5)
        return [np.ascontiguousarray(blocks).reshape(output.shape)]

    return run
