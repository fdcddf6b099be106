"""The builtin options of the operators we know: one table for the reader, the verifier and the writer.

Each options class lists its fields in schema order (the position is the FlatBuffers slot), with kind and
default. Names are those of the TFLite schema; the accessors of the PyPI package `tflite` are the same words
in camel case, and a test holds this table to that package. Enumerations become their TFLite names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tflite

from cfukit_sw.model import Option


@dataclass(frozen=True)
class Field:
    """One field.

    kind: int8, int32, float32, bool, text, ints (a vector of int32), unused, or the name of an enumeration's class.
    """

    name: str
    kind: str
    default: Option = 0

    @property
    def accessor(self) -> str:
        """Its method in the package's options class: stride_w -> StrideW."""
        return "".join(word.capitalize() for word in self.name.split("_"))


def _enumeration(name: str) -> dict[int, str]:
    members = vars(getattr(tflite, name))
    return {
        value: key for key, value in members.items() if isinstance(value, int) and not key.startswith("_")
    }


ENUMERATIONS = {
    name: _enumeration(name)
    for name in (
        "Padding",
        "ActivationFunctionType",
        "TensorType",
        "MirrorPadMode",
        "FullyConnectedOptionsWeightsFormat",
    )
}
BUILTIN_OPERATORS = _enumeration("BuiltinOperator")

_ACTIVATION = Field("fused_activation_function", "ActivationFunctionType", "NONE")
_BIAS_TYPE = Field("quantized_bias_type", "TensorType", "FLOAT32")
_WINDOW = (Field("padding", "Padding", "SAME"), Field("stride_w", "int32"), Field("stride_h", "int32"))
_DILATION = (Field("dilation_w_factor", "int32", 1), Field("dilation_h_factor", "int32", 1))
_RESIZE = (Field("align_corners", "bool", False), Field("half_pixel_centers", "bool", False))
_ASYMMETRIC = Field("asymmetric_quantize_inputs", "bool", False)
_SUM = (_ACTIVATION, Field("pot_scale_int16", "bool", True))

# Options classes that say nothing.
_WITHOUT_FIELDS = (
    *(
        "GatherNd",
        "LogSoftmax",
        "SpaceToBatchND",
        "BatchToSpaceND",
        "BroadcastTo",
        "Fill",
        "ZerosLike",
        "AddN",
    ),
    *(
        "ReverseV2",
        "SquaredDifference",
        "ReadVariable",
        "AssignVariable",
        "Abs",
        "Neg",
        "Exp",
        "Cos",
        "Square",
    ),
    *(
        "Equal",
        "NotEqual",
        "Greater",
        "GreaterEqual",
        "Less",
        "LessEqual",
        "SelectV2",
        "FloorDiv",
        "FloorMod",
    ),
    *("LogicalAnd", "LogicalOr", "LogicalNot", "DynamicUpdateSlice"),
)

