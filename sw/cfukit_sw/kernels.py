"""Which C functions exist for which operators, and which one an operator gets.

An operator gets the first kernel that supports it, from three sources in this order:

* The project's kernels, and the library's for the CFU that the project has (cfu_kernels.py).
* The library's `portable` kernels, written where something faster than TFLM's loops pays.
* The library's `reference` kernels. They have TFLM's loops and support everything that lowering lets through.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cfukit_base.artefacts.plan import Plan
from cfukit_base.errors import BuildError
from cfukit_sw.lowering import Op
from cfukit_sw.model import NUMPY_TYPES

SOURCES = Path(__file__).parent / "src"
KERNEL_SOURCES = SOURCES / "kernels"
Weights = npt.NDArray[np.int8]
ROW_BYTES = 16  # what the widest port of a CFU transfers in one cycle


CALL_CYCLES = 300  # of a call on the CPU, about


def usual_cycles(op: Op) -> int:
    """Of a kernel that does not say: a call, and what a CPU takes for each product and each output."""
    return CALL_CYCLES + 2 * op.macs + 4 * prod(op.output_shape)


@dataclass(frozen=True)
class Kernel:
    """One C function `void function(const void *params)`.

    * op: an operator type, or a kind that serves several types or a part of one (MOVE, TABLE, SOFTMAX_TABLE, RECTIFIER_FLOAT).
    * supports(op): whether it computes this operator. refusal(op): why not, if it can say.
    * pack(op, weights): the bytes of the weights as it wants them.
    * scratch(op): bytes of scratch. scratch_unit(op): it accepts any multiple of this too; 0 if it does not.
    * lead(op): how many bytes before its input the output must begin at least. None: they may not overlap.
    * fold: channels[].bias has the input's zero point folded in.
    * small: channels[] suit cfukit_rescale, where op.small_sums.
    * near: it reaches the arena's memory only, not tensors that are too large for it.
    * weights_alignment: in bytes; 0 for a word.
    * sum_rows: how many times it wants each channel of an ADD that is one with a convolution; they come before the others.
    * cycles(op): about how many it takes. Only the planner's choices depend on it.
    """

    op: str
    function: str
    registry: str
    sources: tuple[Path, ...]
    supports: Callable[[Op], bool] = lambda op: True
    refusal: Callable[[Op], str] = lambda op: ""
    pack: Callable[[Op, Weights], bytes] | None = None
    scratch: Callable[[Op], int] = lambda op: 0
    scratch_unit: Callable[[Op], int] = lambda op: 0
    lead: Callable[[Op], int | None] = lambda op: None
    fold: bool = True
    small: bool = True
    near: bool = False
    weights_alignment: int = 0
    sum_rows: int = 1
    cycles: Callable[[Op], int] = usual_cycles

    @property
    def name(self) -> str:
        return self.function.removeprefix("cfukit_").removeprefix(f"{self.registry}_")


INT8_FOR_PROJECTS = (
    *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"),
    *("AVERAGE_POOL_2D", "MAX_POOL_2D", "SUB"),
)


def project_kernel(
    op: str,
    function: str,
    sources: Sequence[Path],
    supports: Callable[[Any], Any] | None = None,
    pack: Callable[[Any, Any], Any] | None = None,
    scratch: Callable[[Any], Any] | None = None,
) -> Kernel:
    """A [[kernel]] of a project, with supports(op), pack(op, weights) and scratch(op).

    Its functions are user code, so what they return is checked here. Operators in INT8_FOR_PROJECTS are offered if they are int8.
    """

    def refusal(described: Op) -> str:
        other_type = op in INT8_FOR_PROJECTS and described.input_type != "int8"
        return f"its input is {described.input_type}, not int8" if other_type else ""

    def checked_supports(described: Op) -> bool:
        return not refusal(described) and (bool(supports(described)) if supports is not None else True)

    def checked_pack(described: Op, weights: Weights) -> bytes:
        packed = pack(described, weights) if pack is not None else weights.tobytes()
        if not isinstance(packed, bytes | bytearray | np.ndarray):
            where = f"kernel {function}: pack"
            raise BuildError(where, f"returned {type(packed).__name__}", allowed="bytes")
        return packed.tobytes() if isinstance(packed, np.ndarray) else bytes(packed)

    def checked_scratch(described: Op) -> int:
        count = scratch(described) if scratch is not None else 0
        if not isinstance(count, int | np.integer) or count < 0:
            raise BuildError(f"kernel {function}: scratch", f"returned {count!r}", allowed="bytes, 0 or more")
        return int(count)

    return Kernel(
        op,
        function,
        "project",
        tuple(sources),
        supports=checked_supports,
        refusal=refusal,
        pack=checked_pack,
        scratch=checked_scratch,
        near=True,
    )


@functools.cache
def library(registry: str = "portable") -> tuple[Kernel, ...]:
    """The library's kernels in order of preference; "reference" gives those with TFLM's loops alone."""
    return reference_kernels() if registry == "reference" else (*portable_kernels(), *reference_kernels())


def sources_of(plan: Plan, kernels: Sequence[Kernel] = ()) -> list[Path]:
    """The C files that define the kernels of `plan`, each once. kernels: the project's."""
    sources = {kernel.function: kernel.sources for kernel in (*library(), *kernels)}
    return list(dict.fromkeys(source for function in plan.functions for source in sources[function]))


