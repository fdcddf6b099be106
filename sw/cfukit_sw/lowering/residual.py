"""A convolution and the ADD that reads it, as one operator: the sum of its result and another tensor is all that is stored."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from cfukit_sw.lowering.lowered import Lowered, Param, Scale, TensorAt
from cfukit_sw.model import Model, Operator

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def summed_convolutions(model: Model, needed: Collection[int]) -> Iterator[tuple[Operator, Operator]]:
    """(convolution, ADD) where nothing else reads the result of the convolution.

    The convolution then runs when the ADD does. In a model with variables no operator may come between, because one could assign what
    the convolution reads.
    """
    makers = {tensor: op for op in model.operators if op.type in CONVOLUTIONS for tensor in op.outputs}
    readers = [tensor for op in model.operators if op.index in needed for tensor in op.inputs]
    variables = {tensor.index for tensor in model.variables()}

    def may_wait(conv: Operator, add: Operator) -> bool:
        return not variables or (add.index == conv.index + 1 and not variables & {*conv.inputs, *add.inputs})

    for add in model.operators:
        if add.type != "ADD" or add.index not in needed:
            continue
        for tensor in add.inputs:
            conv = makers.get(tensor)
            alone = readers.count(tensor) == 1 and tensor not in model.outputs
            if conv is not None and alone and may_wait(conv, add):
                yield conv, add


def with_sum(conv: Lowered, add: Lowered, result: int) -> Lowered | None:
    """`conv`, which computes the tensor `result`, and `add` as one. None if they are not int8 of one shape, or operands are constants."""
    p, op = add.params, conv.op
    shape = op.output_shape
    alike = add.op.operands == (shape, shape) and add.op.output_shape == shape and add.op.constant is None
    int8 = {op.input_type, op.output_type, add.op.input_type, add.op.output_type} == {"int8"}
    whole = conv.struct == "cfukit_conv" and conv.weights is not None and conv.bias is None and op.plain
    if not (alike and int8 and whole and len(shape) == 4 and shape[0] == 1):
        return None
    own, other = ("1", "2") if p["input1"] == TensorAt(result) else ("2", "1")

    def scale(operand: str) -> Scale:
        zero_point = _integer(p, f"zero_point{operand}") if operand else 0
        return (
            -zero_point << _integer(p, "left_shift"),
            _integer(p, f"multiplier{operand}"),
            _integer(p, f"shift{operand}"),
        )

    return replace(
        conv,
        op=replace(op, index=add.op.index, macs=op.macs + add.op.macs),
        struct="cfukit_conv_add",
        params=conv.params
        | {
            "output": p["output"],
            "addend": p[f"input{other}"],
            "sum_zero_point": p["output_zero_point"],
            "sum_min": p["activation_min"],
            "sum_max": p["activation_max"],
        },
        in_place=(),
        kind=f"{op.type}+ADD",
        sum=(scale(own), scale(other), scale("")),
    )


def _integer(params: Mapping[str, Param], name: str) -> int:
    value = params[name]
    assert isinstance(value, int)
    return value