CLASSES: dict[str, tuple[Field, ...]] = {
    "Conv2DOptions": (*_WINDOW, _ACTIVATION, *_DILATION, _BIAS_TYPE),
    "DepthwiseConv2DOptions": (*_WINDOW, Field("depth_multiplier", "int32"), _ACTIVATION, *_DILATION),
    "TransposeConvOptions": (*_WINDOW, _ACTIVATION, _BIAS_TYPE),
    "Pool2DOptions": (
        *_WINDOW,
        Field("filter_width", "int32"),
        Field("filter_height", "int32"),
        _ACTIVATION,
    ),
    "FullyConnectedOptions": (
        _ACTIVATION,
        Field("weights_format", "FullyConnectedOptionsWeightsFormat", "DEFAULT"),
        Field("keep_num_dims", "bool", False),
        _ASYMMETRIC,
        _BIAS_TYPE,
    ),
    "AddOptions": _SUM,
    "SubOptions": _SUM,
    "MulOptions": (_ACTIVATION,),
    "DivOptions": (_ACTIVATION,),
    "SoftmaxOptions": (Field("beta", "float32", 0.0),),
    "ReshapeOptions": (Field("new_shape", "ints", ()),),
    "SqueezeOptions": (Field("squeeze_dims", "ints", ()),),
    "ConcatenationOptions": (Field("axis", "int32"), _ACTIVATION),
    "PackOptions": (Field("values_count", "int32"), Field("axis", "int32")),
    "UnpackOptions": (Field("num", "int32"), Field("axis", "int32")),
    "SplitOptions": (Field("num_splits", "int32"),),
    "StridedSliceOptions": (
        Field("begin_mask", "int32"),
        Field("end_mask", "int32"),
        Field("ellipsis_mask", "int32"),
        Field("new_axis_mask", "int32"),
        Field("shrink_axis_mask", "int32"),
        Field("offset", "bool", False),
    ),
    "ReducerOptions": (Field("keep_dims", "bool", False),),
    "ResizeBilinearOptions": (Field("new_height", "unused"), Field("new_width", "unused"), *_RESIZE),
    "ResizeNearestNeighborOptions": _RESIZE,
    "LeakyReluOptions": (Field("alpha", "float32", 0.0),),
    "SpaceToDepthOptions": (Field("block_size", "int32"),),
    "DepthToSpaceOptions": (Field("block_size", "int32"),),
    "ArgMaxOptions": (Field("output_type", "TensorType", "FLOAT32"),),
    "ArgMinOptions": (Field("output_type", "TensorType", "FLOAT32"),),
    "MirrorPadOptions": (Field("mode", "MirrorPadMode", "REFLECT"),),
    "CastOptions": (
        Field("in_data_type", "TensorType", "FLOAT32"),
        Field("out_data_type", "TensorType", "FLOAT32"),
    ),
    "GatherOptions": (Field("axis", "int32"), Field("batch_dims", "int32")),
    "ShapeOptions": (Field("out_type", "TensorType", "FLOAT32"),),
    "SplitVOptions": (Field("num_splits", "int32"),),
    "CumsumOptions": (Field("exclusive", "bool", False), Field("reverse", "bool", False)),
    "BatchMatMulOptions": (Field("adj_x", "bool", False), Field("adj_y", "bool", False), _ASYMMETRIC),
    "L2NormOptions": (_ACTIVATION,),
    "VarHandleOptions": (Field("container", "text", ""), Field("shared_name", "text", "")),
    "CallOnceOptions": (Field("init_subgraph_index", "int32"),),
    "IfOptions": (Field("then_subgraph_index", "int32"), Field("else_subgraph_index", "int32")),
    "WhileOptions": (Field("cond_subgraph_index", "int32"), Field("body_subgraph_index", "int32")),
    "SVDFOptions": (Field("rank", "int32"), _ACTIVATION, _ASYMMETRIC),
    "UnidirectionalSequenceLSTMOptions": (
        _ACTIVATION,
        Field("cell_clip", "float32", 0.0),
        Field("proj_clip", "float32", 0.0),
        Field("time_major", "bool", False),
        _ASYMMETRIC,
        Field("diagonal_recurrent_tensors", "bool", False),
    ),
    "PadOptions": (),
    "PadV2Options": (),
    "TransposeOptions": (),
    "ExpandDimsOptions": (),
    "SliceOptions": (),
    "MaximumMinimumOptions": (),
    "QuantizeOptions": (),
    "DequantizeOptions": (),
    "HardSwishOptions": (),
    **dict.fromkeys((f"{name}Options" for name in _WITHOUT_FIELDS), ()),
}

# Operators whose options class does not follow from their name. "": none.
_CLASS_OF = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_ALL": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "PADV2": "PadV2Options",
    "SPACE_TO_BATCH_ND": "SpaceToBatchNDOptions",
    "BATCH_TO_SPACE_ND": "BatchToSpaceNDOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "SVDF": "SVDFOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
}


def _whole(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, "int32") for name in names)


# Of custom options these need not be there; the rest has to.
MAY_BE_ABSENT = ("cycles_max", "detections_per_class", "use_regular_nms")

