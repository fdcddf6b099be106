"""Check the order of a model's operators: a value is written once, before anything reads it."""

from __future__ import annotations

from typing import NoReturn

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import SUPPORTED
from cfukit_sw.evaluator.circular_buffer import is_circular_buffer
from cfukit_sw.model import Model

WITHOUT_OUTPUT = ("ASSIGN_VARIABLE", "CALL_ONCE")


def check_graph(model: Model, where: str, is_subgraph: bool = False) -> None:
    """Refuse (ModelError) a model in which a value is read before it exists, or is overwritten.

    After this, each tensor has exactly one source: constant, variable, model input, or one operator before
    all its readers.

    A model with an operator that cfukit does not know passes here, and is refused by the operator's name later.
    Such operators have rules of their own: a custom operator may list its scratch among its inputs.
    """
    if any(op.type not in SUPPORTED for op in model.operators):
        return

    def refuse(part: str, given: str, allowed: str) -> NoReturn:
        raise ModelError(
            f"{where}: {part}", given, allowed=allowed, hint="export or download the model again"
        )

    source: dict[int, str] = {}
    buffers = {op.outputs[0] for op in model.operators if is_circular_buffer(model, op)}
    for tensor in model.tensors:
        if tensor.index not in buffers and (tensor.is_constant or tensor.is_variable):
            source[tensor.index] = "a constant" if tensor.is_constant else "a variable"
    for index in model.inputs:
        if index in source:
            refuse(
                "model inputs", f"{model.tensors[index]} is {source[index]}", "each input once, no constants"
            )
        source[index] = "a model input"
    for op in model.operators:
        if not op.outputs and op.type not in WITHOUT_OUTPUT:
            refuse(str(op), "no output", "an operator has at least one")
        for index in op.inputs:
            if index >= 0 and index not in source and model.tensors[index].elements > 0:
                refuse(
                    str(op), f"reads {model.tensors[index]}, which nothing has written", "operators in order"
                )
        for index in op.outputs:
            if index in source:
                refuse(
                    str(op), f"writes {model.tensors[index]}, which is {source[index]}", "one writer a tensor"
                )
            source[index] = f"the output of {op}"
    for index in model.outputs:
        if index not in source:
            refuse(
                "model outputs", f"{model.tensors[index]} is never written", "tensors that an operator writes"
            )
    if not model.outputs and not is_subgraph:
        refuse("model outputs", "none", "at least one")
