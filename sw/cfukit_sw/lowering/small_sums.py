"""Replace bias and multiplier of channels whose sums are too large for cfukit_rescale, although their output hardly changes.

Trained models contain dead channels: a bias near 2^30, a tiny scale, and weights that barely matter. Over all possible inputs such a
channel gives one value, or two neighbouring ones with a single step between them. Another bias and multiplier give exactly the same
outputs with sums below 2^29.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cfukit_sw.fixed_point import multiply

Ints = npt.NDArray[np.int64]

LIMIT = 2**29  # cfukit_rescale needs sums below this in magnitude ...
MAX_RIGHT = 20  # ... and right shifts up to this
SPREAD = (
    2**19
)  # sums of a replaced channel differ by less: one step of multiplier 2^30, shift -20 is 2^21 wide


def small_sums(
    weights: Ints, zero_point: int, bias: Ints, multipliers: Ints, shifts: Ints
) -> tuple[Ints, Ints, Ints] | None:
    """(bias, multipliers, shifts) that give the same outputs for every int8 input and suit cfukit_rescale; None if there are none.

    weights: [channel, tap].
    """
    bias, multipliers, shifts = bias.copy(), multipliers.copy(), shifts.copy()
    magnitude = np.abs(weights).sum(axis=1)

    def unfit() -> npt.NDArray[np.bool_]:
        return (np.abs(bias) + 255 * magnitude >= LIMIT) | (shifts > 0) | (shifts < -MAX_RIGHT)

    lowest = np.where(weights > 0, -128 - zero_point, 127 - zero_point) * weights
    highest = np.where(weights > 0, 127 - zero_point, -128 - zero_point) * weights
    for c in np.flatnonzero(unfit()):
        low, high = int(lowest[c].sum()), int(highest[c].sum())
        step = _step(int(bias[c]) + low, int(bias[c]) + high, int(multipliers[c]), int(shifts[c]))
        if step is None or high - low >= SPREAD:
            return None
        value, first = step  # `value` below the sum `first`, one more from it on
        if abs(value) > 255:
            return None
        same = ((2 * value + 1) << MAX_RIGHT) - 8  # search the sum at which the new pair steps
        while _scaled(same, 2**30, -MAX_RIGHT) <= value:
            same += 1
        bias[c], multipliers[c], shifts[c] = bias[c] - first + same, 2**30, -MAX_RIGHT
    return None if unfit().any() else (bias, multipliers, shifts)


def _scaled(x: int, multiplier: int, shift: int) -> int:
    return int(multiply(np.array(x, np.int64), multiplier, shift))


def _step(low: int, high: int, multiplier: int, shift: int) -> tuple[int, int] | None:
    """(value, first): the result is `value` for sums from low to first - 1 and value + 1 from first to high. None if it is not."""
    left = max(shift, 0)
    if max(abs(low), abs(high)) << left >= 2**31:
        return None
    value = _scaled(low, multiplier, shift)
    last = _scaled(high, multiplier, shift)
    if last == value:
        return value, high + 1
    if last != value + 1:
        return None
    first, beyond = low, high  # the result is `value` at first, more at beyond
    while beyond - first > 1:
        middle = (first + beyond) // 2
        if _scaled(middle, multiplier, shift) == value:
            first = middle
        else:
            beyond = middle
    return value, beyond
