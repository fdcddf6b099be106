"""LiteX SoCs, boards and the engines that run firmware on them."""

from cfukit_soc.counted import read_counts
from cfukit_soc.generate import generate_soc
from cfukit_soc.simulation import HANG_CYCLES, Waves, simulate
from cfukit_soc.simulator import build_simulator, simulator_digest

__all__ = [
    "HANG_CYCLES",
    "Waves",
    "build_simulator",
    "generate_soc",
    "read_counts",
    "simulate",
    "simulator_digest",
]
