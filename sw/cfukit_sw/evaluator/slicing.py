"""SLICE, STRIDED_SLICE, SPLIT, SPLIT_V and UNPACK: parts of a tensor. TFLM reference kernels, generation B."""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator.movement import MOVABLE, moved
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.model import Tensor
from cfukit_sw.site import Array, Site
from cfukit_sw.values import value_refusal

MAX_SLICE_RANK = 5


def _take(at: Site, index: tuple[slice | int, ...], shape: tuple[int, ...]) -> Compute:
    def run(inputs: list[Any]) -> list[Array]:
        return [np.ascontiguousarray(inputs[0][index]).reshape(shape)]

    return run


@operator("SLICE")
def slice_(at: Site) -> Compute:
    """begin and size per dimension; size -1: to the end."""
    image, output = moved(at, most=3)
    first, second = (at.input(position, "int32", "int64") for position in (1, 2))
    if first.type != second.type:
        at.refuse(f"{first} and {second}", "one type, because TFLM takes the begins' for both")
    if first.data is None or second.data is None:
        return _computed_slice(at, image, output)
    begins, sizes = at.integers(1, len(image.shape)), at.integers(2, len(image.shape))
    ends = []
    for begin, size, full in zip(begins, sizes, image.shape, strict=True):
        end = full if size == -1 else begin + size
        if not 0 <= begin < end <= full:
            at.refuse(f"begin {begins}, size {sizes} of {image}", "a part inside the tensor")
        ends.append(end)
    at.shape(output, [end - begin for begin, end in zip(begins, ends, strict=True)])
    return _take(at, tuple(map(slice, begins, ends)), output.shape)


def _computed_slice(at: Site, image: Tensor, output: Tensor) -> Compute:
    """The part that begins where an inference says, and is as large as the output tensor."""
    at.rank(image, *range(1, MAX_SLICE_RANK + 1))
    at.rank(output, len(image.shape))
    for position in (1, 2):
        at.shape(at.input(position), [len(image.shape)])
    rooms = [whole - part for whole, part in zip(image.shape, output.shape, strict=True)]
    if min(rooms) < 0:
        at.refuse(f"{output} of {image}", "a part that is not larger")

    def run(inputs: list[Any]) -> list[Array]:
        index = []
        given = zip(inputs[1].tolist(), inputs[2].tolist(), output.shape, rooms, strict=True)
        for begin, size, part, room in given:
            if size not in (-1, part):
                at.refuse(*value_refusal("SLICE", size % 2**32))
            if not (0 <= begin <= room) or (size == -1 and begin != room):
                at.refuse(*value_refusal("SLICE", begin % 2**32))
            index.append(slice(begin, begin + part))
        return [np.ascontiguousarray(inputs[0][tuple(index)])]

    return run


@operator("STRIDED_SLICE")
def strided_slice(at: Site) -> Compute:
    """begin:end:stride per dimension with begin, end and shrink masks; negative indices count from the
    end.
    """
    image, output = moved(at, most=4)
    for mask in ("ellipsis_mask", "new_axis_mask"):
        if at.option(mask):
            at.refuse(f"{mask} is {at.option(mask)}", "0")
    if at.option("offset"):
        at.refuse("offset is true", "false")
    rank = len(image.shape)
    begins, ends, strides = (at.integers(position, rank, ("int32",)) for position in (1, 2, 3))
    masks = {name: at.integer(name) for name in ("begin_mask", "end_mask", "shrink_axis_mask")}
    index: list[slice | int] = []
    shape = []
    for axis, size in enumerate(image.shape):
        bit, stride = 1 << axis, strides[axis]
        if stride == 0:
            at.refuse(f"strides {strides}", "no zeros")
        begin = None if masks["begin_mask"] & bit else begins[axis]
        if masks["shrink_axis_mask"] & bit:
            index.append(_single(at, begin, size, stride))
            continue
        end = None if masks["end_mask"] & bit else ends[axis]
        index.append(slice(begin, end, stride))
        shape.append(len(range(*slice(begin, end, stride).indices(size))))
    at.shape(output, shape)
    return _take(at, tuple(index), output.shape)


def _single(at: Site, begin: int | None, size: int, stride: int) -> int:
    """The one index of a shrunk axis. With a negative stride TFLM would write nothing at all."""
    if stride < 0:
        at.refuse(f"stride {stride} of a shrunk axis", "a positive one")
    if begin is None:
        return 0
    if not -size <= begin < size:
        at.refuse(f"begin {begin} of a shrunk axis of size {size}", f"{-size}..{size - 1}")
    return begin % size


@operator("SPLIT")
def split(at: Site) -> Compute:
    """axis, x -> equal parts along the axis, one an output."""
    at.inputs_between(2, 2)
    image = at.input(1, *MOVABLE)
    axis = at.axis(at.integers(0, 1)[0], len(image.shape))
    count = len(at.op.outputs)
    if at.integer("num_splits", 1, 65535) != count or image.shape[axis] % count:
        at.refuse(
            f"{at.option('num_splits')} parts of {image} in {count} outputs", "equal parts, one an output"
        )
    part = [*image.shape[:axis], image.shape[axis] // count, *image.shape[axis + 1 :]]
    for position in range(count):
        at.shape(at.output(image.type, position=position), part)

    def run(inputs: list[Any]) -> list[Array]:
        return [np.ascontiguousarray(piece) for piece in np.split(inputs[1], count, axis=axis)]

    return run


@operator("SPLIT_V")
def split_v(at: Site) -> Compute:
    """x, sizes, axis -> parts along the axis, one an output. The outputs' shapes count, as for TFLM; the sizes must agree."""
    at.inputs_between(3, 3)
    image = at.input(0, *MOVABLE)
    axis = at.axis(at.integers(2, 1)[0], len(image.shape))
    count = len(at.op.outputs)
    sizes = at.integers(1, count)
    at.integer("num_splits", count, count)
    if -1 in sizes:
        sizes[sizes.index(-1)] = image.shape[axis] - sum(sizes) - 1
    if min(sizes) < 1 or sum(sizes) != image.shape[axis]:
        at.refuse(f"sizes {sizes} of {image}", f"parts that add up to {image.shape[axis]}")
    for position, size in enumerate(sizes):
        part = (*image.shape[:axis], size, *image.shape[axis + 1 :])
        at.shape(at.output(image.type, position=position), part)
    ends = np.cumsum(sizes)[:-1].tolist()

    def run(inputs: list[Any]) -> list[Array]:
        return [np.ascontiguousarray(piece) for piece in np.split(inputs[0], ends, axis=axis)]

    return run


@operator("UNPACK")
def unpack(at: Site) -> Compute:
    """One output for each index along the axis, which the outputs lack."""
    at.inputs_between(1, 1)
    image = at.input(0, *MOVABLE)
    axis = at.axis(at.integer("axis"), len(image.shape))
    count = len(at.op.outputs)
    at.integer("num", count, count)
    if count != image.shape[axis]:
        at.refuse(f"{count} outputs of {image}", f"{image.shape[axis]}")
    for position in range(count):
        at.shape(at.output(image.type, position=position), image.shape[:axis] + image.shape[axis + 1 :])

    def run(inputs: list[Any]) -> list[Array]:
        return [np.ascontiguousarray(inputs[0].take(index, axis)) for index in range(count)]

    return run
