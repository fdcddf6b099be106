"""Models with other types: what happens if an operator gets uint8, int64 or float32 in place of what it had? See sw/test_types.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from cfukit_sw.model import NUMPY_TYPES, Model, Tensor

TYPES = ("int8", "uint8", "int16", "int32", "uint32", "int64", "bool", "float32")
QUANTISED = ("int8", "uint8", "int16")


def retyped(model: Model) -> Iterator[tuple[str, Model]]:
    """(type, model) for each type, in which all values that were of the type of a model input have this one."""
    if model.subgraphs or any(tensor.type == "int4" for tensor in model.tensors):
        return  # what is in subgraphs, and packed weights, would have to change too
    for old in {model.tensors[index].type for index in model.inputs} & set(TYPES):
        for new in TYPES:
            tensors = tuple(
                _changed(tensor, new) if tensor.type == old or _is_bias(tensor, new) else tensor
                for tensor in model.tensors
            )
            yield f"{old} to {new}", replace(model, tensors=tensors)


def with_one_retyped(model: Model) -> Iterator[tuple[str, Model]]:
    """(what, model) for each tensor of an operator and each other type, which that tensor alone has there."""
    if model.subgraphs or any(tensor.type not in TYPES for tensor in model.tensors):
        return
    used = {index for op in model.operators for index in (*op.inputs, *op.outputs) if index >= 0}
    for index in sorted(used):
        old = model.tensors[index]
        for new in TYPES:
            changed = _changed(old, new)
            if changed is not old:
                tensors = tuple(changed if each is old else each for each in model.tensors)
                yield f"{old} to {new}", replace(model, tensors=tensors)


def with_long_indices(model: Model) -> Iterator[tuple[str, Model]]:
    """(tensor, model) for each int32 constant without a scale (axes, sizes, indices), which has int64 there."""
    for tensor in model.tensors:
        if tensor.type == "int32" and tensor.data is not None and not tensor.scales.size:
            changed = replace(tensor, type="int64", data=tensor.data.astype(np.int64))
            tensors = tuple(changed if each is tensor else each for each in model.tensors)
            yield f"{tensor}", replace(model, tensors=tensors)


def _is_bias(tensor: Tensor, new: str) -> bool:
    """A bias of a float32 operator is float32 too."""
    return new == "float32" and tensor.data is not None and bool(tensor.scales.size)


def _changed(tensor: Tensor, type: str) -> Tensor:
    """Sizes and axes stay as they are: they are constants without a scale."""
    if tensor.type == type or (tensor.data is not None and tensor.type == "int32" and not tensor.scales.size):
        return tensor
    scales, points = np.zeros(0, np.float32), np.zeros(0, np.int64)
    if type in QUANTISED or (type == "int32" and tensor.scales.size):
        scales = tensor.scales[:1] if tensor.scales.size else np.array([0.05], np.float32)
        points = np.zeros(1, np.int64)
    data = None if tensor.data is None else _converted(tensor.data, type)
    return replace(tensor, type=type, scales=scales, zero_points=points, quantized_dimension=0, data=data)


def _converted(data: np.ndarray, type: str) -> np.ndarray:
    if type in ("bool", "float32"):
        return data.astype(NUMPY_TYPES[type])
    limits, numbers = np.iinfo(NUMPY_TYPES[type]), np.nan_to_num(data.astype(np.float64))
    return np.clip(numbers, limits.min, min(limits.max, 2**53)).astype(NUMPY_TYPES[type])
