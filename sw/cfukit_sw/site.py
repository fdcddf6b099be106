"""One operator in its model, as evaluator and lowering ask about it, and the way in which both refuse it.

The evaluator's `prepare` functions state every rule for an operator's types, shapes, scales and options. Lowering runs after them,
uses the same methods, and adds only the limits of its kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from cfukit_base.errors import ModelError
from cfukit_sw.model import Model, Operator, Option, Tensor
from cfukit_sw.quantization import Multiplier, activation_range, quantize_multiplier

Array = npt.NDArray[Any]

MAX_SHIFT = 30  # after a larger left shift nothing of an int32 is left
MAX_WINDOW = 32767
MAX_BROADCAST_RANK = 7
MAX_TENSOR_ELEMENTS = 1 << 23  # far above any microcontroller
MAX_WIDE_SHIFT, MAX_WIDE_SUM = 7, 2**47  # of 64-bit sums


class Site:
    """One operator in its model, with the checks that every prepare function needs."""

    def __init__(self, model: Model, op: Operator):
        self.model, self.op = model, op

    def refuse(self, given: str, allowed: str = "", hint: str = "") -> NoReturn:
        raise ModelError(f"{self.model.name}: {self.op}", given, allowed=allowed, hint=hint)

    # --- tensors ------

    def inputs_between(self, least: int, most: int) -> None:
        if not least <= len(self.op.inputs) <= most:
            self.refuse(f"{len(self.op.inputs)} inputs", f"{least} to {most}" if most > least else str(least))

    def outputs_exactly(self, count: int) -> None:
        if len(self.op.outputs) != count:
            self.refuse(f"{len(self.op.outputs)} outputs", str(count))

    def input(self, position: int, *types: str) -> Tensor:
        """The input tensor at `position`, which must be there, of one of `types`, and not empty."""
        tensor = self.optional(position, *types)
        if tensor is None:
            self.refuse(f"input {position} is absent", "a tensor there")
        return tensor

    def optional(self, position: int, *types: str) -> Tensor | None:
        tensor = self.model.input_of(self.op, position)
        return None if tensor is None else self._checked(tensor, types)

    def output(self, *types: str, position: int = 0) -> Tensor:
        if position >= len(self.op.outputs):
            self.refuse(f"{len(self.op.outputs)} outputs", f"at least {position + 1}")
        return self._checked(self.model.output_of(self.op, position), types)

    def _checked(self, tensor: Tensor, types: Sequence[str]) -> Tensor:
        if types and tensor.type not in types:
            self.refuse(f"{tensor} has type {tensor.type}", f"supported: {', '.join(types)}")
        if tensor.elements == 0:
            self.refuse(f"{tensor} is empty", "sizes of at least 1")
        return tensor

    def constant(self, position: int, *types: str) -> Array:
        """The data of a constant input."""
        return self.data_of(self.input(position, *types))

    def data_of(self, tensor: Tensor) -> Array:
        if tensor.data is None:
            self.refuse(f"{tensor} is computed", "a constant there")
        return tensor.data

    def integers(
        self, position: int, count: int | None = None, types: Sequence[str] = ("int32", "int64")
    ) -> list[int]:
        """A constant input as a list: axes, sizes, paddings. May be empty. types: those that TFLM does not take for others."""
        tensor = self.model.input_of(self.op, position)
        if tensor is None or tensor.type not in types:
            self.refuse(f"input {position} is {tensor or 'absent'}", "constant int32")
        values: list[int] = [] if tensor.elements == 0 else self.data_of(tensor).reshape(-1).tolist()
        if count is not None and len(values) != count:
            self.refuse(f"{tensor} has {len(values)} values", str(count))
        return values

    # --- shapes ------

    def rank(self, tensor: Tensor, *ranks: int) -> Tensor:
        if len(tensor.shape) not in ranks:
            allowed = " or ".join(map(str, ranks))
            self.refuse(f"{tensor} has {len(tensor.shape)} dimensions", allowed)
        return tensor

    def shape(self, tensor: Tensor, expected: Sequence[int]) -> None:
        if tensor.shape != tuple(expected):
            self.refuse(f"{tensor}", f"shape {list(expected)} follows from the operator")

    def broadcast(self, output: Tensor, *inputs: Tensor) -> None:
        """The output has the shape to which the inputs broadcast."""
        try:
            shape = np.broadcast_shapes(*(tensor.shape for tensor in inputs))
        except ValueError:
            self.refuse(" and ".join(map(str, inputs)), "shapes that broadcast")
        if len(shape) > MAX_BROADCAST_RANK:
            self.refuse(
                f"{output} has {len(shape)} dimensions", f"at most {MAX_BROADCAST_RANK}, as in TFLM's loops"
            )
        self.shape(output, shape)

    def axis(self, value: int, rank: int) -> int:
        """A normalised axis 0..rank - 1; negative ones count from the end."""
        if not -rank <= value < rank:
            self.refuse(f"axis {value}", f"{-rank}..{rank - 1}")
        return value % rank

    # --- options ------

    def option(self, name: str) -> Option:
        return self.op.options[name]

    def real(self, name: str) -> float:
        """An option that the file stores as float32."""
        return float(np.float32(self.op.options[name]))  # type: ignore[arg-type]

    def integer(self, name: str, low: int = -(2**31), high: int = 2**31 - 1) -> int:
        value = int(self.op.options[name])  # type: ignore[arg-type]
        if not low <= value <= high:
            self.refuse(f"{name} is {value}", f"{low}..{high}")
        return value

    def activation(self, output: Tensor) -> tuple[int, int]:
        """Lowest and highest stored output value."""
        return self._range(self.scale(output), output.zero_point, output.type)

    def integer_activation(self) -> tuple[int, int]:
        """Lowest and highest output value of int32 arithmetic, which has no scale."""
        return self._range(np.float32(1), 0, "int32")

    def _range(self, scale: np.float32, zero_point: int, type: str) -> tuple[int, int]:
        try:
            return activation_range(str(self.option("fused_activation_function")), scale, zero_point, type)
        except ValueError as error:
            self.refuse(str(error))

    def no_activation(self) -> None:
        name = self.op.options["fused_activation_function"]
        if name != "NONE":
            self.refuse(f"fused_activation_function is {name}", "NONE here")

    # --- quantisation ------

    def scale(self, tensor: Tensor) -> np.float32:
        """The one positive scale of an activation."""
        if tensor.scales.size != 1:
            self.refuse(f"{tensor} has {tensor.scales.size} scales", "one (quantise the model to int8)")
        if not tensor.scale > 0:
            self.refuse(f"{tensor} has scale {tensor.scale}", "a scale above 0")
        return tensor.scale

    def same_quantization(self, a: Tensor, b: Tensor, tolerance: float = 0.0) -> None:
        """Scales that differ by at most `tolerance`, and equal zero points."""
        scales = float(self.scale(a)), float(self.scale(b))
        if abs(scales[0] - scales[1]) > tolerance or a.zero_point != b.zero_point:
            self.refuse(
                f"{a} has scale {a.scale} and zero point {a.zero_point}, {b} {b.scale} and {b.zero_point}",
                "equal scales and zero points",
            )

    def weight_scales(self, weights: Tensor, channels: int, dimension: int) -> npt.NDArray[np.float32]:
        """One scale per output channel (a single one is repeated). Convolutions ignore the zero points of weights, as TFLM's do."""
        if weights.scales.size == 1:
            return np.repeat(weights.scales, channels)
        ignored = self.op.type == "TRANSPOSE_CONV"  # TFLM does not look at the dimension there
        if weights.scales.size != channels or not (ignored or weights.quantized_dimension == dimension):
            self.refuse(
                f"{weights} has {weights.scales.size} scales along dimension {weights.quantized_dimension}",
                f"1, or {channels} along dimension {dimension}",
            )
        return weights.scales

    def multiplier(self, real: float) -> Multiplier:
        """Q(real), refused where its left shift would leave int32."""
        multiplier = quantize_multiplier(real)
        self.shifts(multiplier[1])
        return multiplier

    def shifts(self, shifts: Any, most: int = MAX_SHIFT) -> None:
        if int(np.max(shifts)) > most:
            self.refuse(
                f"the scales give a multiplier with left shift {int(np.max(shifts))}", f"at most {most}"
            )

    def bias(
        self, position: int, channels: int, *types: str, computed: bool = False
    ) -> npt.NDArray[np.int64]:
        """The bias as int64, of one of `types` (int32); zeros when it is absent.

        computed: it need not be a constant; then this gives zeros too.
        """
        tensor = self.optional(position, *(types or ("int32",)))
        if tensor is None:
            return np.zeros(channels, np.int64)
        if tensor.elements != channels:
            self.refuse(f"{tensor} has {tensor.elements} values", f"{channels}, one an output channel")
        if computed and tensor.data is None:
            return np.zeros(channels, np.int64)
        return self.data_of(tensor).reshape(-1).astype(np.int64)
