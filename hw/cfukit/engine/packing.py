"""Weights in the order in which the engine reads them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cfukit.engine.size import EngineSize

Int8s = npt.NDArray[np.int8]


def pack_conv(weights: Int8s, size: EngineSize, groups: int = 1) -> bytes:
    """[outputs, taps and channels ...] as [group][block of outputs][row of lanes][output][lane], padded with zeros."""
    parts = []
    for group in np.split(weights.reshape(weights.shape[0], -1), groups):
        blocks, rows = -(-group.shape[0] // size.outputs), -(-group.shape[1] // size.lanes)
        padded = np.zeros((blocks * size.outputs, rows * size.lanes), np.int8)
        padded[: group.shape[0], : group.shape[1]] = group
        parts.append(padded.reshape(blocks, size.outputs, rows, size.lanes).transpose(0, 2, 1, 3).tobytes())
    return b"".join(parts)


def pack_depthwise(weights: Int8s, size: EngineSize) -> bytes:
    """[1, height, width, channels] as [block of lanes][tap][lane], padded with zeros."""
    taps = weights.reshape(-1, weights.shape[3])
    blocks = -(-taps.shape[1] // size.lanes)
    padded = np.zeros((taps.shape[0], blocks * size.lanes), np.int8)
    padded[:, : taps.shape[1]] = taps
    return padded.reshape(-1, blocks, size.lanes).transpose(1, 0, 2).tobytes()
