"""Make a model of one operator of another model, as a kernel test needs it."""

from __future__ import annotations

from dataclasses import replace

from cfukit_base.errors import UsageError
from cfukit_sw.evaluator import simplified
from cfukit_sw.model import Model


def data_inputs(model: Model, index: int) -> tuple[int, ...]:
    """The tensors that operator `index` reads and that are neither constants nor variables, each once."""
    return tuple(
        dict.fromkeys(
            tensor
            for tensor in model.operators[index].inputs
            if tensor >= 0 and not model.tensors[tensor].is_constant and not model.tensors[tensor].is_variable
        )
    )


def extract_operator(model: Model, index: int) -> Model:
    """Operator `index` alone, with its constants and variables. Inputs are its `data_inputs`, outputs all of its outputs."""
    if not 0 <= index < len(model.operators):
        allowed = f"0 to {len(model.operators) - 1}"
        raise UsageError("--dump", f"operator {index} of {model.name}", allowed=allowed, hint="cfukit info")
    model = simplified(model)
    op = model.operators[index]
    kept = sorted({tensor for tensor in (*op.inputs, *op.outputs) if tensor >= 0})
    number = {tensor: place for place, tensor in enumerate(kept)}
    return Model(
        name=f"{model.name}_op{index:03d}",
        sha256="",
        tensors=tuple(replace(model.tensors[tensor], index=number[tensor]) for tensor in kept),
        operators=(
            replace(
                op,
                index=0,
                inputs=tuple(number.get(tensor, -1) for tensor in op.inputs),
                outputs=tuple(number[tensor] for tensor in op.outputs),
            ),
        ),
        inputs=tuple(number[tensor] for tensor in data_inputs(model, index)),
        outputs=tuple(number[tensor] for tensor in op.outputs),
    )
