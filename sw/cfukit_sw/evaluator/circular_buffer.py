"""CIRCULAR_BUFFER: the last values of its input, the newest at the end, in a variable tensor that is its output.

`with_states` makes the variable an input, which changes, of an operator without outputs. If `cycles_max` is above 1, TFLM ends an
inference here until that many values have come. Then the operators behind it become a subgraph, which IF calls when they have
(`with_endings`). It has a count of inferences as a further input, and says whether the inference goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator.calls import CALLS, VARIABLES
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.model import NUMPY_TYPES, Model, Operator, Option, Tensor
from cfukit_sw.site import Array, Site

CIRCULAR_BUFFER = "CUSTOM:CIRCULAR_BUFFER"

# What TFLM takes for cycles_max 1 if the file does not say: these lengths, and the fifth buffer with this width and depth.
EVERY_TIME = (5, 13, 25)
FIFTH_BUFFER = (2, 96)


def is_circular_buffer(model: Model, op: Operator) -> bool:
    """Whether `op` is one as the file has it, with a variable as its output."""
    fits = op.type == CIRCULAR_BUFFER and len(op.inputs) == len(op.outputs) == 1
    return fits and model.tensors[op.outputs[0]].is_variable


def on_its_variable(model: Model, op: Operator) -> Operator:
    """`op` with its output as an input, and with the cycles_max that TFLM takes."""
    unsaid = 0
    for each in model.operators[: op.index + 1]:
        if not is_circular_buffer(model, each) or int(each.options["cycles_max"]) > 0:  # type: ignore[arg-type]
            continue
        unsaid += 1
        shape = model.output_of(each).shape
        every_time = len(shape) == 4 and (
            shape[1] in EVERY_TIME or (unsaid == 5 and shape[2:] == FIFTH_BUFFER)
        )
        unsaid = 0 if every_time else unsaid
        if each == op:
            op = replace(op, options={"cycles_max": 1 if every_time else 2})
    return replace(op, inputs=(*op.inputs, *op.outputs), outputs=())


@operator(CIRCULAR_BUFFER)
def circular_buffer(at: Site) -> Compute:
    """x [n, 1, w, c] and the buffer [n, slots, w, c]; where it ends inferences, the count of them and whether this one goes on."""
    ends = len(at.op.inputs) == 3
    if at.op.outputs and not ends:
        at.refuse(f"{at.output()} is no variable", "a variable, because TFLM keeps the values there")
    at.inputs_between(2, 3)
    image, buffer = at.rank(at.input(0, "int8"), 4), at.rank(at.input(1, "int8"), 4)
    if image.shape[0] != 1:
        at.refuse(f"{image}", "a first dimension of 1")
    at.shape(image, (1, 1, *buffer.shape[2:]))
    cycles = at.integer("cycles_max")
    if ends:
        for tensor in (at.input(2, "int32"), at.output("bool")):
            at.shape(tensor, (1,))
    elif cycles != 1:
        at.refuse(f"cycles_max is {cycles} in a subgraph", "1 there")

    def run(inputs: list[Any]) -> list[Array]:
        slots = inputs[1]
        slots[0, :-1] = slots[0, 1:].copy()
        slots[0, -1] = inputs[0][0, 0]
        if not ends:
            return []
        inputs[2][0] = (inputs[2][0] + 1) % cycles
        return [inputs[2] == 0]

    return run


# --- inferences that end ------


def with_endings(model: Model) -> Model:
    """`model`, in which an IF stands behind each CIRCULAR_BUFFER of the main graph that ends inferences. If it does, outputs are 0."""
    ending = [op for op in model.operators if _ends(op)]
    if not ending:
        return model
    model = _with_names(model)
    for op in reversed(ending):  # what is behind the last one is behind the others too
        model = _ended(model, op)
    return model


def _ends(op: Operator) -> bool:
    return op.type == CIRCULAR_BUFFER and len(op.inputs) == 2 and int(op.options["cycles_max"]) > 1  # type: ignore[arg-type]


def _with_names(model: Model) -> Model:
    """Variables are known to subgraphs by their names, so no two have the same. Those that IF and WHILE have are different already."""
    known = {index for op in model.operators if op.type in CALLS for index in op.inputs}
    own = {t.index for t in model.variables()} - known
    tensors = (
        replace(t, name=f"tensor {t.index} '{t.name}'") if t.index in own else t for t in model.tensors
    )
    return replace(model, tensors=tuple(tensors))


def _ended(model: Model, op: Operator) -> Model:
    rest = model.operators[op.index + 1 :]
    made = {index for each in rest for index in each.outputs}
    outputs = tuple(index for index in dict.fromkeys(model.outputs) if index in made)
    if not outputs:
        what = f"cycles_max is {op.options['cycles_max']}, and no output of the model comes from operators behind it"
        raise ModelError(f"{model.name}: {op}", what, allowed="such an output")
    for tensor in (model.tensors[index] for index in outputs):
        if tensor.type not in NUMPY_TYPES:
            raise ModelError(f"{model.name}: {tensor}", "as a model output", allowed="numbers")
    used = {index for each in rest for index in each.inputs if index >= 0} - made
    tensors = [model.tensors[index] for index in sorted(used)]
    variables = [t.index for t in tensors if t.is_variable]
    given = [t.index for t in tensors if not t.is_variable and not t.is_constant]
    first = len(model.tensors)
    count = Tensor(first, f"inferences of operator {op.index}", (1,), "int32", is_variable=True)
    goes_on = Tensor(first + 1, f"goes on behind operator {op.index}", (1,), "bool")
    behind = _part(model, rest, given, outputs, variables)
    zeros = {index: np.zeros(model.tensors[index].shape, model.tensors[index].dtype) for index in outputs}
    nothing = _part(model, (), given, outputs, [])
    filled = (replace(t, data=zeros[t.index]) if t.index in zeros else t for t in nothing.tensors)
    subgraphs = (*model.subgraphs, behind, replace(nothing, tensors=tuple(filled)))
    options: dict[str, Option] = {name: len(model.subgraphs) + 1 + k for k, name in enumerate(CALLS["IF"])}
    operators = (
        *model.operators[: op.index],
        replace(op, inputs=(*op.inputs, first), outputs=(first + 1,)),
        Operator(
            op.index + 1,
            "IF",
            (first + 1, *given, *variables),
            outputs,
            options | {VARIABLES: len(variables)},
        ),
    )
    return replace(model, tensors=(*model.tensors, count, goes_on), operators=operators, subgraphs=subgraphs)


def _part(
    model: Model,
    operators: Sequence[Operator],
    inputs: Sequence[int],
    outputs: Sequence[int],
    variables: Sequence[int],
) -> Model:
    """Some operators of `model` as a subgraph, whose tensors have the same indices."""
    tensors = tuple(replace(t, is_variable=t.index in variables) for t in model.tensors)
    numbered = tuple(replace(op, index=index) for index, op in enumerate(operators))
    return Model(f"{model.name}: what goes on", "", tensors, numbered, tuple(inputs), tuple(outputs))
