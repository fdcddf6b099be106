"""Damaged models are either refused or run correctly. The fuzz target is support.fuzz."""

from __future__ import annotations

import os

import pytest

from support.fuzz import fuzz, fuzz_in_worker
from support.marks import long_except


def test_damaged_models() -> None:
    counts = fuzz(0, 30)
    assert counts["refused"] >= 10 and sum(counts.values()) == 30


def test_the_worker_says_what_went_wrong() -> None:
    with pytest.raises(AssertionError, match="(?s)exit code 1; .*not a number"):
        fuzz_in_worker(0, "not a number")  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("part", long_except(range(4), 0))
def test_a_thousand_damaged_models(part: int) -> None:
    counts = fuzz_in_worker(1000 + 250 * part, 250)
    assert counts["refused"] > 100 and counts["ran"] > 10


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_damaged_models_and_more(part: int) -> None:
    count = max(1_000, 10 * int(os.environ.get("CFUKIT_SEEDS", "0")))
    fuzz_in_worker(1_000_000 * (part + 1), count)
