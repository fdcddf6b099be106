"""Damaged models are refused or run; nothing else happens. The fuzz target is support.fuzz."""

from __future__ import annotations

import os

import pytest

from support.fuzz import fuzz


def test_damaged_models() -> None:
    counts = fuzz(0, 200)
    assert counts["refused"] > 50 and counts["ran"] > 5


@pytest.mark.slow
def test_a_thousand_damaged_models() -> None:
    counts = fuzz(1000, 1000)
    assert counts["refused"] > 500 and counts["ran"] > 50


@pytest.mark.long
def test_ten_thousand_damaged_models_a_seed() -> None:
    for seed in range(int(os.environ.get("SEEDS", "1"))):
        fuzz(10_000 * (seed + 1), 10_000)