# The options of custom operators: a FlexBuffers map of names.
CUSTOM_OPTIONS: dict[str, tuple[Field, ...]] = {
    "CUSTOM:TFLite_Detection_PostProcess": (
        *_whole("max_detections", "max_classes_per_detection", "num_classes"),
        *(Field(name, "float32", 0.0) for name in ("nms_score_threshold", "nms_iou_threshold")),
        *(Field(f"{letter}_scale", "float32", 0.0) for letter in "yxhw"),
        Field("detections_per_class", "int32", 100),
        Field("use_regular_nms", "bool", False),
    ),
    "CUSTOM:BasicClassifier": (),
    "CUSTOM:CIRCULAR_BUFFER": _whole("cycles_max"),
    "CUSTOM:TFLM_DECODE": (),
    "CUSTOM:SignalDelay": _whole("delay_length"),
    "CUSTOM:SignalEnergy": _whole("end_index", "start_index"),
    "CUSTOM:SignalFftAutoScale": (),
    "CUSTOM:SignalFilterBank": _whole("num_channels"),
    "CUSTOM:SignalFilterBankLog": _whole("input_correction_bits", "output_scale"),
    "CUSTOM:SignalFilterBankSpectralSubtraction": (
        *_whole("alternate_one_minus_smoothing", "alternate_smoothing"),
        Field("clamping", "bool", False),
        *_whole("min_signal_remaining", "num_channels", "one_minus_smoothing", "smoothing"),
        *_whole("smoothing_bits", "spectral_subtraction_bits"),
    ),
    "CUSTOM:SignalFilterBankSquareRoot": (),
    "CUSTOM:SignalFramer": (*_whole("frame_size", "frame_step"), Field("prefill", "bool", False)),
    "CUSTOM:SignalIrfft": (Field("T", "TensorType", "INT16"), *_whole("fft_length")),
    "CUSTOM:SignalOverlapAdd": (Field("T", "TensorType", "INT16"), *_whole("frame_step")),
    "CUSTOM:SignalPCAN": _whole("snr_shift"),
    "CUSTOM:SignalRfft": (Field("T", "TensorType", "INT16"), *_whole("fft_length")),
    "CUSTOM:SignalStacker": _whole(
        "num_channels", "stacker_left_context", "stacker_right_context", "stacker_step"
    ),
    "CUSTOM:SignalWindow": _whole("shift"),
}


def options_class(operator_type: str) -> str:
    """The options class of an operator ("Conv2DOptions"); "" for one that has none or that we do not know."""
    if operator_type in _CLASS_OF:
        return _CLASS_OF[operator_type]
    name = "".join(word.capitalize() for word in operator_type.split("_")) + "Options"
    return name if name in CLASSES else ""


def default_options(operator_type: str) -> dict[str, Option]:
    """Every option of an operator with the schema's default."""
    fields = CUSTOM_OPTIONS.get(operator_type) or CLASSES.get(options_class(operator_type), ())
    return {field.name: field.default for field in fields if field.kind != "unused"}


def decode_options(class_name: str, table: Any) -> dict[str, Option]:
    """All fields of a verified options table (`table`: FlatBuffers Table). ValueError for an unknown
    enumeration value.
    """
    reader = getattr(tflite, class_name)()
    reader.Init(table.Bytes, table.Pos)
    return {field.name: _decode(field, reader) for field in CLASSES[class_name] if field.kind != "unused"}


def _decode(field: Field, reader: Any) -> Option:
    if field.kind == "ints":
        length = getattr(reader, field.accessor + "Length")()
        return tuple(getattr(reader, field.accessor)(i) for i in range(length))
    value: Option = getattr(reader, field.accessor)()
    if field.kind == "text":
        return "" if value is None else bytes(value).decode("utf-8", "replace")  # type: ignore[arg-type]
    if field.kind in ENUMERATIONS:
        names = ENUMERATIONS[field.kind]
        if value not in names:
            raise ValueError(f"{field.name} is {value}; there are {', '.join(names.values())}")
        return names[int(value)]
    return value
