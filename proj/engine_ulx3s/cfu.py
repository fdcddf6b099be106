"""The streaming engine in the size that suits a ULX3S: 32 multipliers, two results per cycle.

`cfukit.engine` has the gateware and its model, and the library the kernels for it. This file chooses the size.
"""

from cfukit.engine import EngineSize, make_engine


def make_cfu(lanes=16, outputs=2, requantizers=2, weight_rows=512, window_rows=512, channels=512):
    """lanes * outputs multiplications and `requantizers` results per cycle; see EngineSize."""
    return make_engine(EngineSize(lanes, outputs, requantizers, weight_rows, window_rows, channels))
