"""Results of inferences, the evaluator's among them, and where two of them differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cfukit_tools.firmware.counted import Counted
from cfukit_tools.firmware.inputs import InputSet

if TYPE_CHECKING:
    from cfukit_sw.model import Model

Layers = dict[tuple[int, int, int], np.ndarray]  # (operator, its output, tensor) -> values


@dataclass
class SampleResult:
    """One inference.

    * cycles, instructions, op_cycles (one per step of the plan): None where the engine cannot tell.
    * counted: where the cycles went; None if nobody asked.
    """

    outputs: list[np.ndarray]
    cycles: int | None = None
    instructions: int | None = None
    op_cycles: tuple[int, ...] | None = None
    layers: Layers = field(default_factory=dict)
    counted: Counted | None = None


@dataclass
class Served:
    """What an engine made of some samples.

    * samples: one result each.
    * stack_bytes: the deepest stack; None where there is no firmware.
    * text: what kernels printed.
    """

    samples: list[SampleResult]
    stack_bytes: int | None
    text: str = ""


def joined(parts: list[Served]) -> Served:
    """The results of consecutive groups of samples as one."""
    stacks = [part.stack_bytes for part in parts if part.stack_bytes is not None]
    samples = [sample for part in parts for sample in part.samples]
    return Served(samples, max(stacks, default=None), "".join(part.text for part in parts))


def evaluate(
    model: Model, inputs: InputSet, layers_of: Callable[[int], bool] = lambda _: False
) -> list[SampleResult]:
    """The truth: the integer evaluator on all samples; keeps the layers of those that `layers_of` names."""
    from cfukit_sw.evaluator import Evaluator

    evaluator = Evaluator(model)
    results = []
    for number in range(len(inputs)):
        if inputs.reset_before[number]:
            evaluator.reset()
        keep = layers_of(number)
        result = evaluator.run(inputs.sample(number), keep_layers=keep)
        layers: Layers = {}
        if keep:
            for op, values in zip(evaluator.model.operators, result.layers, strict=True):
                for output, (tensor, value) in enumerate(zip(op.outputs, values, strict=True)):
                    if value is not None:
                        layers[op.index, output, tensor] = value
        results.append(SampleResult(list(result.outputs), layers=layers))
    return results


@dataclass(frozen=True)
class Difference:
    """The first value of a tensor that differs: its flat index, and both values."""

    index: int
    expected: float
    got: float


def different_at(expected: np.ndarray, got: np.ndarray) -> Difference | None:
    """Where two tensors differ first; None if they are equal. NaN equals NaN."""
    left, right = expected.ravel(), got.ravel()
    differing = np.flatnonzero((left != right) & ~((left != left) & (right != right)))
    if not differing.size:
        return None
    index = int(differing[0])
    return Difference(index, left[index].item(), right[index].item())


def first_difference(expected: Layers, got: Layers) -> tuple[int, int, Difference] | None:
    """(operator, tensor, difference) of the first operator whose output differs; None if all are equal."""
    for key in sorted(got):
        op, _, tensor = key
        if key in expected:
            difference = different_at(expected[key], got[key])
            if difference is not None:
                return op, tensor, difference
    return None
