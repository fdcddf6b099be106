"""A streaming engine for all of MLPerf Tiny: whole convolutions in the data TCM, started by one instruction.

`cfukit.engine` has the gateware, its model and its kernels. This file chooses the size. project.toml names the kernels, and the functions
that are imported here for them.
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


def make_cfu(
    lanes=16, outputs=4, requantizers=2, weight_rows=512, window_rows=512, channels=512, dma=128, pixels=2
):
    """lanes * outputs multiplications and `requantizers` results per cycle; see EngineSize."""
    return make_engine(
        EngineSize(lanes, outputs, requantizers, weight_rows, window_rows, channels, dma, pixels)
    )
