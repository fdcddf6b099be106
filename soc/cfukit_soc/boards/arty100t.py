"""`arty100t`: Digilent Arty A7-100T, `arty` with a larger FPGA and more on-chip RAM."""

from cfukit_soc.boards.arty import arty

BOARD = arty(
    "arty100t",
    "xc7a100tcsg324-1",
    {"lut": 63400, "ff": 126800, "bram": 135, "dsp": 240},
    sram_bytes=256 * 1024,
    loader="arty_a7_100t",
)
