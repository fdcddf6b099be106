"""A command can be stopped at any moment. Its exit code says so, no program is left, no artefact is half-written."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

import pytest

from cfukit_base.cache import user_cache
from support.marks import long_except

CFUKIT = [sys.executable, "-m", "cfukit_tools"]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SEED = 20260
VERBS = [["run", ".", "--samples", "1", "--engine", "rtl"], ["test", ".", "--operations", "200"]]


def living(session: int) -> list[str]:
    """Programs of a session that are still running."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(path.name)) == session:
                state = (path / "stat").read_text().rpartition(")")[2].split()[0]
                if state not in "ZX":
                    found.append((path / "cmdline").read_text().replace("\0", " "))
        except OSError:
            pass
    return found


def soon_none(session: int) -> bool:
    end = time.monotonic() + 120
    while living(session) and time.monotonic() < end:
        time.sleep(0.02)
    return not living(session)


def half_written(pid: int, *folders: Path) -> list[Path]:
    """Files that a process left unfinished. Other processes may be working in the same folders."""
    found = []
    for folder in folders:
        for parent, names, files in os.walk(
            folder
        ):  # unlike rglob it accepts that a folder disappears meanwhile
            found += [Path(parent, name) for name in (*names, *files) if fnmatch(name, f".*.{pid}.*tmp")]
    return found


def begin(words: list[str], folder: Path, **options: object) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*CFUKIT, *words],
        cwd=folder,
        stdout=pipe,
        stderr=pipe,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def stop(words: list[str], folder: Path, delay: float, number: signal.Signals) -> int:
    """Stop a command with --json after `delay` seconds and check what it leaves. Returns its exit code."""
    with begin([*words, "--json"], folder) as child:
        time.sleep(delay)
        child.send_signal(number)
        out, err = child.communicate(timeout=600)
    told = f"after {delay:.3f} s, {number.name}: {child.returncode}\n{out}\n{err}"
    assert soon_none(child.pid), f"{living(child.pid)} {told}"
    assert not half_written(child.pid, folder, user_cache()), told
    if child.returncode in (-number, 1) and not out and "/cfukit_" not in err:
        return child.returncode  # before Python had run our first line
    assert "Traceback" not in err, told
    document = json.loads(out or told)
    if child.returncode == -number and document["schema"] != "cfukit.error/1":
        return 0  # after our last line, when Python had restored the signal's default action
    assert child.returncode in (0, 128 + number), told
    assert (child.returncode == 0) == (document["schema"] != "cfukit.error/1"), told
    if child.returncode:
        assert document["kind"] == "interrupted", told
    return child.returncode


@pytest.mark.slow
@pytest.mark.parametrize("verb", long_except(VERBS, VERBS[0]))
def test_stopped_at_any_moment(mac4: Path, verb: list[str]) -> None:
    stop_often(mac4, verb, SEED, 2)


@pytest.mark.long
@pytest.mark.parametrize("verb", VERBS)
def test_stopped_at_many_moments(mac4: Path, verb: list[str]) -> None:
    stop_often(mac4, verb, SEED + 1, 40)


def stop_often(mac4: Path, verb: list[str], seed: int, times: int) -> None:
    rng = random.Random(seed)
    with begin(verb, mac4) as warm:
        assert warm.wait(1200) == 0
    codes = []
    for _ in range(times):
        # Without results that were kept the simulator runs again.
        for path in (mac4 / "build").glob("*/runs"):
            shutil.rmtree(path)
        delay = 10 ** rng.uniform(-1.3, 0.7)
        codes.append(stop(verb, mac4, delay, rng.choice(SIGNALS)))
    assert sum(code > 1 for code in codes) >= times / 4, codes
    with begin(verb, mac4) as again:
        assert again.wait(1200) == 0


@pytest.mark.slow
def test_killed_while_compiling(mac4: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After SIGKILL the compilers die with the command, and the next command removes their folder."""
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path))
    source = tmp_path / "program.c"
    source.write_text("int main(void) { return 7; }\n")
    words = ["exec", str(source), "--engine", "host", "--json"]
    for delay in (0.8, 1.2, 1.6):
        with begin(words, tmp_path) as child:
            time.sleep(delay)
            child.kill()
        assert soon_none(child.pid)
    with begin(words, tmp_path) as last:
        out, err = last.communicate(timeout=600)
    assert json.loads(out)["exit_code"] == 7, err
    assert not list(tmp_path.rglob(".*.tmp"))


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_signal_during_the_imports(tmp_path: Path, number: signal.Signals, as_json: bool) -> None:
    """The first module that cli imports sends the signal. No traceback; with --json there is a document."""
    (tmp_path / "click.py").write_text(
        f"import os\nos.kill(os.getpid(), {int(number)})\n[0 for _ in range(1000)]\n"
    )
    words = ["list", "boards", *(["--json"] if as_json else [])]
    done = subprocess.run(
        [*CFUKIT, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        timeout=300,
    )
    assert done.returncode == 128 + number
    if as_json:
        assert json.loads(done.stdout)["kind"] == "interrupted" and done.stderr == ""
    else:
        assert done.stdout == "" and done.stderr == "cfukit: interrupted (call again)\n"


def test_the_message_names_the_signal(tmp_path: Path) -> None:
    source = tmp_path / "endless.c"
    source.write_text('#include "cfukit.h"\nint main(void) { printf("on\\n"); for (;;) ; }\n')
    with begin(["exec", str(source), "--engine", "host"], tmp_path) as child:
        end = time.monotonic() + 300
        while not any("/firmware" in words for words in living(child.pid)) and time.monotonic() < end:
            time.sleep(0.02)
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=300)
    assert child.returncode == 143 and "Traceback" not in err
    assert "cfukit: interrupted by SIGTERM (call again: finished parts are kept)" in err
    assert soon_none(child.pid)
