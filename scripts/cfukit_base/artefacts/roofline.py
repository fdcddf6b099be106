"""How close an operator is to what its system can do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Bytes that an operator reads and writes at least: each byte of its tensors once."""

    weight_bytes: int
    input_bytes: int
    output_bytes: int


@dataclass(frozen=True, kw_only=True)
class Work:
    """Instructions that an operator's kernel executed, by kind. products: integer multiplications."""

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

    * instructions: that retired, one per cycle at most.
    * bound: the name of the tightest one. attained: its cycles divided by those that were measured; 1 is the best there is.
    """

    instructions: int
    limits: tuple[Bound, ...]
    bound: str
    attained: float
