"""A model as evaluator and lowering work on it. Tensors and operators keep their indices; new tensors come behind."""

from __future__ import annotations

from cfukit_sw.evaluator.constants import with_constants
from cfukit_sw.evaluator.signal_frames import with_states
from cfukit_sw.evaluator.variables import with_variables
from cfukit_sw.evaluator.weights import with_int8_weights
from cfukit_sw.model import Model


def simplified(model: Model) -> Model:
    """`model` with int4 weights as int8, resource variables and the state of signal operators as variable tensors, and data in every tensor that follows from constants.

    A simplified model stays as it is. ModelError if a resource variable cannot be resolved.
    """
    return with_constants(with_states(with_variables(with_int8_weights(model))))
