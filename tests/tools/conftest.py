"""Projects for the tests of the verbs: copies in a temporary folder, built once per session."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from cfukit_base.cache import cached
from cfukit_soc.fast import build_cfu_library
from cfukit_tools import api
from cfukit_tools.project.catalogue import shipped_folder
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System


@pytest.fixture(scope="session")
def built_mac4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of proj/mac4 with its CFU and simulators, built once for all workers. To be copied, not used."""
    base = tmp_path_factory.getbasetemp()

    def build(folder: Path) -> None:
        api.init(str(folder / "mac4"), "mac4")
        system = System(load_target(folder / "mac4"))
        assert system.cfu_verilog is not None
        build_cfu_library(system.cfu_verilog, system.project.board_dir)
        system.simulator()

    return cached(base.parent if base.name.startswith("popen-") else base, "projects", "mac4", build) / "mac4"


@pytest.fixture(scope="session")
def mac4(built_mac4: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of proj/mac4 that keeps its builds for the whole session."""
    return shutil.copytree(built_mac4, tmp_path_factory.mktemp("projects") / "mac4")


@pytest.fixture(scope="session")
def two_samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two held-out digits with labels."""
    path = tmp_path_factory.mktemp("inputs") / "two.npz"
    with np.load(shipped_folder() / "digits_heldout.npz") as data:
        np.savez(path, in0=data["in0"][:2], labels=data["labels"][:2])
    return path
