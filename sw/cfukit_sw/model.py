"""The model as plain data. The reader makes it from a `.tflite` file, and everything else here works on it.

Tensors and operators keep the file's order and indices, so reports use the same numbers as TFLM, Netron and the file itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod

import numpy as np
import numpy.typing as npt

Option = int | float | str | bool | tuple[int, ...]

# Tensor types, by their TFLite names in lower case. A model may hold others as long as no operator touches them.
NUMPY_TYPES: dict[str, type[np.generic]] = {
    "float32": np.float32,
    "float64": np.float64,
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "uint16": np.uint16,
    "int32": np.int32,
    "uint32": np.uint32,
    "int64": np.int64,
    "uint64": np.uint64,
    "bool": np.bool_,
}


def _no_scales() -> npt.NDArray[np.float32]:
    return np.zeros(0, np.float32)


def _no_zero_points() -> npt.NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor. `data` is None unless it is a constant; then it has `shape` and the numpy type of `type`
    (read-only).

    initial: what a variable holds after a reset. None: its zero point if it is int8, else 0.

    scales, zero_points: empty when the tensor is not quantised; one entry, or one per index of
    `quantized_dimension`.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    type: str
    scales: npt.NDArray[np.float32] = field(default_factory=_no_scales)
    zero_points: npt.NDArray[np.int64] = field(default_factory=_no_zero_points)
    quantized_dimension: int = 0
    data: npt.NDArray[np.generic] | None = None
    is_variable: bool = False
    initial: npt.NDArray[np.generic] | None = None

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The numpy type. KeyError for a type that numpy lacks: the reader accepts those, but no operator takes them."""
        return np.dtype(NUMPY_TYPES[self.type])

    @property
    def bytes(self) -> int:
        """Two values of int4 share a byte. 0 for other types that numpy lacks: their size is not known."""
        if self.type == "int4":
            return (self.elements + 1) // 2
        return self.elements * self.dtype.itemsize if self.type in NUMPY_TYPES else 0

    @property
    def is_constant(self) -> bool:
        return self.data is not None

    @property
    def scale(self) -> np.float32:
        """The first scale, as the float32 of the file. IndexError when the tensor is not quantised."""
        return np.float32(self.scales[0])

    @property
    def zero_point(self) -> int:
        """The first zero point; 0 when the file gives none."""
        return int(self.zero_points[0]) if self.zero_points.size else 0

    def __str__(self) -> str:
        return f"tensor {self.index} '{self.name}' {self.type}{list(self.shape)}"

    def __eq__(self, other: object) -> bool:
        """Same fields. Arrays are compared by type, shape and bits, so NaN equals itself."""
        if not isinstance(other, Tensor):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.index, self.name, self.shape, self.type))

    def _key(self) -> tuple[object, ...]:
        data = None if self.data is None else (self.data.dtype.str, self.data.shape, self.data.tobytes())
        plain = (self.index, self.name, self.shape, self.type, self.quantized_dimension, self.is_variable)
        initial = None if self.initial is None else self.initial.tobytes()
        return (*plain, initial, self.scales.tobytes(), self.zero_points.tobytes(), data)


@dataclass(frozen=True)
class Operator:
    """One operator: `type` is its TFLite name ("CONV_2D"), or "CUSTOM:name".

    inputs, outputs: tensor indices, -1 = absent. options: the builtin options under their schema names in
    lower case with underscores; enumerations as their TFLite names (padding "SAME", fused_activation_function
    "RELU6").
    """

    index: int
    type: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Option] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"operator {self.index} {self.type}"


@dataclass(frozen=True)
class Model:
    """A whole model: its main graph, operators in execution order.

    name: the file's name without ending, for people. sha256: of the file. metadata: raw bytes by name.
    subgraphs: what operators may call, from the file's subgraph 1 on. They have no subgraphs of their own.
    """

    name: str
    sha256: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    metadata: dict[str, bytes] = field(default_factory=dict)
    subgraphs: tuple[Model, ...] = ()

    def input_of(self, op: Operator, position: int) -> Tensor | None:
        """The operator's input tensor at `position`; None when it is absent or -1."""
        if position >= len(op.inputs) or op.inputs[position] < 0:
            return None
        return self.tensors[op.inputs[position]]

    def output_of(self, op: Operator, position: int = 0) -> Tensor:
        return self.tensors[op.outputs[position]]

    def variables(self) -> Iterator[Tensor]:
        """Tensors that keep their values between inferences."""
        return (tensor for tensor in self.tensors if tensor.is_variable)

    def operator(self, index: int) -> Operator:
        """The operator with this index, which is its place in the file. A part of a model has fewer operators."""
        return next(op for op in self.operators if op.index == index)

    def macs_of(self, op: Operator) -> int:
        """Multiply-accumulates of one operator. Every kernel tap counts, also those in the padding. 0 for operators without any."""
        weights = self.input_of(op, 1)
        if weights is None or not op.outputs:
            return 0
        if op.type == "CONV_2D":
            return self.output_of(op).elements * prod(weights.shape[1:])
        if op.type == "DEPTHWISE_CONV_2D":
            return self.output_of(op).elements * prod(weights.shape[1:3])
        if op.type == "FULLY_CONNECTED":
            return self.output_of(op).elements * (weights.shape[-1] if weights.shape else 0)
        if op.type == "TRANSPOSE_CONV":
            image = self.input_of(op, 2)
            return 0 if image is None else image.elements * prod(weights.shape[:3])
        if op.type == "SVDF":
            time_weights, image = self.input_of(op, 2), self.input_of(op, 0)
            batches = image.shape[0] if image is not None and image.shape else 0
            return batches * (weights.elements + (time_weights.elements if time_weights else 0))
        if op.type == "UNIDIRECTIONAL_SEQUENCE_LSTM":
            image = self.input_of(op, 0)
            steps = prod(image.shape[:2]) if image is not None else 0
            matrices = [self.input_of(op, position) for position in range(1, 9)]
            return steps * sum(matrix.elements for matrix in matrices if matrix is not None)
        return 0

    @property
    def macs(self) -> int:
        return sum(self.macs_of(op) for op in self.operators)
