"""Parts of accelerators, as components of `amaranth.lib.wiring` with streams of `amaranth.lib.stream`."""

from cfukit.parts.mac_array import MacArray
from cfukit.parts.requantizer import Requantizer, requantize, rescale
from cfukit.parts.row_packer import RowPacker
from cfukit.parts.stream_buffer import StreamBuffer
from cfukit.parts.window_gather import WindowGather
from cfukit.parts.window_walker import RUN, WINDOWS, WindowWalker

__all__ = [
    "RUN",
    "WINDOWS",
    "MacArray",
    "Requantizer",
    "RowPacker",
    "StreamBuffer",
    "WindowGather",
    "WindowWalker",
    "requantize",
    "rescale",
]
