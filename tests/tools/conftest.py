"""Projects for the tests of the verbs: copies in a temporary folder, built once per session."""

from pathlib import Path

import numpy as np
import pytest

from cfukit_tools import api
from cfukit_tools.project.catalogue import shipped_folder


@pytest.fixture(scope="session")
def mac4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of proj/mac4 that keeps its builds for the whole session."""
    folder = tmp_path_factory.mktemp("projects") / "mac4"
    api.init(str(folder), "mac4")
    return folder


@pytest.fixture(scope="session")
def two_samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two held-out digits with labels."""
    path = tmp_path_factory.mktemp("inputs") / "two.npz"
    with np.load(shipped_folder() / "digits_heldout.npz") as data:
        np.savez(path, in0=data["in0"][:2], labels=data["labels"][:2])
    return path
