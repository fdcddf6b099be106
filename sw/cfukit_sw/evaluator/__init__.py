"""The integer evaluator computes what TFLM computes, bit for bit, in numpy. Every run is compared with it.

    evaluator = Evaluator(read_model("model.tflite"))
    result = evaluator.run([image])          # result.outputs; with keep_layers=True also result.layers

TFLM reference kernels, generation B (since 2026-10-13). One file per family of operators, found through
`prepare.PREPARE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from cfukit_base.errors import ModelError, UsageError
from cfukit_sw.evaluator import (  # each registers its operators
    activation,
    batches,
    circular_buffer,
    compression,
    control,
    conv,
    cumulative,
    detection,
    division,
    elementwise,
    functions,
    gathering,
    logic,
    movement,
    pooling,
    quantize,
    recurrent,
    reduction,
    resize,
    shapes,
    signal_filter_bank,
    signal_frames,
    signal_spectrum,
    slicing,
    updates,
    variables,
)
from cfukit_sw.evaluator.prepare import PREPARE, Compute
from cfukit_sw.evaluator.simplify import simplified
from cfukit_sw.model import NUMPY_TYPES, Model, Operator, Tensor
from cfukit_sw.site import MAX_TENSOR_ELEMENTS, Array, Site

__all__ = [
    "SUPPORTED",
    "Evaluator",
    "Result",
    "check_sizes",
    "check_supported",
    "evaluate_operator",
    "simplified",
]

_FAMILIES: list[ModuleType] = [
    *(
        activation,
        batches,
        circular_buffer,
        compression,
        control,
        conv,
        cumulative,
        detection,
        division,
        elementwise,
        functions,
        gathering,
        logic,
        movement,
        pooling,
        quantize,
    ),
    *(recurrent, reduction, resize, shapes, slicing, updates, variables),
    *(signal_frames, signal_spectrum, signal_filter_bank),
]

SUPPORTED = tuple(sorted(PREPARE))

# Limits far above any microcontroller, which bound memory and time for a hostile model.
MAX_TOTAL_ELEMENTS = 1 << 26
MAX_MACS = 1 << 33


@dataclass(frozen=True)
class Result:
    """outputs: in model order. layers: for each operator the list of its outputs (empty unless asked for)."""

    outputs: list[Array]
    layers: list[list[Array]] = field(default_factory=list)


def prepare_operator(model: Model, op: Operator) -> Compute:
    """The function that computes `op`. ModelError, naming operator and reason, if it is not supported."""
    if op.type not in PREPARE:
        where = f"{model.name}: {op}"
        raise ModelError(where, "not a supported operator", allowed=f"supported: {', '.join(SUPPORTED)}")
    return PREPARE[op.type](Site(model, op))


def evaluate_operator(model: Model, op: Operator, inputs: Sequence[Any]) -> list[Array]:
    """The outputs of one operator for the given input arrays (None where absent). Variables among them are changed."""
    return prepare_operator(model, op)(list(inputs))


def check_supported(model: Model) -> None:
    """Refuse (ModelError) a model with an operator that cfukit does not run, or too large for any board."""
    Evaluator(model)


class Evaluator:
    """Runs one model. Variable tensors persist between runs until `reset`."""

    def __init__(self, model: Model):
        check_sizes(model)
        self.model = model = simplified(model)
        self.computes = [prepare_operator(model, op) for op in model.operators]
        self.last_use = _last_uses(model)
        self.state: dict[int, Array] = {}
        self.reset()

    def reset(self) -> None:
        """Variable tensors: to what they begin with, int8 ones without that to their zero point, others to 0."""
        for tensor in self.model.variables():
            fill = tensor.zero_point if tensor.type == "int8" else 0
            initial = np.full(tensor.shape, fill, tensor.dtype) if tensor.initial is None else tensor.initial
            self.state[tensor.index] = initial.copy()

    def run(self, inputs: Sequence[Any], *, keep_layers: bool = False) -> Result:
        """One inference. inputs: arrays of the model inputs' shapes and types, in model order."""
        values: dict[int, Array] = dict(zip(self.model.inputs, self._checked(inputs), strict=True))
        values |= self.state
        values |= {tensor.index: tensor.data for tensor in self.model.tensors if tensor.data is not None}
        layers: list[list[Array]] = []
        for op, compute in zip(self.model.operators, self.computes, strict=True):
            outputs = compute([values.get(index) for index in op.inputs])
            for index, output in zip(op.outputs, outputs, strict=True):
                tensor = self.model.tensors[index]
                assert output.shape == tensor.shape and output.dtype == tensor.dtype, f"{op}: {tensor}"
                values[index] = output
            if keep_layers:
                layers.append([np.array(output) for output in outputs])
            for index in self.last_use.get(op.index, ()):
                del values[index]
        return Result([np.array(values[index]) for index in self.model.outputs], layers)

    def _checked(self, inputs: Sequence[Any]) -> list[Array]:
        name = self.model.name
        if len(inputs) != len(self.model.inputs):
            raise UsageError(f"{name}: inputs", f"{len(inputs)} arrays", allowed=f"{len(self.model.inputs)}")
        arrays = []
        for position, (index, given) in enumerate(zip(self.model.inputs, inputs, strict=True)):
            tensor, array = self.model.tensors[index], np.asarray(given)
            if array.shape != tensor.shape or array.dtype != tensor.dtype:
                raise UsageError(
                    f"{name}: input {position}",
                    f"{array.dtype}{list(array.shape)}",
                    allowed=f"{tensor.type}{list(tensor.shape)}",
                )
            arrays.append(np.ascontiguousarray(array).reshape(tensor.shape))
        return arrays


