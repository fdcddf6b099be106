"""A model as evaluator and lowering work on it. Tensors and operators keep their indices; new tensors come behind."""

from __future__ import annotations

from cfukit_sw.evaluator.circular_buffer import with_endings
from cfukit_sw.evaluator.constants import with_constants
from cfukit_sw.evaluator.signal_frames import with_states
from cfukit_sw.evaluator.variables import with_variables
from cfukit_sw.evaluator.weights import with_int8_weights
from cfukit_sw.model import Model


def simplified(model: Model) -> Model:
    """A model that is simpler to run:

    * int4 weights are int8.
    * Resource variables, and what signal operators remember, are variable tensors.
    * Where an inference may end early, the rest is a subgraph of an IF.
    * Tensors that follow from constants have data.

    A simplified model stays as it is. ModelError if a resource variable cannot be resolved.
    """
    return with_constants(with_endings(with_variables(with_states(with_int8_weights(model)))))
