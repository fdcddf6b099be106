"""How close an operator is to what its system can do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Moved:
    """The fewest bytes that an operator must read and write: each byte of its tensors once."""

    weight_bytes: int
    input_bytes: int
    output_bytes: int


@dataclass(frozen=True, kw_only=True)
class Work:
    """How many instructions of each kind an operator's kernel executed.

    * products: integer multiplications.
    """

    loads: int
    stores: int
    products: int
    cfu_calls: int
    branches: int
    others: int


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The fewest cycles that one resource allows for the work of an operator."""

    name: str
    cycles: int


@dataclass(frozen=True, kw_only=True)
class Roof:
    """The limits of an operator, the tightest first.

    * instructions: how many retired. At most one retires per cycle.
    * bound: the name of the tightest limit. attained: the cycles of this limit divided by the measured cycles; 1 is the optimum.
    """

    instructions: int
    limits: tuple[Bound, ...]
    bound: str
    attained: float