def list_kernels() -> list[Kernel]:
    """All library kernels for any CPU, sorted for people."""
    return sorted(library(), key=lambda kernel: (kernel.op, kernel.registry, kernel.function))


def choose(kernels: Sequence[Kernel], kind: str, op: Op) -> Kernel | None:
    """The first kernel for `kind` (operator type, MOVE or TABLE) that supports `op`."""
    of_kind = (kernel for kernel in kernels if kernel.op == kind)
    taken = (kernel for kernel in of_kind if op.plain or kernel.registry == "reference")
    return next((kernel for kernel in taken if kernel.supports(op)), None)


# --- reference -----------------------------------------------------------------------------------------------------------


def _reference(op: str, name: str, **fields: Any) -> Kernel:
    source = KERNEL_SOURCES / "reference" / f"{name}.c"
    return Kernel(op, f"cfukit_reference_{name}", "reference", (source,), fold=False, small=False, **fields)


BINARY_INT8 = ("ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM")
COMPARISONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
FLOAT_OPERATORS = (
    *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "AVERAGE_POOL_2D", "MAX_POOL_2D", "TRANSPOSE_CONV"),
    *("ADD", "SUB", "MUL", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MINIMUM", "MAXIMUM", "L2_POOL_2D", "CUMSUM"),
    *("ADD_N", "ARG_MAX", "ARG_MIN", "BATCH_MATMUL", "PRELU", "REDUCE_MAX", "REDUCE_MIN", "RESIZE_BILINEAR"),
    "SQUARED_DIFFERENCE",
)
FLOAT_FUNCTIONS = (
    *("rectifier", "leaky_relu", "logistic", "tanh", "softmax", "abs", "ceil", "elu", "exp", "floor"),
    *("hard_swish", "neg", "square", "cos", "log", "round", "rsqrt", "sin", "sqrt"),
    *("l2_normalization", "log_softmax", "svdf", "equal", "not_equal", "greater", "greater_equal"),
    *("less", "less_equal"),
)
SOFTMAX_WORDS = 64  # of scratch at most; longer rows are computed twice instead
ODD_OPERANDS = ("FULLY_CONNECTED_ZERO_POINT", "SLICE", "WITH_BIAS")
BINARY_INT32 = ("ADD", "SUB", "MUL", "DIV", "MINIMUM", "MAXIMUM")


def _int8(op: Op) -> bool:
    return op.input_type == "int8"


def _int16(op: Op) -> bool:
    return op.input_type == "int16"


def _float(op: Op) -> bool:
    return op.input_type == "float32"


def _wide(op: Op) -> bool:
    return op.input_type == "int16" and op.bias_type == "int64"


def _int32(op: Op) -> bool:
    return op.input_type == "int32"


