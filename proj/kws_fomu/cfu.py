"""A tiny streaming engine for an iCE40UP5K: it computes one output pixel of a convolution at a time, eight products per cycle.

    the CPU feeds:  windows -> window store --+
                    weights -> weight store --+-> products -> accumulators -> requantizer -> queue of results -> the CPU
                    channels -> channel store -----------------------------/

    cfu_pixel_set_shape(rows, ...); cfu_pixel_set_range(...);       once per operator
    cfu_pixel_feed_weights(a, b); cfu_pixel_feed_channels(...);     once per operator
    cfu_pixel_feed_window(word);                                    what is new in the next pixel's window
    cfu_pixel_start(advance, 0);                                    the pixel whose window begins `advance` rows further on
    results = cfu_pixel_get();                                      four int8 at a time, as soon as they are there

While a pixel is computed, the CPU feeds the next window, starts the next pixel, and takes results. The window store is a ring, so a
window that overlaps the one before needs only its new columns or rows. A convolution takes rows * outputs / 2 cycles per pixel, or 6 per
result if that is more.

There are 8 multipliers in the FPGA: seven make products, and one requantizes. The eighth product is made of LUTs.
"""

from instructions import Feed, Get, Set, Start
from packing import (
    conv_scratch,
    depthwise_scratch,
    pack_conv,
    pack_depthwise,
    pack_fully_connected,
    supports_average_pool,
    supports_conv,
    supports_depthwise,
    supports_fully_connected,
)
from pixel import Pixel
from size import CHANNELS, WEIGHT_ROWS, WINDOW_ROWS

from cfukit import Cfu

__all__ = [
    "conv_scratch",
    "depthwise_scratch",
    "make_cfu",
    "pack_conv",
    "pack_depthwise",
    "pack_fully_connected",
    "supports_average_pool",
    "supports_conv",
    "supports_depthwise",
    "supports_fully_connected",
]


def make_cfu():
    pixel = Pixel()
    return Cfu(
        {
            0: Set(name="pixel_set", state=pixel),
            1: Feed(name="pixel_feed", state=pixel),
            2: Start(name="pixel_start", state=pixel),
            3: Get(name="pixel_get", state=pixel),
        },
        about="convolutions pixel by pixel, eight products per cycle",
        params={"weight_rows": WEIGHT_ROWS, "window_rows": WINDOW_ROWS, "channels": CHANNELS},
        autonomous=True,
    )
