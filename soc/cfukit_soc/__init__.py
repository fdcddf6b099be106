"""LiteX SoCs, boards and the engines that run firmware on them."""

from cfukit_soc.generate import generate_soc

__all__ = ["generate_soc"]