SIGNAL_TYPES = {"int16": _int16, "int32": _int32, "float": _float}
SIGNAL_OPERATORS = {
    "Delay": "delay",
    "Energy": "energy",
    "FftAutoScale": "fft_auto_scale",
    "FilterBank": "filter_bank",
    "FilterBankLog": "filter_bank_log",
    "FilterBankSpectralSubtraction": "filter_bank_spectral_subtraction",
    "FilterBankSquareRoot": "filter_bank_square_root",
    "Framer": "framer",
    "PCAN": "pcan",
    "Stacker": "stacker",
    "Window": "window",
}


def _int64(op: Op) -> bool:
    return op.input_type == "int64"


def _gives_int8(op: Op) -> bool:
    return op.output_type == "int8"


def _gives_int16(op: Op) -> bool:
    return op.output_type == "int16"


def _in_place(op: Op) -> int:
    return 0


def _cells(op: Op) -> int:
    return (4 if op.input_type == "float32" else 2) * op.output_shape[2]


@functools.cache
def reference_kernels() -> tuple[Kernel, ...]:
    """At least one for everything that lowering lets through."""
    return (
        _reference("CONV_2D", "conv_2d", supports=_int8),
        _reference("CONV_2D", "conv_2d_int16", supports=_wide),
        _reference("CONV_2D", "conv_2d_int16_bias32", supports=_int16),
        _reference("DEPTHWISE_CONV_2D", "depthwise_conv_2d", supports=_int8),
        _reference("DEPTHWISE_CONV_2D", "depthwise_conv_2d_int16", supports=_wide),
        _reference("FULLY_CONNECTED", "fully_connected", supports=_int8),
        _reference("FULLY_CONNECTED", "fully_connected_int16", supports=_wide),
        _reference("FULLY_CONNECTED", "fully_connected_int16_bias32", supports=_int16),
        _reference("TRANSPOSE_CONV", "transpose_conv", supports=_int8),
        _reference("TRANSPOSE_CONV", "transpose_conv_int16", supports=_wide),
        _reference("AVERAGE_POOL_2D", "average_pool_2d", supports=_int8),
        _reference("AVERAGE_POOL_2D", "average_pool_2d_int16", supports=_int16),
        _reference("MAX_POOL_2D", "max_pool_2d", supports=_int8),
        _reference("MAX_POOL_2D", "max_pool_2d_int16", supports=_int16),
        _reference("SOFTMAX", "softmax", supports=_gives_int8),
        _reference("SOFTMAX", "softmax_int16", supports=_gives_int16),
        *(_reference(op, op.lower(), supports=_int8, lead=_in_place) for op in BINARY_INT8),
        *(_reference(op, f"{op.lower()}_int16", supports=_int16, lead=_in_place) for op in BINARY_INT8),
        *(_reference(op, f"{op.lower()}_int32", supports=_int32, lead=_in_place) for op in BINARY_INT32),
        *(_reference(op, "reduce_sum", supports=_int8) for op in ("MEAN", "SUM")),
        *(_reference(op, "reduce_sum_int16", supports=_int16) for op in ("MEAN", "SUM")),
        _reference("DIV", "div", supports=_int8, lead=_in_place),
        _reference("RSQRT", "rsqrt", supports=_int8, lead=_in_place),
        _reference("RSQRT", "rsqrt_int16", supports=_int16, lead=_in_place),
        _reference("CUMSUM", "cumsum", supports=_int8, lead=_in_place),
        _reference("DYNAMIC_UPDATE_SLICE", "dynamic_update_slice", lead=_in_place),
        _reference("BROADCAST_ARGS", "broadcast_args"),
        _reference("EMBEDDING_LOOKUP", "embedding_lookup"),
        _reference("REDUCE_MAX", "reduce_max", supports=_int8),
        _reference("REDUCE_MIN", "reduce_min", supports=_int8),
        _reference("REDUCE_ALL", "reduce_all"),
        _reference("TABLE", "table", lead=_in_place),
        _reference("PRELU", "prelu", supports=_int8, lead=_in_place),
        _reference("PRELU", "prelu_int16", supports=_int16, lead=_in_place),
        _reference("LOGISTIC", "logistic_int16", lead=_in_place),
        _reference("TANH", "tanh_int16", lead=_in_place),
        _reference("SOFTMAX_TABLE", "softmax_table"),
        _reference("ARG_MAX", "arg_max", supports=_int8),
        _reference("ARG_MIN", "arg_min", supports=_int8),
        _reference("QUANTIZE", "quantize_float", supports=lambda op: op.input_type == "float32"),
        _reference("QUANTIZE", "quantize"),
        _reference("DEQUANTIZE", "dequantize", supports=lambda op: op.input_type != "uint8"),
        _reference("DEQUANTIZE", "dequantize_uint8", supports=lambda op: op.input_type == "uint8"),
        _reference("RESIZE_NEAREST_NEIGHBOR", "resize_nearest_neighbor"),
        _reference("RESIZE_BILINEAR", "resize_bilinear", supports=_int8),
        _reference("SVDF", "svdf"),
        _reference("SVDF_INT8", "svdf_int8"),
        *(
            _reference(
                "UNIDIRECTIONAL_SEQUENCE_LSTM",
                f"unidirectional_sequence_lstm{name}",
                supports=of,
                scratch=_cells,
            )
            for name, of in {"": _int8, "_int16": _int16, "_float": _float}.items()
        ),
        _reference("ABS", "abs_int16", lead=_in_place),
        *(_reference(op, op.lower(), supports=_int8) for op in ("LOG_SOFTMAX", "L2_NORMALIZATION", "ADD_N")),
        *(
            _reference(op, f"{op.lower()}_int64", supports=_int64, lead=_in_place)
            for op in ("MINIMUM", "MAXIMUM")
        ),
        _reference("SQUARED_DIFFERENCE", "squared_difference", supports=_int8, lead=_in_place),
        _reference("SQUARED_DIFFERENCE", "squared_difference_int16", supports=_int16, lead=_in_place),
        _reference("SQUARED_DIFFERENCE", "squared_difference_int32", supports=_int32, lead=_in_place),
        _reference("BATCH_MATMUL", "batch_matmul", supports=_int8),
        _reference("BATCH_MATMUL", "batch_matmul_int16", supports=_int16),
        *(_reference(op, op.lower()) for op in COMPARISONS),
        *(_reference(op, op.lower()) for op in ("LOGICAL_AND", "LOGICAL_OR", "SELECT_V2", "CAST")),
        _reference("GATHER", "gather"),
        _reference("GATHER_ND", "gather_nd"),
        _reference("CUSTOM:BasicClassifier", "basic_classifier"),
        *(_reference(op, f"{op.lower()}_float", supports=_float) for op in FLOAT_OPERATORS),
        *(_reference(op, "reduce_float", supports=_float) for op in ("MEAN", "SUM")),
        *(_reference(f"{name.upper()}_FLOAT", f"{name}_float") for name in FLOAT_FUNCTIONS),
        *(_reference(f"CUSTOM:Signal{op}", f"signal_{name}") for op, name in SIGNAL_OPERATORS.items()),
        *(
            _reference("CUSTOM:SignalRfft", f"signal_rfft_{name}", supports=of)
            for name, of in SIGNAL_TYPES.items()
        ),
        *(
            _reference("CUSTOM:SignalIrfft", f"signal_irfft_{name}", supports=of)
            for name, of in SIGNAL_TYPES.items()
        ),
        _reference("CUSTOM:SignalOverlapAdd", "signal_overlap_add_int16", supports=_int16),
        _reference("CUSTOM:SignalOverlapAdd", "signal_overlap_add_float", supports=_float),
        _reference("CUSTOM:TFLite_Detection_PostProcess", "detection_postprocess"),
        _reference("CUSTOM:CIRCULAR_BUFFER", "circular_buffer"),
        *(_reference(kind, kind.lower()) for kind in ("IF", "WHILE", "MOVE", *ODD_OPERANDS)),
    )


