"""The 16-bit LOGISTIC and TANH of the int8 LSTM: interpolation in TFLM's 256-entry sigmoid table."""

from __future__ import annotations

import numpy as np

from cfukit_sw.fixed_point import Ints
from cfukit_sw.sigmoid_table import SIGMOID_TABLE_UINT16

_TABLE = np.array([*SIGMOID_TABLE_UINT16, SIGMOID_TABLE_UINT16[-1]], np.int64)


def _scaled(value: Ints, multiplier: int, shift: int) -> Ints:
    """value * 3 * 2**shift or value * multiplier * 2**-shift, rounded."""
    if multiplier == 0:
        multiplier, shift = 3 << shift, 0
    return (value * multiplier + ((1 << (shift - 1)) if shift > 0 else 0)) >> shift


def log16(value: Ints, multiplier: int = 0, shift: int = 0) -> Ints:
    """LOG16: sigmoid of a Q3.12 value (multiplier and shift 0), result in Q0.15."""
    d = _scaled(value, multiplier, shift)
    size = np.abs(d)
    index = np.minimum(size >> 9, 255)
    r = (_TABLE[index] << 9) + (size & 511) * (_TABLE[index + 1] - _TABLE[index])
    r = np.where(index >= 255, 0x7FFF << 10, r)
    return np.where(d >= 0, r + 512, (1 << 25) - r + 511) >> 10


def tanh16(value: Ints, multiplier: int, shift: int) -> Ints:
    """TANH16: tanh of a value whose scale multiplier and shift describe, result in Q0.15."""
    d = _scaled(value, multiplier, shift)
    size = np.abs(d)
    index = np.minimum(size >> 8, 255)
    r = (_TABLE[index] << 8) + (size & 255) * (_TABLE[index + 1] - _TABLE[index])
    r = np.where(index >= 255, 0xFFFF << 8, r)
    return np.where(d >= 0, r - (1 << 23) + (1 << 7), -r + (1 << 23) + (1 << 7) - 1) >> 8
