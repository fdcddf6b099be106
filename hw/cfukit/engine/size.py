"""How large a streaming engine is."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from cfukit.parts.requantizer import SHIFT_BITS
from cfukit_base.errors import UsageError


@dataclass(frozen=True)
class EngineSize:
    """How large an engine is.

    * lanes: bytes of a row, of the memory port as of the stores: 4, 8 or 16.
    * outputs: output channels that are computed at once; lanes * outputs multiplications per cycle.
    * requantizers: results per cycle: 1, 2 or 4.
    * weight_rows: each has lanes * outputs weights. window_rows: each has `lanes` activations. channels: output channels of a job.
    * pixels: of a convolution that are computed at once, 1 or 2: a multiplier makes two products per cycle.
    * dma: bits of the port into main memory, from which weights and channels are loaded: those of a row, or 0 for none.
    * residual: 1 if results may pass the requantisers a second time, as the sum with another tensor; else 0.
    """

    lanes: int = 16
    outputs: int = 4
    requantizers: int = 2
    weight_rows: int = 512
    window_rows: int = 512
    channels: int = 512
    dma: int = 0
    pixels: int = 1
    residual: int = 0

    def __post_init__(self) -> None:
        if self.dma not in (0, self.row_bits):
            raise UsageError(
                "EngineSize", f"dma is {self.dma!r}", allowed=f"0 (none) or {self.row_bits}, a row"
            )

    @property
    def row_bits(self) -> int:
        return 8 * self.lanes

    @property
    def fed_words(self) -> int:
        """Words of weights that one `feed` takes."""
        return min(2, self.lanes // 4)


CHANNEL = data.StructLayout({"bias": signed(32), "multiplier": unsigned(31), "shift": signed(SHIFT_BITS)})
