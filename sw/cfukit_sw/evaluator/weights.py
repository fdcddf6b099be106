"""int4 weights become int8 weights, as TFLM unpacks them: two in a byte, the first one in the low half."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cfukit_sw.model import Model, Tensor

OPERATORS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def with_int8_weights(model: Model) -> Model:
    """`model` with int8 instead of int4 weights of int8 activations. Other int4 tensors stay, and their operators refuse them."""
    if all(tensor.type != "int4" for tensor in model.tensors):
        return model
    tensors = list(model.tensors)
    weights, others = set[int](), set[int]()
    for op in model.operators:
        image = model.input_of(op, 0)
        fits = op.type in OPERATORS and image is not None and image.type == "int8"
        if op.type == "FULLY_CONNECTED":  # TFLM refuses a scale for each channel here
            fits = fits and len(op.inputs) > 1 and tensors[op.inputs[1]].scales.size == 1
        for place, index in enumerate(op.inputs):
            (weights if fits and place == 1 else others).add(index)
    for index in weights - others:
        if index >= 0 and tensors[index].type == "int4":
            data = _unpacked(tensors[index])
            if data is not None:
                tensors[index] = replace(tensors[index], type="int8", data=data)
    return replace(model, tensors=tuple(tensors))


def _unpacked(tensor: Tensor) -> npt.NDArray[np.int8] | None:
    """The values; None if the bytes are not as many as the shape says."""
    if tensor.data is None or tensor.data.size != (tensor.elements + 1) // 2:
        return None
    packed = tensor.data.reshape(-1).view(np.int8)
    halves = np.stack([np.left_shift(packed, 4) >> 4, packed >> 4], axis=1)
    data = halves.reshape(-1)[: tensor.elements].reshape(tensor.shape)
    data.flags.writeable = False
    return data


def packed(values: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """The other way round, for values -8 .. 7; an odd last one fills a byte of its own."""
    flat = np.append(values.reshape(-1), np.zeros(values.size % 2, np.int8)).view(np.uint8)
    return ((flat[0::2] & 15) | (flat[1::2] << 4)).astype(np.uint8)
