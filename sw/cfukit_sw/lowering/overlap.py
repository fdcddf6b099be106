"""How far an output may reach into the input that it is computed from.

Kernels with windows walk through output positions in order, a tile at a time. Input before the windows that are still to come is no
longer needed. So the output may begin `lead` bytes before the input and overwrite it as the kernel advances.
"""

from __future__ import annotations

import numpy as np

from cfukit_sw.lowering.lowered import Op


def window_lead(op: Op, tile_positions: int) -> int | None:
    """The smallest distance in bytes from the output's begin to the input's at which no tile overwrites what it or a later tile reads.

    A tile may read its whole input and write its whole output in any order. None for more than one image.

    """
    if op.input_shape[0] != 1 or len(op.input_shape) != 4 or tile_positions < 1:
        return None
    _, height, width, channels = op.input_shape
    _, out_height, out_width, out_channels = op.output_shape
    top, _, left, _ = op.padding
    rows = np.maximum(np.arange(out_height) * op.strides[0] - top, 0)
    columns = np.maximum(np.arange(out_width) * op.strides[1] - left, 0)
    first_read = (np.minimum(rows, height)[:, None] * width + np.minimum(columns, width)).reshape(
        -1
    ) * channels
    still_needed = np.minimum.accumulate(first_read[::-1])[::-1]
    tiles = np.arange(0, first_read.size, tile_positions)
    written = np.minimum(tiles + tile_positions, first_read.size) * out_channels
    return max(0, int((written - still_needed[tiles]).max()))
