"""Values that are known before any inference: shapes, and all that follows from shapes and constants.

Keras exports a RESHAPE whose shape is computed: SHAPE, STRIDED_SLICE, PACK. Tensor shapes are fixed, so such a chain gives constants.
"""

from __future__ import annotations

from dataclasses import replace

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator.prepare import PREPARE
from cfukit_sw.model import Model, Operator, Tensor
from cfukit_sw.site import Site

SHAPE_ONLY = ("SHAPE", "ZEROS_LIKE")  # their outputs depend on no value

AT_RUN_TIME = ("IF", "WHILE")  # a loop takes its time


def with_constants(model: Model) -> Model:
    """`model` with data in every tensor that follows from constants. The operators stay.

    Outputs of the model have no data, because the arena holds them. What cannot be computed is left as it is, and whoever prepares
    the operator gets the reason.
    """
    tensors = list(model.tensors)
    changed = model
    for op in model.operators:
        if not _computable(op, tensors, model):
            continue
        try:
            inputs = [None if index < 0 else tensors[index].data for index in op.inputs]
            outputs = PREPARE[op.type](Site(changed, op))(inputs)
        except ModelError:
            continue
        for index, array in zip(op.outputs, outputs, strict=True):
            data = array.copy()
            data.flags.writeable = False
            tensors[index] = replace(tensors[index], data=data)
        changed = replace(model, tensors=tuple(tensors))
    return changed


def _computable(op: Operator, tensors: list[Tensor], model: Model) -> bool:
    if (
        op.type not in PREPARE
        or op.type in AT_RUN_TIME
        or not op.outputs
        or set(op.outputs) & set(model.outputs)
    ):
        return False
    if any(tensors[index].is_variable for index in op.outputs):
        return False
    known = all(index < 0 or tensors[index].is_constant for index in op.inputs)
    return op.type in SHAPE_ONLY or (known and bool(op.inputs))
