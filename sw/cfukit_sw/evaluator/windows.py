"""Windows on images (NHWC): the geometry that convolutions and pools share, and one view of all windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cfukit_sw.model import Tensor
from cfukit_sw.quantization import window_output, window_padding
from cfukit_sw.site import MAX_WINDOW, Array, Site


@dataclass(frozen=True)
class Axis:
    """One axis of a window operator; `before` is the padding before the image.

    is_usual: there are as many outputs as the options say.
    """

    size: int
    output: int
    kernel: int
    stride: int
    dilation: int
    before: int
    is_usual: bool = True

    @property
    def after(self) -> int:
        """Padding that lets the last window fit. Unlike TFLM's figure it is never negative."""
        return max(0, (self.output - 1) * self.stride + self.extent - self.size - self.before)

    @property
    def extent(self) -> int:
        return (self.kernel - 1) * self.dilation + 1

    def taps(self, index: int) -> tuple[slice, slice]:
        """For tap `index`: (output positions, image positions) where it lies inside the image."""
        offset = index * self.dilation - self.before
        first = max(0, -(offset // self.stride))
        last = min(self.output - 1, (self.size - 1 - offset) // self.stride)
        if last < first:
            return slice(0, 0), slice(0, 0)
        start = first * self.stride + offset
        return slice(first, last + 1), slice(start, start + (last - first) * self.stride + 1, self.stride)


def window_axes(
    at: Site, image: Tensor, output: Tensor, kernel: tuple[int, int], dilated: bool
) -> tuple[Axis, Axis]:
    """Height and width axes from the options. Refuses an output shape that does not follow from them, but for convolutions.

    Those compute as many outputs as the file says, as TFLM's do: what a converter writes for an input of unknown size.
    """
    padding = str(at.option("padding"))
    axes = []
    for position, letter in ((1, "h"), (2, "w")):
        stride = at.integer(f"stride_{letter}", 1, MAX_WINDOW)
        dilation = at.integer(f"dilation_{letter}_factor", 1, MAX_WINDOW) if dilated else 1
        size, k = image.shape[position], kernel[position - 1]
        count = window_output(padding, size, k, stride, dilation)
        if count < 1 and not dilated:
            at.refuse(f"a {padding} window of {k} (dilation {dilation}) on {image}", "a window that fits")
        if count != output.shape[position] and not dilated:
            at.refuse(f"{output} has size {output.shape[position]} in dimension {position}", f"{count}")
        before = padding_before(at, count, size, k, stride, dilation) if padding == "SAME" else 0
        outputs = output.shape[position]
        if (outputs - 1) * stride - before >= size:
            given = f"{output} has size {outputs} in dimension {position}"
            at.refuse(given, f"{count}, or at least windows that begin in the image")
        axes.append(Axis(size, outputs, k, stride, dilation, before, outputs == count))
    return axes[0], axes[1]


def padding_before(at: Site, count: int, size: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """Padding before the image, which TFLM keeps in 16 bits."""
    before, _ = window_padding(count, size, kernel, stride, dilation)
    if before > MAX_WINDOW:
        at.refuse(f"padding of {before}", f"at most {MAX_WINDOW}")
    return before


def pad_image(x: Array, y: Axis, x_axis: Axis, value: int) -> Array:
    """The image with the padding that all windows need, filled with `value`."""
    widths = ((0, 0), (y.before, y.after), (x_axis.before, x_axis.after), (0, 0))
    if not any(before or after for before, after in widths):
        return np.ascontiguousarray(x)
    return np.pad(x, widths, constant_values=value)


def all_windows(padded: Array, y: Axis, x: Axis) -> Array:
    """A view [n, out_h, out_w, kernel_h, kernel_w, c] of a padded image; no copy."""
    n, _, _, channels = padded.shape
    sn, sh, sw, sc = padded.strides
    return as_strided(
        padded,
        (n, y.output, x.output, y.kernel, x.kernel, channels),
        (sn, sh * y.stride, sw * x.stride, sh * y.dilation, sw * x.dilation, sc),
        writeable=False,
    )
