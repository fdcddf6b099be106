"""Which cases of a parametrised test run when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def long_except(cases: Iterable[Any], *kept: Any) -> list[Any]:
    """`cases`, of which only `kept` run in `make test`. The others are marked `long`. A tuple is a case of several arguments."""
    cases = list(cases)
    strange = [case for case in kept if case not in cases]
    assert not strange, f"no such cases: {strange}"
    values = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [
        pytest.param(*each, marks=[] if case in kept else pytest.mark.long)
        for case, each in zip(cases, values, strict=True)
    ]