# --- portable ------------------------------------------------------------------------------------------------------------


def _portable(op: str, name: str, *more_sources: str, **fields: Any) -> Kernel:
    sources = tuple(KERNEL_SOURCES / "portable" / f"{source}.c" for source in (name, *more_sources))
    return Kernel(op, f"cfukit_portable_{name}", "portable", sources, **fields)


@functools.cache
def portable_kernels() -> tuple[Kernel, ...]:
    from cfukit_sw.lowering.overlap import window_lead
    from cfukit_sw.lowering.packing import (
        band_positions,
        conv_row_bytes,
        conv_scratch,
        pack_blocks,
        pack_channels,
        tile_positions,
    )

    def small(op: Op) -> bool:
        return op.small_sums

    def one_input_channel(op: Op) -> bool:
        return op.small_sums and op.input_shape[3] == 1

    def is_3x3(op: Op) -> bool:
        plain = op.filter_shape[1:3] == (3, 3) and op.dilation == (1, 1) and op.depth_multiplier == 1
        return op.small_sums and plain and op.strides in ((1, 1), (2, 2)) and max(op.padding) <= 1

    def small_int8(op: Op) -> bool:
        return op.small_sums and op.input_type == "int8"

    def float_to_int8(op: Op) -> bool:
        return op.small_sums and op.input_type == "float32" and op.output_type == "int8"

    def from_integers(op: Op) -> bool:
        return op.input_type != "float32"

    def words_at_most(op: Op) -> bool:
        return np.dtype(NUMPY_TYPES[op.output_type]).itemsize in (1, 2, 4)

    def exps(op: Op) -> int:
        return 4 * op.input_shape[-1] if op.input_shape[-1] <= SOFTMAX_WORDS else 0

    def by_position(op: Op) -> int | None:
        return window_lead(op, 1)

    def by_tile(op: Op) -> int | None:
        return window_lead(op, tile_positions(op))

    def by_band(op: Op) -> int | None:
        return window_lead(op, band_positions(op))

    conv = {"pack": pack_blocks, "scratch": conv_scratch, "scratch_unit": conv_row_bytes, "lead": by_tile}
    return (
        _portable("CONV_2D", "conv_2d", "gemm", supports=small, **conv),
        _portable("DEPTHWISE_CONV_2D", "conv_2d", "gemm", supports=one_input_channel, **conv),
        _portable("DEPTHWISE_CONV_2D", "depthwise_3x3", supports=is_3x3, pack=pack_channels, lead=by_band),
        _portable("DEPTHWISE_CONV_2D", "depthwise_conv_2d", supports=small, lead=by_position),
        _portable("FULLY_CONNECTED", "fully_connected", "gemm", supports=small, pack=pack_blocks),
        _portable("AVERAGE_POOL_2D", "average_pool_2d", supports=_int8, lead=by_position),
        _portable("MAX_POOL_2D", "max_pool_2d", supports=_int8, lead=by_position),
        _portable("TRANSPOSE_CONV", "transpose_conv", supports=small, fold=False),
        *(_portable(op, op.lower(), supports=small_int8, lead=_in_place) for op in ("ADD", "SUB", "MUL")),
        _portable("PRELU", "prelu", supports=_int8, lead=_in_place),
        _portable("TABLE", "table", lead=_in_place),
        _portable("MEAN", "reduce_sum", supports=_int8),
        _portable("SUM", "reduce_sum", supports=_int8),
        _portable("SOFTMAX", "softmax", supports=_gives_int8, scratch=exps),
        _portable("SOFTMAX", "softmax_int16", supports=_gives_int16, scratch=exps),
        _portable("QUANTIZE", "quantize_float", supports=float_to_int8),
        _portable("QUANTIZE", "quantize", supports=from_integers),
        _portable("DEQUANTIZE", "dequantize", supports=small_int8),
        _portable("RESIZE_BILINEAR", "resize_bilinear", supports=_int8),
        _portable("SVDF", "svdf"),
        _portable("SVDF_INT8", "svdf_int8"),
        _portable(
            "UNIDIRECTIONAL_SEQUENCE_LSTM", "unidirectional_sequence_lstm", supports=_int8, scratch=_cells
        ),
        _portable("MOVE", "move", supports=words_at_most),
        _portable("COPY", "copy"),
        _portable("BANDS", "bands"),
    )
