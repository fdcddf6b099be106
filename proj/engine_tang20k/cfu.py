"""The streaming engine in the size that suits a Tang Nano 20K: 32 multipliers, ports of 64 bits, few block RAMs.

`cfukit.engine` has the gateware and its model, and the library the kernels for it. This file chooses the size.
"""

from cfukit.engine import EngineSize, make_engine


def make_cfu(lanes=8, outputs=4, requantizers=1, weight_rows=512, window_rows=512, channels=512, dma=64):
    """lanes * outputs multiplications and `requantizers` results per cycle; see EngineSize."""
    return make_engine(EngineSize(lanes, outputs, requantizers, weight_rows, window_rows, channels, dma))
