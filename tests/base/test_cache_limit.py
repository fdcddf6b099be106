"""A cache stays below its limit, by removing what was not used for the longest time and is not in use; `clean` empties it."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cfukit_base.cache import Cleaned, cached, clean, in_use, limit, manifest
from cfukit_base.errors import UsageError
from support.cache_folder import listing

KIB = 1024
DATA_BYTES = 90 * KIB
ENTRY_BYTES = 96 * KIB  # on the disk, with its manifest
KEY = "0123456789abcdef"


@pytest.fixture(autouse=True)
def user(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's cache; in each cache there is room for five entries and a half."""
    folder = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("CFUKIT_CACHE_BYTES", str(11 * ENTRY_BYTES // 2))
    monkeypatch.setenv("CFUKIT_CACHE", str(folder))
    return folder


def build(folder: Path) -> None:
    (folder / "data").write_bytes(bytes(DATA_BYTES))


def entry_in(root: Path, name: str) -> Path:
    return cached(root, name, KEY, build)


def forget() -> None:
    """Use nothing any more, as a process that has ended."""
    for locks in in_use._files.values():
        os.close(locks.descriptor)
    in_use._files.clear()


def used_at(entry: Path, seconds: float) -> None:
    os.utime(entry / manifest.NAME, (seconds, seconds))


def names(root: Path) -> list[str]:
    return [name.removesuffix(f"-{KEY}") for name in listing(root)]


def in_another_process(code: str, *words: object) -> subprocess.Popen[str]:
    """Runs `code` on (root, names); it says "ready" and waits to be killed."""
    text = f"""
import sys, time
from pathlib import Path
from cfukit_base.cache import cached
root, names = Path(sys.argv[1]), sys.argv[2:]
def build(folder):
    (folder / "data").write_bytes(bytes({DATA_BYTES}))
{code}
print("ready", flush=True)
time.sleep(60)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", text, *map(str, words)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    return child


@contextmanager
def user_of(root: Path, *wanted: str) -> Iterator[subprocess.Popen[str]]:
    code = f"for name in names: cached(root, name, {KEY!r}, build)"
    with in_another_process(code, root, *wanted) as child:
        try:
            yield child
        finally:
            child.kill()


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    for number, name in enumerate("abcde"):
        used_at(entry_in(tmp_path, name), 1000 + number)
    forget()
    entry_in(tmp_path, "a")  # used now
    forget()
    entry_in(tmp_path, "f")
    assert names(tmp_path) == ["a", "c", "d", "e", "f"]


def test_the_same_limit_for_all_folders_of_the_users_cache(user: Path) -> None:
    for number, name in enumerate("abcde"):
        used_at(entry_in(user / f"root_{name}", name), 1000 - number)
    forget()
    entry_in(user, "f")
    left = [path.name for path in user.rglob(f"*-{KEY}")]
    assert sorted(left) == [f"{name}-{KEY}" for name in "abcdf"]


def test_each_project_has_a_limit_of_its_own(tmp_path: Path) -> None:
    for project in ("one", "two"):
        for number, name in enumerate("abcde"):
            folder = tmp_path / project / "build" / "arty"
            used_at(entry_in(folder / "runs" if number % 2 else folder, name), 1000 + number)
    forget()
    entry_in(tmp_path / "one" / "build" / "fomu", "f")
    assert len([*(tmp_path / "one").rglob(f"*-{KEY}")]) == 5
    assert len([*(tmp_path / "two").rglob(f"*-{KEY}")]) == 5
    assert not (tmp_path / "one" / "build" / "arty" / f"a-{KEY}").exists()


def test_what_this_process_uses_stays(tmp_path: Path) -> None:
    for name in "abcdefgh":
        entry_in(tmp_path, name)
    assert names(tmp_path) == [*"abcdefgh"]
    forget()
    entry_in(tmp_path, "i")
    assert len(names(tmp_path)) == 5 and "i" in names(tmp_path)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_another_process_uses_stays_until_it_ends(tmp_path: Path, how: signal.Signals) -> None:
    for number, name in enumerate("abcde"):
        used_at(entry_in(tmp_path, name), 1000 + number)
    forget()
    with user_of(tmp_path, "a", "b") as child:
        for name in "ab":
            used_at(tmp_path / f"{name}-{KEY}", 500)
        entry_in(tmp_path, "f")
        assert names(tmp_path) == [*"abdef"]
        child.send_signal(how)
        child.wait()
        forget()
        entry_in(tmp_path, "g")
    assert names(tmp_path) == [*"bdefg"]


def test_what_is_being_built_stays(tmp_path: Path) -> None:
    code = f"""
def wait(folder):
    print("ready", flush=True)
    time.sleep(60)
cached(root, names[0], {KEY!r}, wait)
"""
    with in_another_process(code, tmp_path, "slow") as child:
        for name in "abcdefgh":
            entry_in(tmp_path, name)
            forget()
        (half,) = tmp_path.glob(f".slow-{KEY}.*.tmp")
        assert clean(tmp_path).kept == (tmp_path / f"slow-{KEY}",) and half.is_dir()
        child.kill()
    assert clean(tmp_path).kept == () and not tmp_path.exists()


def test_what_killed_builders_left_goes_too(tmp_path: Path) -> None:
    entry_in(tmp_path, "a")
    (tmp_path / ".b-key.4711.tmp" / "deep").mkdir(parents=True)
    for name in "bcdefg":
        forget()
        entry_in(tmp_path, name)
    assert len(names(tmp_path)) == 5


def test_entries_are_looked_at_only_when_the_limit_seems_exceeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry_in(tmp_path, "a")
    looked: list[Path] = []
    evict = limit._evict
    monkeypatch.setattr(limit, "entries_of", lambda top: pytest.fail("looked"))
    for name in "bcde":
        entry_in(tmp_path, name)
    monkeypatch.undo()
    monkeypatch.setenv("CFUKIT_CACHE_BYTES", str(32 * ENTRY_BYTES))
    monkeypatch.setattr(limit, "_evict", lambda top, bytes: looked.append(top) or evict(top, bytes))
    for number in range(40):  # all in use: nothing can go, and not every build looks
        entry_in(tmp_path, f"x{number}")
    assert 1 <= len(looked) <= 8


def test_a_limit_that_is_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFUKIT_CACHE_BYTES", "4GB")
    with pytest.raises(
        UsageError, match=r"\$CFUKIT_CACHE_BYTES: '4GB'; a number of bytes, such as 4294967296"
    ):
        entry_in(tmp_path, "a")
    monkeypatch.setenv("CFUKIT_CACHE_BYTES", "")
    assert limit.limit_bytes() == 4 << 30


def test_clean_frees_a_folder(tmp_path: Path) -> None:
    build_folder = tmp_path / "project" / "build"
    for name in "ab":
        entry_in(build_folder / "arty", name)
    entry_in(build_folder / "arty" / "runs", "c")
    (build_folder / "arty" / "run.json").write_text("{}")
    forget()
    cleaned = clean(build_folder)
    assert cleaned.entries == 3 and cleaned.kept == () and cleaned.bytes > 3 * DATA_BYTES
    assert listing(tmp_path / "project") == []
    assert clean(build_folder) == Cleaned(0, 0, ())


def test_clean_frees_the_users_cache_and_nothing_else(user: Path) -> None:
    entry_in(user, "a")
    entry_in(user / "objects", "b")
    for name in ("zig/o", "models", "mine"):
        (user / name).mkdir(parents=True)
        (user / name / "file").write_text("x")
    entry_in(user / "mine" / "build" / "arty", "c")
    forget()
    assert clean(user).entries == 2
    assert listing(user) == ["mine", "state"]
    assert names(user / "mine" / "build" / "arty") == ["c"]


def test_clean_leaves_the_build_folder_of_another_tool(tmp_path: Path) -> None:
    """`cfukit run model.tflite` writes to ./build, where there may be CMake's or cargo's."""
    build_folder = tmp_path / "build"
    theirs = build_folder / f"serde-{KEY}"
    theirs.mkdir(parents=True)
    (theirs / "manifest").write_text("x")
    entry_in(build_folder / "model" / "arty", "a")
    forget()
    assert clean(build_folder).entries == 1
    assert listing(build_folder) == [theirs.name] and listing(theirs) == ["manifest"]


def test_clean_keeps_what_is_in_use_and_what_lies_beside_it(tmp_path: Path) -> None:
    top = tmp_path / "build"
    entry_in(top / "fomu", "a")
    entry_in(top / "arty", "b")
    (top / "arty" / "run.json").write_text("{}")
    forget()
    with user_of(top / "fomu", "a"):
        cleaned = clean(top)
        assert (cleaned.entries, cleaned.kept) == (1, (top / "fomu" / f"a-{KEY}",))
        assert cleaned.bytes >= DATA_BYTES
        assert listing(top / "arty") == ["run.json"]
    assert clean(top).entries == 1 and not top.exists()


def test_a_command_that_has_ended_uses_nothing_any_more(tmp_path: Path) -> None:
    """In a process that goes on, as one that calls the Python API."""
    top = tmp_path / "build"
    before = entry_in(top / "arty", "a")
    with in_use.command():
        assert entry_in(top / "arty", "a") == before
        used = entry_in(top / "arty", "b")
        assert clean(top) == Cleaned(0, 0, (before, used))
    assert clean(top).kept == (before,), "what was in use outside of a command stays in use"
    assert not used.exists() and before.is_dir()
    with in_use.command():
        again = entry_in(top / "arty", "b")
        assert clean(top).kept == (before, again)


def test_a_command_that_fails_uses_nothing_any_more(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), in_use.command():
        entry_in(tmp_path / "build", "a")
        raise RuntimeError
    assert clean(tmp_path / "build").entries == 1


def test_a_command_keeps_what_another_thread_uses(tmp_path: Path) -> None:
    top, begun, end = tmp_path / "build", threading.Event(), threading.Event()

    def other() -> None:
        with in_use.command():
            entry_in(top, "a")
            begun.set()
            assert end.wait(60)

    thread = threading.Thread(target=other)
    with in_use.command():
        thread.start()
        assert begun.wait(60)
    try:
        assert clean(top).kept == (top / f"a-{KEY}",)
    finally:
        end.set()
        thread.join()
    assert clean(top).entries == 1 and not top.exists()


def test_a_command_that_has_ended_leaves_the_entries_of_another_process(tmp_path: Path) -> None:
    top = tmp_path / "build"
    with user_of(top, "a"):
        with in_use.command():
            entry_in(top, "a")
        assert clean(top).kept == (top / f"a-{KEY}",)


def visitor(root: Path, seed: int) -> None:
    """Asks for entries at random; whatever it was given is there until it ends."""
    rng = random.Random(seed)
    given = []
    for _ in range(12):
        given.append(entry_in(root, rng.choice("abcdefghij")))
        time.sleep(rng.random() / 100)
        for entry in given:
            assert (entry / "data").stat().st_size == DATA_BYTES


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_in_a_small_cache(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFUKIT_CACHE_BYTES", str(2 * ENTRY_BYTES))
    root, children = tmp_path / "build", []
    for number in range(5):
        child = os.fork()
        if not child:
            code = 1
            try:
                visitor(root / ("arty" if number % 2 else "fomu"), 100 * seed + number)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        children.append(child)
    for _ in range(20):
        time.sleep(0.01)
        clean(root)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 5
    clean(root)
    assert not root.exists()


def test_a_new_folder_in_the_place_of_an_old_one_is_not_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the system gives the same inode again, `clean` removes no folder that only has the same name."""
    monkeypatch.setattr(limit, "identity", lambda path: "same")
    entry_in(tmp_path / "one" / "build" / "arty", "a")
    forget()
    theirs = tmp_path / "two" / "build"
    (theirs / "arty").mkdir(parents=True)
    (theirs / "arty" / "file").write_text("x")
    entry_in(theirs / "fomu", "a")
    forget()
    clean(theirs)
    assert listing(theirs) == ["arty"]
