"""Many processes use one cache. They build, fail and die at random, and leave complete entries or none."""

import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from cfukit_base.cache import cached, disk_error, replaceable, write_atomic
from cfukit_base.errors import BuildError, ResultError
from support.cache_folder import listing

KEYS = ("a", "b", "c[1]")  # brackets: a key must not be taken for a pattern
PIECES = 5


def build(folder: Path, log: Path, fate: str) -> None:
    """Write PIECES files, and die or fail on the way if `fate` says so."""
    assert list(folder.iterdir()) == [], "a build starts with an empty folder"
    for piece in range(PIECES):
        if piece == 2 and fate == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if piece == 3 and fate == "fails":
            raise ValueError(fate)
        (folder / str(piece)).write_text("whole")
    with log.open("a") as file:
        file.write(f"{folder.name}\n")


def visitor(root: Path, log: Path, seed: int) -> None:
    """One process asks for random keys. Every entry that it gets is complete."""
    rng = random.Random(seed)
    for key in rng.choices(KEYS, k=6):
        fate = rng.choice(["works", "works", "fails", "dies"])
        try:
            entry = cached(root, "thing", key, lambda folder, fate=fate: build(folder, log, fate))
        except ValueError:
            continue
        assert listing(entry) == [str(piece) for piece in range(PIECES)]


def forked(work: Callable[[], object]) -> int:
    """Start a process that only does `work`. It ends with 0, or with 1 after an exception. Returns its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException as error:
        print(f"{error!r}", file=sys.stderr)
    finally:
        os._exit(code)


@pytest.mark.parametrize("seed", range(4))
def test_a_crowd_sees_only_whole_entries(tmp_path: Path, seed: int) -> None:
    root, log = tmp_path / "cache", tmp_path / "log"
    children = [forked(lambda number=number: visitor(root, log, 100 * seed + number)) for number in range(6)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert set(codes) <= {0, -signal.SIGKILL}
    for key in KEYS:
        cached(root, "thing", key, lambda folder: build(folder, log, "works"))
    built = Counter(name.rpartition(".")[0].rpartition(".")[0] for name in log.read_text().splitlines())
    assert built == {f".thing-{key}": 1 for key in KEYS}, f"seed {seed}: built once each"
    assert listing(root) == [f"thing-{key}" for key in KEYS]


def test_leftovers_of_another_key_are_left_alone(tmp_path: Path) -> None:
    for name in (".thing-ab.17.tmp", ".thing-a.17.tmp"):
        (tmp_path / name).mkdir()
    cached(tmp_path, "thing", "a", lambda folder: None)
    assert listing(tmp_path) == [".thing-ab.17.tmp", "thing-a"]


def test_entries_can_be_read_by_others(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        assert cached(tmp_path, "thing", "a", lambda folder: None).stat().st_mode & 0o777 == 0o755
    finally:
        os.umask(before)


@pytest.mark.parametrize("said", ["No space left on device", "error: NoSpaceLeft", "Disk quota exceeded"])
@pytest.mark.parametrize("place", ["given", "log"])
def test_a_compiler_that_reports_a_full_disk(tmp_path: Path, said: str, place: str) -> None:
    given, details = (said, {}) if place == "given" else ("a.c does not compile", {"log": f"cc: {said}"})

    def fail(folder: Path) -> None:
        raise BuildError("a.c", given, **details)

    with pytest.raises(ResultError, match="cannot write here: No space left on device") as caught:
        cached(tmp_path, "thing", "a", fail)
    assert caught.value.details == details and "CFUKIT_CACHE" in caught.value.hint


def test_other_build_errors_and_missing_tools_stay_what_they_are(tmp_path: Path) -> None:
    def wrong(folder: Path) -> None:
        raise BuildError("a.c", "expected ';'")

    def gone(folder: Path) -> None:
        raise FileNotFoundError(2, "No such file or directory", "/usr/bin/no-such-compiler")

    with pytest.raises(BuildError, match="expected"):
        cached(tmp_path, "thing", "a", wrong)
    with pytest.raises(FileNotFoundError):
        cached(tmp_path, "thing", "a", gone)
    assert listing(tmp_path) == []


def test_a_disk_error_says_what_to_do(tmp_path: Path) -> None:
    full = disk_error(tmp_path, OSError(28, "No space left on device", "/x/y"))
    assert full.given == "cannot write here: No space left on device" and full.hint.startswith("free space")
    refused = disk_error(tmp_path, OSError(13, "Permission denied", "/x/y"))
    assert refused.given == "cannot write here: Permission denied (/x/y)"
    assert refused.hint == "choose a path that can be written; nothing half-written was kept"
    assert disk_error(Path("/x/y"), OSError(13, "Permission denied", "/x/y")).given.endswith("denied")


def test_concurrent_writers_leave_one_whole_version(tmp_path: Path) -> None:
    path, size = tmp_path / "file", 1 << 14

    def write(letter: int) -> None:
        for _ in range(12):
            write_atomic(path, bytes([letter]) * size)

    children = [forked(lambda letter=letter: write(letter)) for letter in b"abcd"]
    seen = set()
    while children:
        if path.exists():
            content = path.read_bytes()
            assert len(content) == size and len(set(content)) == 1
            seen.add(content[:1])
        done, status = os.waitpid(children[0], os.WNOHANG)
        if done:
            assert status == 0
            children.pop(0)
    assert seen <= {b"a", b"b", b"c", b"d"} and list(tmp_path.iterdir()) == [path]


def test_devices_and_folders_are_not_replaced(tmp_path: Path) -> None:
    assert replaceable(tmp_path / "new") and not replaceable(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert not replaceable(tmp_path / "pipe") and not replaceable(Path("/dev/full"))
