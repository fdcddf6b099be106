"""Programs end by themselves, at a time-out, with their batch, and when cfukit dies. None starts after a stop."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import pytest

from cfukit_base import process
from cfukit_base.errors import ResultError

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
# Writes its own number and that of a child. Only SIGKILL ends either of them.
FAMILY = """
import os, signal, subprocess, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1] + ".tmp", "w").write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".tmp", sys.argv[1])
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def eventually(condition, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def family(path: Path) -> list[int]:
    assert eventually(path.exists)
    return [int(word) for word in path.read_text().split()]


def test_run_gives_code_and_both_outputs() -> None:
    finished = process.run(
        [sys.executable, "-c", "import sys; print(input()); print('e', file=sys.stderr); exit(3)"],
        stdin=b"hi\n",
    )
    assert (finished.code, finished.stdout, finished.stderr) == (3, "hi\n", "e\n")
    assert not finished.ok
    assert finished.tail() == "hi\n\ne"


def test_a_signal_is_a_negative_code() -> None:
    assert process.run(["/bin/sh", "-c", "kill -SEGV $$"]).code == -signal.SIGSEGV


def test_a_program_that_is_missing_leaves_nothing_running() -> None:
    with pytest.raises(FileNotFoundError):
        process.run(["/no/such/program"])
    assert process._live == set()


def test_a_time_out_kills_the_whole_family(tmp_path: Path) -> None:
    finished = process.run([sys.executable, "-c", FAMILY, tmp_path / "pids"], timeout=1.0)
    assert finished.code is None
    for pid in family(tmp_path / "pids"):
        assert eventually(lambda pid=pid: not alive(pid))


def test_what_a_program_leaves_behind_goes_with_it(tmp_path: Path) -> None:
    program = f"sleep 60 >/dev/null 2>&1 & echo $! > {tmp_path / 'pids'}"
    assert process.run(["/bin/sh", "-c", program]).code == 0
    (pid,) = family(tmp_path / "pids")
    assert eventually(lambda: not alive(pid))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_family_dies_with_us(tmp_path: Path, how: signal.Signals) -> None:
    """After SIGKILL, or SIGTERM that nobody handles, no code of ours runs any more."""
    code = f"from cfukit_base import process; process.run([{sys.executable!r}, '-c', {FAMILY!r}, {str(tmp_path / 'pids')!r}])"
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        pids = family(tmp_path / "pids")
        assert all(map(alive, pids))
        parent.send_signal(how)
    assert eventually(lambda: not any(map(alive, pids)))


def test_the_first_failure_of_a_batch_stops_the_rest() -> None:
    started, lock = [], threading.Lock()

    def one(number: int) -> int:
        with lock:
            started.append(number)
        if number == 1:
            assert eventually(lambda: len(process._live) == 1)
            raise ValueError("one")
        process.run(SLEEPER)
        raise AssertionError("not reached")

    begin = time.monotonic()
    with pytest.raises(ValueError, match="one"):
        process.in_parallel(one, range(10), 2)
    assert time.monotonic() - begin < 30
    assert sorted(started) == [0, 1] and process._live == set()
    assert process.run(["true"]).ok, "after the batch programs can start again"


def test_nothing_starts_in_a_batch_that_stops(tmp_path: Path) -> None:
    """A thread is between two programs when another one fails. It never starts the second program."""
    failed = threading.Event()

    def one(number: int) -> None:
        if number == 0:
            assert failed.wait(20)
            time.sleep(0.05)
            process.run(["touch", tmp_path / "started"])
        try:
            raise ValueError("one")
        finally:
            failed.set()

    with pytest.raises(ValueError, match="one"):
        process.in_parallel(one, [0, 1], 2)
    assert not (tmp_path / "started").exists()


def test_a_batch_within_a_batch_stops_with_it() -> None:
    def inner(_: int) -> None:
        process.run(SLEEPER)

    def outer(number: int) -> None:
        if number == 0:
            process.in_parallel(inner, [0, 1], 2)
        else:
            assert eventually(lambda: len(process._live) == 2)
            raise ValueError("outer")

    with pytest.raises(ValueError, match="outer"):
        process.in_parallel(outer, [0, 1], 2)
    assert process._live == set()


def test_in_parallel_keeps_the_order() -> None:
    assert process.in_parallel(lambda n: n * n, range(20), 3) == [n * n for n in range(20)]
    assert process.in_parallel(lambda n: n, [], 1) == []


# Signals are tested in a process of its own that handles them.

WORKERS = """
    import sys, threading
    from cfukit_base import interrupts, process
    interrupts.install()
    SLEEP = [sys.executable, "-c", "import time; print(1); time.sleep({seconds})"]
    def work(number):
        while True:
            process.run(SLEEP)
    try:
        print("ready", flush=True)
        process.in_parallel(work, range(8), 4)
    except KeyboardInterrupt:
        print("stopped by", interrupts.stopped_by(), flush=True)
        try:
            process.run(["touch", sys.argv[1]])
        except KeyboardInterrupt:
            print("nothing starts", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("delay", [0.0, 0.03, 0.2])
def test_a_signal_stops_all_threads_for_good(tmp_path: Path, number: signal.Signals, delay: float) -> None:
    """Delay 0: programs run on. Otherwise they end at once, and a thread may be between two of them."""
    code = textwrap.dedent(WORKERS.format(seconds=0 if delay else 60))
    words = [sys.executable, "-c", code, tmp_path / "mark"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == "ready\n"
        time.sleep(delay)
        parent.send_signal(number)
        said = parent.stdout.read()
        assert parent.wait(30) == 0
    assert said == f"stopped by {int(number)}\nnothing starts\n"
    assert not (tmp_path / "mark").exists()
    assert eventually(lambda: not members(parent.pid))


def members(session: int) -> list[int]:
    """The living processes of a session."""
    return [
        int(path.name)
        for path in Path("/proc").glob("[0-9]*")
        if _session(path) == session and alive(int(path.name))
    ]


def _session(path: Path) -> int:
    try:
        return os.getsid(int(path.name))
    except OSError:
        return 0


def test_temporary_files_go_with_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that is killed cannot remove its temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    done = process.run(
        ["/bin/sh", "-c", 'echo x > "$TMPDIR/a.s"; echo "$TMPDIR"; ls "$TMPDIR"; sleep 60'], timeout=1
    )
    assert done.code is None and done.stdout.split()[1] == "a.s"
    assert Path(done.stdout.split()[0]).parent == tmp_path and list(tmp_path.iterdir()) == []


def test_where_no_temporary_file_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    with pytest.raises(ResultError, match=r"temporary files: cannot write: .* \(set TMPDIR to a folder"):
        process.run(["/bin/true"])
