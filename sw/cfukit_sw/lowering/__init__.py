"""From operators to kernel parameters: one function per operator type, in LOWERINGS.

A lowering computes the parameters that any kernel of this type needs. It describes the operator as an `Op`, which is what
kernels (also a project's) look at to say whether they support it. What is not legal has been refused by the evaluator's `prepare`
before; a lowering refuses only what is beyond the kernels: too many axes that cannot be merged.
"""

from cfukit_sw.lowering.lowered import Alias, Bytes, Lowered, Lowering, Op, Pieces, TensorAt
from cfukit_sw.lowering.table import LOWERINGS

__all__ = ["LOWERINGS", "Alias", "Bytes", "Lowered", "Lowering", "Op", "Pieces", "TensorAt"]
