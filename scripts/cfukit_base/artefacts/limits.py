"""What was asked and not reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A limit that is exceeded. offender: what contributes most; "" if nothing stands out."""

    name: str
    asked: float
    reached: float
    offender: str
