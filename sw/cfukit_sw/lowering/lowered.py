"""What a lowering returns, and `Op`, by which kernels are chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cfukit_sw.model import Tensor
from cfukit_sw.site import Site

STRUCTS_WITH_SCRATCH_BYTES = {"cfukit_binary", "cfukit_conv", "cfukit_conv_add", "cfukit_fully_connected"}
Scale = tuple[int, int, int]  # bias, multiplier, shift


@dataclass(frozen=True)
class Op:
    """One operator as a kernel's `supports(op)` sees it: plain integers. What does not apply to an operator has its default.

    * input_shape, output_shape: of the first input and output.
    * second_shape: of the second input of ADD, SUB, MUL, MINIMUM and MAXIMUM, if no input is a constant.
    * operands: shapes of both inputs of those operators. constant: which of them is a constant, 0 or 1; None if none is.
    * axes: of MEAN, SUM and REDUCE_MAX, in ascending order.
    * filter_shape: CONV_2D [O, kh, kw, C], DEPTHWISE_CONV_2D [1, kh, kw, O], FULLY_CONNECTED [O, K].
    * strides, dilation: (height, width). padding: (top, bottom, left, right).
    * bias_type: of CONV_2D and its like. int64 with int16 input means sums of 64 bits, also where there is no bias.
    * activation: lowest and highest stored output.
    * plain: its weights and bias are constants, and its windows lie as padding and strides say. Only `reference` kernels take others.
    * small_sums: cfukit_rescale can be used. A kernel that folds the zero point gets multipliers that shift right by 0 to 20, and sums
      below 2^29 in magnitude for all inputs.
    """

    type: str
    index: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    input_type: str = "int8"
    output_type: str = "int8"
    bias_type: str = "int32"
    second_shape: tuple[int, ...] = ()
    operands: tuple[tuple[int, ...], ...] = ()
    constant: int | None = None
    axes: tuple[int, ...] = ()
    filter_shape: tuple[int, ...] = ()
    strides: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    depth_multiplier: int = 1
    input_zero_point: int = 0
    output_zero_point: int = 0
    activation: tuple[int, int] = (-128, 127)
    small_sums: bool = True
    plain: bool = True
    macs: int = 0


@dataclass(frozen=True)
class TensorAt:
    """The address of a tensor, in the arena or among the constants, plus `offset` bytes."""

    tensor: int
    offset: int = 0


@dataclass(frozen=True)
class Bytes:
    """Constant data that lowering made."""

    data: bytes


@dataclass(frozen=True)
class Pieces:
    """A constant array of structs."""

    name: str
    items: tuple[Mapping[str, Param], ...]


@dataclass(frozen=True)
class BytesAt:
    """A place in constant data that lowering made."""

    data: bytes
    offset: int


@dataclass(frozen=True)
class ScratchAt:
    """A place in the call's scratch."""

    offset: int


@dataclass(frozen=True)
class CallOf:
    """A kernel call inside a kernel."""

    function: str
    struct: str
    params: Mapping[str, Param]


@dataclass(frozen=True)
class Calls:
    """A constant array of struct cfukit_op: what a subgraph does."""

    items: tuple[CallOf, ...]


Param = int | tuple[int, ...] | None | TensorAt | Bytes | Pieces | BytesAt | ScratchAt | Calls


@dataclass(frozen=True)
class Channels:
    """What turns the sums of each output channel into outputs.

    small: (bias, multipliers, shifts) that give the same outputs and suit cfukit_rescale (see small_sums.py). None if there are none.

    """

    bias: npt.NDArray[np.int64]
    multipliers: npt.NDArray[np.int64]
    shifts: npt.NDArray[np.int64]
    small: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]] | None


@dataclass(frozen=True)
class Lowered:
    """A kernel call before its kernel is chosen.

    * params: members of `struct`, except for those that depend on the kernel (weights, channels, scratch, scratch_bytes).
    * weights: as in the file. None, like channels, if the operator has none; None too if `params` has them.
    * in_place: inputs whose storage the output may overwrite, as far as the kernel's `lead` allows.
    * sum: of a convolution with an ADD: what rescales its result, the addend, and their sum.
    """

    op: Op
    struct: str
    params: dict[str, Param]
    weights: npt.NDArray[Any] | None = None
    channels: Channels | None = None
    in_place: tuple[int, ...] = ()
    bias: Tensor | None = None  # what the biases come from, if another operator computes them
    scratch_bytes: int = 0  # beside what the kernel asks for
    sum: tuple[Scale, Scale, Scale] | None = None
    kind: str = field(default="")  # the kernel list to look in; the operator's type if empty

    @property
    def kernels_for(self) -> str:
        return self.kind or self.op.type


@dataclass(frozen=True)
class Alias:
    """The operator computes nothing: its output is the storage of `source`."""

    source: int


Lowering = Callable[[Site], Lowered | Alias]


def described(at: Site, x: Tensor, y: Tensor) -> Op:
    """What all operators have in common."""
    return Op(
        type=at.op.type,
        index=at.op.index,
        input_shape=x.shape,
        output_shape=y.shape,
        input_type=x.type,
        output_type=y.type,
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
        macs=at.model.macs_of(at.op),
    )