def check_sizes(model: Model) -> None:
    """Refuse (ModelError) tensors that are too large to allocate. Those of subgraphs are checked when these are prepared."""
    total = 0
    used = {index for op in model.operators for index in (*op.inputs, *op.outputs) if index >= 0}
    kept = {"a model input": set(model.inputs), "a variable": {tensor.index for tensor in model.variables()}}
    for tensor in (model.tensors[index] for index in sorted(used.union(*kept.values()))):
        if tensor.type not in NUMPY_TYPES:
            continue  # the operator that uses it refuses it, with its reason
        if tensor.elements > MAX_TENSOR_ELEMENTS:
            _too_large(model, tensor, f"{tensor.elements} elements", f"at most {MAX_TENSOR_ELEMENTS}")
        total += tensor.elements
    if total > MAX_TOTAL_ELEMENTS:
        _too_large(model, None, f"{total} elements in all tensors", f"at most {MAX_TOTAL_ELEMENTS}")
    if model.macs > MAX_MACS:
        _too_large(model, None, f"{model.macs} multiply-accumulates", f"at most {MAX_MACS}")
    for what, indices in kept.items():
        for tensor in (model.tensors[index] for index in sorted(indices)):
            if tensor.type not in NUMPY_TYPES:
                _too_large(model, tensor, f"as {what}", "numbers")


def _too_large(model: Model, tensor: Tensor | None, given: str, allowed: str) -> None:
    raise ModelError(f"{model.name}: {tensor}" if tensor else model.name, given, allowed=allowed)


def _last_uses(model: Model) -> dict[int, list[int]]:
    """For each operator the computed tensors that nobody needs after it."""
    last: dict[int, int] = {}
    for op in model.operators:
        for index in (*op.inputs, *op.outputs):
            if index >= 0:
                last[index] = op.index
    keep = set(model.outputs) | {t.index for t in model.tensors if t.is_constant or t.is_variable}
    uses: dict[int, list[int]] = {}
    for index, op_index in last.items():
        if index not in keep and (model.tensors[index].elements or index in model.inputs):
            uses.setdefault(op_index, []).append(index)
    return uses
