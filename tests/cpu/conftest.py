"""Seeds of the long tests: as many as CFUKIT_SEEDS says."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def long_seeds() -> range:
    return range(1000, 1000 + int(os.environ.get("CFUKIT_SEEDS", "20")))
