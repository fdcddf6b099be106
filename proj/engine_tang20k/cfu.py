"""The streaming engine in the size that suits a Tang Nano 20K: 32 multipliers, a memory port of 64 bits, few block RAMs.

`cfukit.engine` has the gateware, its model and its kernels. project.toml names the kernels, and the functions that are imported here for
them.
"""

from cfukit.engine import EngineSize, make_engine
from cfukit.engine.kernels import (
    pack_conv_weights,
    pack_depthwise_weights,
    pack_fully_connected,
    supports_add,
    supports_average_pool,
    supports_conv,
    supports_depthwise,
    supports_fully_connected,
)

__all__ = [
    "make_cfu",
    "pack_conv_weights",
    "pack_depthwise_weights",
    "pack_fully_connected",
    "supports_add",
    "supports_average_pool",
    "supports_conv",
    "supports_depthwise",
    "supports_fully_connected",
]


def make_cfu(lanes=8, outputs=4, requantizers=1, weight_rows=512, window_rows=512, channels=512):
    """lanes * outputs multiplications and `requantizers` results per cycle; see EngineSize."""
    return make_engine(EngineSize(lanes, outputs, requantizers, weight_rows, window_rows, channels))
