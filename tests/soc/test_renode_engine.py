"""Programs in Renode that do not end well, on a stand-in with Renode's habits: what is told, how soon, and what stays behind."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cfukit_base import process, tools
from cfukit_base.artefacts import Fault, Outcome
from cfukit_base.cache import user_cache
from cfukit_base.tools import tool
from cfukit_soc.renode import engine
from cfukit_soc.renode.export import RenodeScripts, export_renode
from cfukit_soc.renode.library import build_library
from cfukit_sw.firmware import build_firmware
from support import fake_renode
from support.socs import make_soc

pytestmark = pytest.mark.slow  # the library for Renode is compiled once

Run = Callable[..., Outcome]
HELLO = '#include "cfukit.h"\nint main(void) { printf("hello\\n"); '
NEW, OLD = "1.16.1", "1.14.0"


@pytest.fixture(scope="session")
def soc_json(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_soc("sim", tmp_path_factory.mktemp("soc"))


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """stand_in(version): the Renode that is called from now on."""
    path = tmp_path / "renode"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{fake_renode.__file__}" "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv("RENODE", str(path))

    def use(version: str) -> None:
        monkeypatch.setenv("FAKE_RENODE_VERSION", version)
        tools.renode.cache_clear()
        tool._version.cache_clear()

    use(NEW)
    yield use
    tools.renode.cache_clear()
    tool._version.cache_clear()


@pytest.fixture
def exported(soc_json: Path, tmp_path: Path) -> Callable[..., RenodeScripts]:
    """exported(C, stdin=...): what Renode needs to run it."""

    def export(text: str, stdin: bytes = b"") -> RenodeScripts:
        source = tmp_path / "program.c"
        source.write_text(text)
        elf = build_firmware([source], soc_json, build_dir=tmp_path / "build")
        library = build_library(None, user_cache() / "renode")
        return export_renode(tmp_path / "renode_run", soc_json, elf, library, stdin=stdin)

    return export


@pytest.fixture
def run(stand_in: Callable[[str], None], exported: Callable[..., RenodeScripts]) -> Run:
    def run(
        text: str,
        stdin: bytes = b"",
        *,
        max_cycles: int = 0,
        timeout_seconds: float = 600,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Outcome:
        scripts = exported(text, stdin)
        return engine.run_renode(
            scripts, max_cycles=max_cycles, timeout_seconds=timeout_seconds, on_output=on_output
        )

    return run


def fault_of(outcome: Outcome) -> Fault:
    assert outcome.exit_code is None and outcome.fault is not None
    return outcome.fault


def test_output_is_complete_and_comes_as_it_is_sent(run: Run, tmp_path: Path) -> None:
    parts: list[bytes] = []
    outcome = run(HELLO + 'printf("%d\\n", 42); return 3; }', on_output=parts.append)
    assert (outcome.exit_code, outcome.fault, outcome.cycles) == (3, None, None)
    assert outcome.output.startswith(b"hello\n42\n") and b"".join(parts) == outcome.output
    left = {path.name for path in (tmp_path / "renode_run").iterdir()}
    assert {"uart.log", "renode_1.16.log"} <= left
    assert not left & {"exit.txt", "cfu_status.json", "state.txt"}


def test_a_long_input_takes_no_time(run: Run) -> None:
    text = '#include "cfukit.h"\nint main(void) { int n = 0; while (getchar() != EOF) n++; printf("%d", n); return 0; }'
    begin = time.monotonic()
    assert run(text, b"x" * 20_000 + b"\xc0").output.startswith(b"20000")
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize("version", [OLD, NEW])
def test_an_illegal_instruction_is_one_on_every_version(
    stand_in: Callable[[str], None], run: Run, version: str
) -> None:
    stand_in(version)
    outcome = run(HELLO + '__asm__ volatile(".word 0"); return 0; }')
    assert outcome.exit_code == 255 and outcome.output.startswith(b"hello\n")


def test_a_trap_without_a_handler_is_named(run: Run) -> None:
    fault = fault_of(run(HELLO + '__asm__ volatile("csrw mtvec, zero\\n .word 0"); return 0; }'))
    assert (fault.kind, fault.function) == ("trap", "main")
    assert fault.message.startswith("trap without a handler: illegal instruction at 0x")


def test_a_trap_that_was_handled_is_not_blamed_for_what_comes_later(run: Run) -> None:
    """The handler is at an instruction that jumps to nowhere, much later than the trap."""
    text = r"""__asm__ volatile("la t0, 1f\n csrw mtvec, t0\n .word 0\n .balign 4\n 1: nop");"""
    fault = fault_of(run(HELLO + text + "((void (*)(void))0x20000000)(); return 0; }"))
    assert (fault.kind, fault.address) == ("fetch_fault", 0x20000000)


RECURSION = """
#include "cfukit.h"
__attribute__((noinline)) int deeper(int n) {
  volatile char frame[30000];
  frame[0] = (char)n;
  return deeper(n + 1) + frame[0];
}
int main(void) { printf("hello\\n"); return deeper(0); }
"""


@pytest.mark.parametrize("version", [OLD, NEW])
def test_endless_recursion_is_a_stack_overflow_and_fills_no_disk(
    stand_in: Callable[[str], None], run: Run, tmp_path: Path, version: str
) -> None:
    stand_in(version)
    outcome = run(RECURSION)
    fault = fault_of(outcome)
    assert (fault.kind, fault.function, outcome.output) == ("stack_overflow", "deeper", b"hello\n")
    assert fault.registers["x2"] == fault.address
    assert sum(path.stat().st_size for path in (tmp_path / "renode_run").iterdir()) < 4_000_000


def test_without_an_answer_of_the_monitor_the_log_tells_the_place(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_RENODE_DEAF", "1")
    monkeypatch.setattr(engine, "STATE_SECONDS", 0.2)
    fault = fault_of(run(RECURSION))
    assert (fault.kind, fault.function, fault.registers) == ("bus_error", "deeper", {})
    fault = fault_of(run(HELLO + "for (;;) { } }", timeout_seconds=3))
    assert (fault.kind, fault.pc, fault.message) == ("time_out", None, "still running after 3 s")


def test_a_jump_to_nowhere_names_the_call(run: Run) -> None:
    fault = fault_of(run(HELLO + "((void (*)(void))0x20000000)(); return 0; }"))
    assert (fault.kind, fault.pc, fault.address) == ("fetch_fault", 0x20000000, 0x20000000)
    assert "; the last call was at 0x4" in fault.message and "in main" in fault.message


@pytest.mark.parametrize("options", [{"max_cycles": 20_000_000}, {"timeout_seconds": 5.0}])
def test_an_endless_loop_ends_with_its_output_and_its_place(run: Run, options: dict[str, float]) -> None:
    begin = time.monotonic()
    outcome = run(HELLO + "for (;;) { } }", **options)
    fault = fault_of(outcome)
    assert (fault.kind, fault.function, outcome.output) == ("time_out", "main", b"hello\n")
    after = "20,000,000 cycles of virtual time" if "max_cycles" in options else "5 s"
    assert fault.message.startswith(f"still running after {after} at 0x4")
    assert time.monotonic() - begin < 30


def test_a_program_that_ends_in_time_knows_of_no_limit(run: Run) -> None:
    outcome = run(HELLO + "return 5; }", max_cycles=1_000_000_000)
    assert (outcome.exit_code, outcome.fault) == (5, None)


def test_two_runs_of_one_program_do_not_disturb_each_other(
    stand_in: Callable[[str], None], exported: Callable[..., RenodeScripts]
) -> None:
    scripts = exported(HELLO + "return 5; }")
    outcomes = process.in_parallel(lambda _: engine.run_renode(scripts), range(3), 3)
    assert [(outcome.exit_code, outcome.output[:6]) for outcome in outcomes] == [(5, b"hello\n")] * 3


def test_nothing_is_left_running_or_lying_about_when_a_run_is_broken_off(
    stand_in: Callable[[str], None],
    exported: Callable[..., RenodeScripts],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripts = exported(HELLO + "for (;;) { } }")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    before = {path.name for path in scripts.folder.iterdir()}

    def stop(data: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run_renode(scripts, on_output=stop)
    left = {path.name for path in scripts.folder.iterdir()} - before
    assert left == {"uart.log", "renode_1.16.log", ".lock"}
    assert not any((tmp_path / "temporary").iterdir())
    marker = str(scripts.folder).encode()
    others = [path for path in Path("/proc").glob("[0-9]*") if path.name != str(os.getpid())]
    assert [path for path in others if marker in command_of(path)] == []
    assert engine.run_renode(scripts, timeout_seconds=3).fault is not None  # the lock is free


def command_of(running: Path) -> bytes:
    try:
        return (running / "cmdline").read_bytes()
    except OSError:
        return b""
