"""LiteX SoCs, boards and the engines that run firmware on them."""
