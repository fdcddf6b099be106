"""What is built of verilated code is built again when what all such builds share is another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from cfukit.testing import verilator_driver
from cfukit_soc import simulator
from cfukit_soc.fast import build as fast
from cfukit_soc.renode import library
from support.socs import make_soc
from support.verilog import module_cfu, write


def of_the_driver(cfu: Path) -> None:
    verilator_driver.build(cfu.read_text(), "cfu.v")


def of_the_rtl(cfu: Path) -> None:
    simulator.build_simulator(make_soc("sim", cfu.parent), cfu, build_dir=cfu.parent)


def of_the_fast_engine(cfu: Path) -> None:
    fast.build_cfu_library(cfu, cfu.parent)


def of_renode(cfu: Path) -> None:
    library.build_library(cfu, cfu.parent)


@pytest.mark.parametrize(
    ("module", "build"),
    [
        (verilator_driver, of_the_driver),
        (simulator, of_the_rtl),
        (fast, of_the_fast_engine),
        (library, of_renode),
    ],
)
def test_the_key_covers_what_all_builds_share(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    build: Callable[[Path], None],
) -> None:
    cfu = write(tmp_path, {"cfu.v": module_cfu("7")})
    keys: list[str] = []

    def kept(root: Path, name: str, key: str, make: Callable[[Path], object]) -> Path:
        keys.append(key)
        return root

    for name in ("cached", "shared"):
        monkeypatch.setattr(module, name, kept, raising=False)
    build(cfu)
    build(cfu)
    monkeypatch.setattr(module, "build_digest", lambda: "another")
    build(cfu)
    assert len(keys) == 3 and keys[0] == keys[1] != keys[2]
