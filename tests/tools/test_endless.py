"""A program without an end, stopped by a person: where it was, what it had printed, and the exit code."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.marks import long_except

CFUKIT = [sys.executable, "-m", "cfukit_tools"]
ENDLESS = """#include "cfukit.h"
static volatile int n;
static __attribute__((noinline)) void spin(void) {
  for (;;) n++;
}
int main(void) { printf("on\\nand"); spin(); return 0; }
"""


def stopped(words: list[str], folder: Path, number: signal.Signals) -> tuple[int, str, str]:
    """Send the signal once the command has told how far a simulation is: exit code, stdout, stderr."""
    with subprocess.Popen(
        [*CFUKIT, *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, text=True
    ) as child:
        assert child.stderr is not None
        begin, seen = time.monotonic(), ""
        while " cycles, in " not in seen and time.monotonic() < begin + 600:
            line = child.stderr.readline()
            assert line, seen
            seen += line
        child.send_signal(number)
        out, err = child.communicate(timeout=60)
    return child.returncode, out, seen + err


@pytest.mark.slow
def test_exec_tells_where_it_was_and_keeps_the_output(tmp_path: Path) -> None:
    (tmp_path / "loop.c").write_text(ENDLESS)
    code, out, err = stopped(["exec", "loop.c"], tmp_path, signal.SIGINT)
    assert code == 130 and out == "on\nand"
    last = err.splitlines()[-1]
    assert last.startswith("  loop.c: stopped after ") and last.endswith(" in spin (loop.c:4)"), err
    assert "cfukit: interrupted (call again" in err and " cycles at pc 0x4" in last

    code, out, err = stopped(["exec", "loop.c", "--json"], tmp_path, signal.SIGTERM)
    document = json.loads(out)
    assert code == 143 and document["kind"] == "interrupted"
    assert document["details"]["output"] == "on\nand"
    (at,) = document["details"]["running"]
    assert (at["program"], at["function"], at["file"], at["line"]) == ("loop.c", "spin", "loop.c", 4)
    assert at["cycles"] > 100_000 and at["pc"] >> 28 == 4


@pytest.mark.slow
@pytest.mark.parametrize("verb", long_except(("run", "infer"), "run"))
def test_a_kernel_without_end_is_named(
    verb: str, built_mac4: Path, two_samples: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(built_mac4, tmp_path / "mac4")
    source = project / "mac4.c"
    head = "void mac4_conv(const void *params) {\n"
    text = source.read_text()
    assert head in text
    source.write_text(text.replace(head, head + '  for (;;) __asm__ volatile("");\n'))
    words = [verb, ".", "--inputs", str(two_samples)]
    words += ["--only", "project"] if verb == "run" else ["--outputs", "out.npz"]
    code, _, err = stopped(words, project, signal.SIGINT)
    line = text.replace(head, head + "LOOP").splitlines().index("LOOP" + text.split(head)[1].split("\n")[0])
    assert code == 130
    assert err.splitlines()[-1].endswith(f" in mac4_conv (mac4.c:{line + 1})"), err
    assert "  project: stopped after " in err
