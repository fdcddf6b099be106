"""Data as the portable kernels want it: weights in blocks of four channels, scratch for a tile of rows."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from cfukit_sw.lowering.lowered import Op

TILE_BYTES = 1536  # about a third of a 4 KiB data cache
BAND_BYTES = 3072  # BAND_BYTES of depthwise_3x3.c


def pack_blocks(op: Op, weights: npt.NDArray[np.int8]) -> bytes:
    """[group][block][k][4]: four output channels side by side, each group's last block filled up with zeros."""
    if (
        op.type == "DEPTHWISE_CONV_2D"
    ):  # one input channel: [1, kh, kw, O] is a convolution's weights transposed
        rows, groups = weights.reshape(-1, weights.shape[3]).T, 1
    else:
        rows, groups = weights.reshape(weights.shape[0], -1), op.groups
    outputs, depth = rows.shape[0] // groups, rows.shape[1]
    padded = np.zeros((groups, -(-outputs // 4) * 4, depth), np.int8)
    padded[:, :outputs] = rows.reshape(groups, outputs, depth)
    return padded.reshape(groups, -1, 4, depth).transpose(0, 1, 3, 2).tobytes()


def pack_channels(op: Op, weights: npt.NDArray[np.int8]) -> bytes:
    """Depthwise weights [1, h, w, O] as [O][h][w]."""
    return weights.reshape(-1, weights.shape[3]).T.tobytes()


def tile_rows(depth: int) -> int:
    """Rows of a tile: an even number, at least 4. cfukit_portable_tile computes the same in C."""
    return 4 if depth > 384 else TILE_BYTES // depth & ~1


def needs_gathering(op: Op) -> bool:
    """False for a 1x1 convolution with stride 1, whose input already consists of such rows."""
    pointwise = op.filter_shape[1:3] == (1, 1) and op.strides == (1, 1) and not any(op.padding)
    return not (pointwise and (op.groups == 1))


def _depth(op: Op) -> int:
    return prod(op.filter_shape[1:3]) * (op.filter_shape[3] if op.type == "CONV_2D" else 1)


def tile_positions(op: Op) -> int:
    """Output positions that conv_2d computes together."""
    return min(tile_rows(_depth(op)), op.output_shape[1] * op.output_shape[2])


def conv_row_bytes(op: Op) -> int:
    """Scratch for the taps of one output position."""
    return -(-_depth(op) // 4) * 4


def conv_scratch(op: Op) -> int:
    return tile_positions(op) * conv_row_bytes(op) if needs_gathering(op) else 0


def band_positions(op: Op) -> int:
    """Output positions of a band of depthwise_3x3."""
    row_bytes = op.input_shape[2] * op.input_shape[3]
    return max(1, (BAND_BYTES // row_bytes - 2) // op.strides[0]) * op.output_shape[2]
