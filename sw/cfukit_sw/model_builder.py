"""Build a model in a few lines: for the training script, and for tests.

build = ModelBuilder("tiny")
x = build.tensor("x", (1, 64), scale=1 / 16)
w = build.constant("w", weights_int8, scale=0.02)
y = build.tensor("y", (1, 10), scale=0.1, zero_point=-3)
build.operator("FULLY_CONNECTED", [x, w], [y])
write_model(build.model([x], [y]), "tiny.tflite")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cfukit_sw.model import NUMPY_TYPES, Model, Operator, Option, Tensor
from cfukit_sw.options import default_options

_TYPE_NAMES = {np.dtype(value): key for key, value in NUMPY_TYPES.items()}


class ModelBuilder:
    """Collects tensors and operators. Both are referred to by index."""

    def __init__(self, name: str = "model"):
        self.name = name
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []
        self.metadata: dict[str, bytes] = {}
        self.subgraphs: list[Model] = []

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        type: str = "int8",
        *,
        scale: float | Sequence[float] | None = None,
        zero_point: int | Sequence[int] | None = None,
        quantized_dimension: int = 0,
        data: Any = None,
        variable: bool = False,
    ) -> int:
        """A new tensor's index. The zero points are 0 if only scales are given."""
        scales = np.zeros(0, np.float32) if scale is None else np.atleast_1d(np.asarray(scale, np.float32))
        if zero_point is None:
            zero_points = np.zeros(scales.size, np.int64)
        else:
            zero_points = np.atleast_1d(np.asarray(zero_point, np.int64))
        if data is not None:
            data = np.asarray(data, NUMPY_TYPES[type]).reshape(tuple(shape)).copy()
            data.flags.writeable = False
        index = len(self.tensors)
        shape = tuple(int(size) for size in shape)
        self.tensors.append(
            Tensor(index, name, shape, type, scales, zero_points, quantized_dimension, data, variable)
        )
        return index

    def constant(self, name: str, data: Any, **quantization: Any) -> int:
        """A constant of the type and shape of the numpy array `data`."""
        array = np.asarray(data)
        return self.tensor(name, array.shape, _TYPE_NAMES[array.dtype], data=array, **quantization)

    def operator(self, type: str, inputs: Sequence[int], outputs: Sequence[int], **options: Option) -> int:
        """A new operator's index. Options that are not given have the schema's defaults; floats become float32."""
        defaults = default_options(type)
        unknown = set(options) - set(defaults)
        if unknown:
            raise ValueError(f"{type} has no option {sorted(unknown)}; there are {sorted(defaults)}")
        for name, value in options.items():
            if isinstance(defaults[name], float):
                options[name] = float(np.float32(value))  # type: ignore[arg-type]
        index = len(self.operators)
        self.operators.append(Operator(index, type, tuple(inputs), tuple(outputs), defaults | options))
        return index

    def model(self, inputs: Sequence[int], outputs: Sequence[int]) -> Model:
        """The model so far. Its sha256 is empty until it is written and read."""
        tensors, operators = tuple(self.tensors), tuple(self.operators)
        subgraphs = tuple(self.subgraphs)
        return Model(
            self.name, "", tensors, operators, tuple(inputs), tuple(outputs), dict(self.metadata), subgraphs
        )
