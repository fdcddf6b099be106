"""How an operator is evaluated: a `prepare` function checks it once and returns the function that computes it.

`prepare(at: Site)` refuses what TFLM or cfukit does not support (ModelError, naming operator and tensor) and computes
multipliers. It returns a `Compute`, which maps the input arrays (None where absent) to the list of output arrays, and which
may change variable tensors in place and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from cfukit_sw.quantization import LIMITS
from cfukit_sw.site import Array, Site

Compute = Callable[[list[Any]], list[Array]]
Prepare = Callable[[Site], Compute]

PREPARE: dict[str, Prepare] = {}


def operator(*types: str) -> Callable[[Prepare], Prepare]:
    """Register a prepare function for operator types."""

    def register(prepare: Prepare) -> Prepare:
        for type in types:
            assert type not in PREPARE, type
            PREPARE[type] = prepare
        return prepare

    return register


def by_table(table: Array) -> Compute:
    """An operator from int8 to anything, as a table whose entry x + 128 is the output for x."""
    by_byte = np.roll(table, -128)  # index: x as uint8

    def run(inputs: list[Any]) -> list[Array]:
        return [by_byte[inputs[0].view(np.uint8)]]

    return run


def every_int8() -> npt.NDArray[np.int64]:
    """-128..127: the index of the tables."""
    return np.arange(LIMITS["int8"][0], LIMITS["int8"][1] + 1, dtype=np.int64)
