"""From operators to kernel parameters: one function per operator type, in LOWERINGS.

A lowering checks what TFLM checks, computes the parameters that any kernel of this type needs, and describes the operator as
an `Op`, which is what kernels (also a project's) look at to say whether they support it.
"""

from cfukit_sw.lowering.lowered import Alias, Bytes, Lowered, Lowering, Op, Pieces, TensorAt, refuse
from cfukit_sw.lowering.table import LOWERINGS

__all__ = ["LOWERINGS", "Alias", "Bytes", "Lowered", "Lowering", "Op", "Pieces", "TensorAt", "refuse"]
