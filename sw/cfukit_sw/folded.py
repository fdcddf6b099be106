"""Outputs of operators that a kernel computes on the way (`Plan.folded`). No memory holds them, so they are computed from their inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfukit_base.artefacts.plan import Plan
from cfukit_sw.evaluator import evaluate_operator
from cfukit_sw.model import Model


def folded_outputs(plan: Plan, model: Model, values: Mapping[int, Any]) -> dict[tuple[int, int, int], Any]:
    """(operator, output, tensor) -> its value, from `values` of tensors that were read from a memory."""
    found: dict[tuple[int, int, int], Any] = {}
    values = dict(values)
    for index in plan.folded:
        op = model.operators[index]
        inputs = [
            None if tensor < 0 else values.get(tensor, model.tensors[tensor].data) for tensor in op.inputs
        ]
        if inputs[0] is not None:
            for output, value in enumerate(evaluate_operator(model, op, inputs)):
                found[index, output, op.outputs[output]] = values[op.outputs[output]] = value
    return found
