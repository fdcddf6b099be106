"""The disk fills up while compiling: exit 1, a message with the path, no traceback. Afterwards the cache is whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.marks import long_except

pytestmark = pytest.mark.slow


def run(folder: Path, blocks: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Run cfukit with files of at most `blocks` KiB, as on a disk with so little space. 0: no limit."""
    limit = f"ulimit -f {blocks} && " if blocks else ""
    line = ["/bin/bash", "-c", f'{limit}exec "$0" -m cfukit_tools "$@"', sys.executable, *words]
    # Python itself does not look whether what it compiles could be written as a whole.
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {"CFUKIT_CACHE": str(folder / "cache"), "TMPDIR": str(folder)}
    return subprocess.run(
        line, cwd=folder, env=env, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("kib", long_except((1, 4, 12), 1, 12))
def test_the_host_engine_on_a_full_disk(tmp_path: Path, kib: int) -> None:
    (tmp_path / "program.c").write_text(
        '#include "cfukit.h"\nint main(void) { printf("hi\\n"); return 0; }\n'
    )
    words = ("exec", "program.c", "--engine", "host", "--json")
    done = run(tmp_path, kib, *words)
    document = json.loads(done.stdout)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert document["kind"] == "result" and str(tmp_path) in document["where"]
    assert "cannot write here" in document["given"]
    assert not list(tmp_path.rglob(".*.tmp"))
    assert json.loads(run(tmp_path, 0, *words).stdout)["output"] == "hi\n"


def test_a_host_program_has_one_digest_in_any_folder(tmp_path: Path) -> None:
    from cfukit_tools import api

    digests = []
    for name in ("one", "another_and_longer"):
        folder = tmp_path / name / "project"
        api.init(str(folder), "mac4")
        digests.append(api.run(folder, engine="host", samples=1)["digests"])
    assert digests[0] == digests[1]


@pytest.mark.parametrize("words", [["info", "digits"], ["info", "digits", "--json"], ["list", "boards"]])
def test_a_full_standard_output(words: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cfukit_tools", *words], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == "cfukit: standard output: cannot write here: No space left on device\n"


@pytest.mark.parametrize(("closed", "code"), [(">&-", 0), ("2>&-", 0), (">&- 2>&- <&-", 0)])
def test_closed_streams_are_not_an_error(closed: str, code: int) -> None:
    line = f'"{sys.executable}" -m cfukit_tools list boards {closed}'
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True)
    assert done.returncode == code and "Traceback" not in done.stdout + done.stderr
    assert ("fomu" in done.stdout) == (closed == "2>&-") and done.stderr == ""
