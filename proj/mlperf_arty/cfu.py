"""A streaming engine for all of MLPerf Tiny: whole convolutions in the data TCM, started by one instruction.

`cfukit.engine` has the gateware and its model, and the library the kernels for it. This file chooses the size.
"""

from cfukit.engine import EngineSize, make_engine


def make_cfu(
    lanes=16,
    outputs=4,
    requantizers=2,
    weight_rows=512,
    window_rows=512,
    channels=512,
    dma=128,
    pixels=2,
    residual=1,
):
    """lanes * outputs multiplications and `requantizers` results per cycle; see EngineSize."""
    return make_engine(
        EngineSize(lanes, outputs, requantizers, weight_rows, window_rows, channels, dma, pixels, residual)
    )
