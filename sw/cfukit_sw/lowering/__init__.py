"""From operators to kernel parameters: one function per operator type, in LOWERINGS.

A lowering computes the parameters that any kernel of this type needs. It describes the operator as an `Op`, by which kernels (also a
project's) decide whether they support it. The evaluator's `prepare` has refused everything that is not legal. A lowering refuses only
what the kernels cannot do: too many axes that cannot be merged.
"""

from cfukit_sw.lowering.lowered import Alias, Bytes, Lowered, Lowering, Op, Pieces, TensorAt
from cfukit_sw.lowering.table import LOWERINGS

__all__ = ["LOWERINGS", "Alias", "Bytes", "Lowered", "Lowering", "Op", "Pieces", "TensorAt"]
