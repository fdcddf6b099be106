"""What the engine computes, as plain integers."""

import numpy as np
from size import CHANNELS, LANES, OUTPUTS, SUM_BITS, WEIGHT_ROWS, WINDOW_ROWS

from cfukit import to_signed
from cfukit.parts import requantize


class PixelModel:
    """The stores and the jobs. jobs: of each, where its window begins and its results, four in a word, not yet taken."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.windows = np.zeros((WINDOW_ROWS, LANES), np.int64)
        self.weights = np.zeros((WEIGHT_ROWS, OUTPUTS, LANES), np.int64)
        self.channel_words = []
        self.fed_windows = self.fed_weights = self.begin = 0
        self.shape, self.range = (0, 0, 0, 0, 0), (0, 0, 0)
        self.jobs = []

    def feed(self, four):
        """The next row of a window. It ends the jobs if it falls into a window in use."""
        at = self.fed_windows % WINDOW_ROWS
        if any((at - begin) % WINDOW_ROWS < self.shape[1] for begin, _ in self.jobs):
            self.jobs = []
        self.windows[at] = four
        self.fed_windows += 1

    def start(self, advance):
        """The pixel whose window begins `advance` rows behind the one before."""
        self.begin = (self.begin + advance) % WINDOW_ROWS
        if len(self.jobs) == 2:
            self.jobs = []
        self.jobs.append((self.begin, self._results()))

    def get(self):
        """Four results of the first job."""
        if not self.jobs:
            return 0
        _, words = self.jobs[0]
        word = words.pop(0)
        if not words:
            self.jobs.pop(0)
        return word

    def _results(self):
        rows, _, stride, depthwise, count = self.shape
        rows, count = rows or 1024, count or 1024
        blocks = np.arange(-(-count // (LANES if depthwise else OUTPUTS)))[:, None]
        row = np.arange(rows)[None, :]
        at = (self.begin + row * stride + depthwise * blocks) % WINDOW_ROWS
        weight = (blocks * rows + row) % WEIGHT_ROWS
        known = (at < self.fed_windows) & (weight < self.fed_weights)
        x, w = self.windows[at] * known[..., None], self.weights[weight]
        sums = (x * w[:, :, 0]).sum(axis=1) if depthwise else (x[:, :, None] * w).sum(axis=(1, 3))
        values = [self._result(n, int(total)) & 0xFF for n, total in enumerate(sums.reshape(-1)[:count])]
        return [_word(values[n : n + 4]) for n in range(0, count, 4)]

    def _result(self, n, total):
        channel = n % CHANNELS
        zero_point, low, high = self.range
        if channel >= len(self.channel_words) // 2:
            return requantize(0, 0, 0, zero_point, low, high)
        (bias, shift), (multiplier, _) = self.channel_words[2 * channel : 2 * channel + 2]
        total = to_signed(to_signed(total, SUM_BITS) + bias)
        multiplier, right = multiplier & 0x7FFF_FFFF, (shift & 31) + 1
        if right == 32:  # half of 2^32 and more: 0 or 1 in magnitude
            half_up = (abs(total) * multiplier + (1 << 30) - (total < 0) >> 31) + (1 << 31) >> 32
            moved = (-half_up if total < 0 else half_up) + zero_point
            return high if moved > high else max(moved, low)
        return requantize(total, multiplier, -right, zero_point, low, high)


def _word(values):
    """Up to four bytes; fewer than four are in the high ones."""
    return int.from_bytes(bytes(4 - len(values)) + bytes(values), "little")
