"""Fold a PAD into the convolution that reads it, whose kernel then sees the smaller tensor and a larger padding.

This is exact if the PAD writes the convolution's input zero point around the image, because taps outside the image count as that.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cfukit_sw.lowering.lowered import Lowered, TensorAt
from cfukit_sw.model import Model, Operator

FOLDING_TYPES = ("CONV_2D", "DEPTHWISE_CONV_2D")


def foldable_pads(model: Model, needed: Container[int]) -> dict[int, Operator]:
    """Convolution -> the PAD or PADV2 before it, if nothing else reads that and it writes the zero point around an image."""
    readers: dict[int, list[Operator]] = {}
    for op in model.operators:
        for tensor in op.inputs if op.index in needed else ():
            readers.setdefault(tensor, []).append(op)
    found = {}
    for pad in model.operators:
        output = pad.outputs[0] if pad.outputs else -1
        reading = readers.get(output, [])
        if pad.type not in ("PAD", "PADV2") or pad.index not in needed or output in model.outputs:
            continue
        alone = len(reading) == 1 and reading[0].type in FOLDING_TYPES and reading[0].inputs[0] == output
        if alone and _amounts(model, pad) is not None:
            found[reading[0].index] = pad
    return found


def _amounts(model: Model, pad: Operator) -> npt.NDArray[np.int64] | None:
    """Amounts [axis, before and after] for rows and columns. None if the PAD does not write the zero point around an int8 image."""
    x, amounts, y = model.input_of(pad, 0), model.input_of(pad, 1), model.output_of(pad)
    if x is None or amounts is None or amounts.data is None or (x.type, y.type) != ("int8", "int8"):
        return None
    table = np.asarray(amounts.data, np.int64).reshape(-1, 2)
    if len(x.shape) != 4 or table.shape != (4, 2) or (table < 0).any() or table[[0, 3]].any():
        return None
    value = model.input_of(pad, 2) if pad.type == "PADV2" else None
    if pad.type == "PADV2" and (
        value is None or value.data is None or int(np.asarray(value.data).reshape(-1)[0]) != y.zero_point
    ):
        return None
    return table[1:3]


def folded(model: Model, pad: Operator, lowered: Lowered) -> Lowered | None:
    """The convolution `lowered` on the input of `pad`.

    None if whole windows would lie outside the image, which kernels need not handle.

    """
    amounts = _amounts(model, pad)
    assert amounts is not None
    if lowered.struct != "cfukit_conv":
        return None
    op, x = lowered.op, model.tensors[pad.inputs[0]]
    windows = [
        (size - 1) * dilation + 1 for size, dilation in zip(op.filter_shape[1:3], op.dilation, strict=True)
    ]
    (before_y, after_y), (before_x, after_x) = amounts.tolist()
    top, bottom, left, right = op.padding
    padding = (top + before_y, bottom + after_y, left + before_x, right + after_x)
    if max(padding[:2]) >= windows[0] or max(padding[2:]) >= windows[1]:
        return None
    params = lowered.params | {
        "input": TensorAt(x.index),
        "input_height": x.shape[1],
        "input_width": x.shape[2],
        "padding_top": padding[0],
        "padding_left": padding[2],
    }
    described = replace(op, input_shape=x.shape, padding=padding)
    return replace(lowered, op=described, params=params, in_place=(x.index,))
