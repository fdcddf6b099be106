"""exec --gdb: gdb itself at a program, and who refuses it."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from cfukit_base import progress
from cfukit_base.errors import UsageError
from cfukit_tools import api
from cfukit_tools.cli import commands as cli

PROGRAM = """#include "cfukit.h"
static int sums[8];
__attribute__((noinline)) int add(int n) { sums[n & 7] += n; return sums[n & 7]; }
int main(void) {
  int total = 0;
  for (int i = 0; i < 20; i++) total += add(i);
  puts("half way");
  for (int i = 0; i < 20; i++) total += add(i);
  return total & 63;
}
"""

COMMANDS = """
break add
continue
print n
watch sums[3]
delete 1
continue
continue
reverse-continue
print sums[3]
print $cycles > 500 && $cycles < 2000
delete
set var sums[3] = 100
print sums[3]
reverse-stepi
print sums[3]
break main
reverse-continue
info symbol $pc
delete
continue
"""

EXPECTED = [
    "$1 = 0",
    "New value = 3",
    "New value = 14",
    "Old value = 14",
    "New value = 3",
    "$2 = 3",
    "$3 = 1",
    "$4 = 100",
]
EXPECTED += ["$5 = 3", " in section .text", "exited with code 072]"]


class Notes:
    """A progress sink that keeps what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.noted = threading.Event()

    def start(self, text: str) -> None: ...
    def doing(self, text: str) -> None: ...
    def end(self, text: str, seconds: float, ok: bool) -> None: ...
    def note(self, text: str) -> None:
        self.notes.append(text)
        if text.startswith("waiting for gdb"):
            self.noted.set()


@pytest.fixture
def notes() -> Any:
    sink = Notes()
    progress.show_with(sink)
    yield sink
    progress.show_with(None)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.c").write_text(PROGRAM)
    return tmp_path / "program.c"


@pytest.fixture
def port() -> int:
    """A free one that the system gives nobody who asks for any."""
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", random.randrange(10000, 32000))) as free,
        ):
            number: int = free.getsockname()[1]
            return number


@pytest.mark.needs("gdb-multiarch")
def test_gdb_itself(program: Path, port: int, notes: Notes) -> None:
    alone = api.exec_(program, stdin=b"")
    documents: list[Any] = []
    run = threading.Thread(target=lambda: documents.append(api.exec_(program, stdin=b"", gdb=port)))
    run.start()
    assert notes.noted.wait(120)
    (command,) = (note.partition(": ")[2] for note in notes.notes if note.startswith("waiting for gdb: "))
    assert command.endswith(f"firmware.elf -ex 'target remote 127.0.0.1:{port}'")
    words = [
        "gdb-multiarch",
        "-nx",
        "-q",
        "-batch",
        command.split()[1],
        "-ex",
        f"target remote 127.0.0.1:{port}",
    ]
    for line in COMMANDS.strip().splitlines():
        words += ["-ex", line]
    english = {**os.environ, "LC_ALL": "C", "DEBUGINFOD_URLS": ""}
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=english)
    run.join(120)
    at = 0
    for text in EXPECTED:
        assert text in done.stdout[at:], (text, done.stdout[at:], done.stderr)
        at = done.stdout.index(text, at) + len(text)
    assert documents == [alone]


def test_a_run_that_gdb_ends_says_so(program: Path, port: int, notes: Notes) -> None:
    documents: list[Any] = []
    run = threading.Thread(target=lambda: documents.append(api.exec_(program, stdin=b"", gdb=port)))
    run.start()
    assert notes.noted.wait(120)
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as gdb:
        gdb.sendall(b"$k#6b")
        run.join(60)
    (document,) = documents
    assert document["fault"]["kind"] == "killed" and document["exit_code"] is None and not document["ok"]
    assert document["fault"]["message"].startswith("gdb ended the run after 0 cycles")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "rtl"], "--gdb: engine rtl has no debugger and no linter; engine fast"),
        (["--engine", "host"], "--gdb: engine host has no cycles; engine fast"),
        (["--waves", "w.vcd"], "--waves and --gdb: no engine obeys them together"),
        (["--gdb", "-1"], "--gdb: -1; 0 or more"),
    ],
)
def test_who_refuses_it(
    program: Path, port: int, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["exec", str(program), "--gdb", str(port), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_port_that_is_taken_or_none_is_refused(program: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(UsageError, match="--gdb: port .* in use"):
            api.exec_(program, stdin=b"", gdb=taken.getsockname()[1])
    with pytest.raises(UsageError, match="--gdb: port 70000: .*; a free port from 1024 to 65535"):
        api.exec_(program, stdin=b"", gdb=70000)
