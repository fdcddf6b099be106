"""One system and one simulator for all tests of the engine, because building takes seconds and running milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cfukit_base.artefacts import Outcome
from cfukit_soc import build_simulator, simulate
from support.bare import ODD_CFU
from support.socs import make_soc


@dataclass(frozen=True)
class System:
    """The board `sim` with the CFU of tests/support/odd_cfu.v."""

    soc_json: Path
    build_dir: Path

    def simulator(self, waves: bool = False) -> Path:
        return build_simulator(self.soc_json, ODD_CFU, waves=waves, build_dir=self.build_dir)

    def run(self, elf: Path, **options: Any) -> Outcome:
        options.setdefault("max_cycles", 2_000_000)
        return simulate(self.simulator(waves="waves" in options), self.soc_json, elf, **options)


@pytest.fixture(scope="session")
def shared_tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of a parallel test run. The cache in it uses locks."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if base.name.startswith("popen-") else base) / "soc"


@pytest.fixture(scope="session")
def system(shared_tmp: Path, tmp_path_factory: pytest.TempPathFactory) -> System:
    return System(make_soc("sim", tmp_path_factory.mktemp("sim")), shared_tmp)


@pytest.fixture
def run_c(system: System, tmp_path: Path) -> Callable[..., Outcome]:
    """run_c(source, **options of simulate): compile a C program and run it."""
    from support.bare import compile_c

    return lambda source, **options: system.run(compile_c(source, tmp_path), **options)


@pytest.fixture
def run_asm(system: System, tmp_path: Path) -> Callable[..., Outcome]:
    """run_asm(source, **options of simulate): assemble a program that defines `main` and run it."""
    from support.bare import assemble

    return lambda source, **options: system.run(assemble(source, tmp_path), **options)
