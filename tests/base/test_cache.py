"""Entries of the cache are complete or absent, and several processes build each of them once."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cfukit_base.cache import cached, shared, user_cache, write_atomic
from cfukit_base.errors import ResultError
from support.cache_folder import listing


def test_builds_once_and_keeps_the_entry(tmp_path: Path) -> None:
    calls = []

    def build(folder: Path) -> None:
        calls.append(folder)
        (folder / "file").write_text("content")

    first = cached(tmp_path, "thing", "abc", build)
    second = cached(tmp_path, "thing", "abc", build)
    assert first == second == tmp_path / "thing-abc"
    assert len(calls) == 1
    assert (first / "file").read_text() == "content"
    assert listing(tmp_path) == ["thing-abc"]


def test_what_is_shared_is_built_once_for_all_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each folder's copy is whole. A damaged one is copied again, and a damaged original built again."""
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path / "user"))
    calls = []

    def build(folder: Path) -> None:
        calls.append(folder)
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text("content")
        (folder / "program").write_text("#!/bin/sh\n")
        (folder / "program").chmod(0o755)

    def taken(name: str) -> Path:
        entry = shared(tmp_path / name, "thing", "abc", build)
        assert entry == tmp_path / name / "thing-abc" and listing(entry) == ["inner", "program"]
        assert (entry / "inner" / "file").read_text() == "content" and os.access(entry / "program", os.X_OK)
        return entry

    one, _ = taken("one"), taken("two")
    (one / "inner" / "file").write_text("cut")
    assert taken("one") == one and len(calls) == 1
    (original,) = (tmp_path / "user").rglob("thing-abc")
    (original / "inner" / "file").write_text("cut")
    assert taken("two") and len(calls) == 1, "its own copy is whole"
    assert taken("three") and len(calls) == 2


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt()])
def test_a_failed_build_leaves_nothing(tmp_path: Path, failure: BaseException) -> None:
    def build(folder: Path) -> None:
        (folder / "half").write_text("written")
        raise failure

    with pytest.raises(type(failure)):
        cached(tmp_path, "thing", "abc", build)
    assert listing(tmp_path) == []


def test_a_full_disk_names_the_folder(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(ResultError, match="No space left on device") as caught:
        cached(tmp_path, "thing", "abc", build)
    assert str(tmp_path) in caught.value.message
    assert caught.value.exit_code == 1
    assert listing(tmp_path) == []


def test_two_processes_build_one_entry_once(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from cfukit_base.cache import cached
def build(folder):
    with open({str(tmp_path / "log")!r}, "a") as log:
        log.write("built\\n")
    time.sleep(0.3)
    (folder / "file").write_text("x")
cached(Path({str(tmp_path / "cache")!r}), "thing", "abc", build)
"""
    children = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(4)]
    assert [child.wait(timeout=30) for child in children] == [0] * 4
    assert (tmp_path / "log").read_text() == "built\n"
    assert listing(tmp_path / "cache") == ["thing-abc"]


def test_a_killed_builder_blocks_nobody(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from cfukit_base.cache import cached
cached(Path({str(tmp_path)!r}), "thing", "abc", lambda folder: time.sleep(60))
"""
    child = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 20
    while not list(tmp_path.glob(".thing-abc.*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.kill()
    child.wait()
    assert cached(tmp_path, "thing", "abc", lambda folder: None).is_dir()


def test_write_atomic_replaces_or_leaves(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_atomic(path, "one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o644
    assert listing(path.parent) == ["file"]


def test_user_cache_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path / "here"))
    assert user_cache() == tmp_path / "here"
    monkeypatch.delenv("CFUKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == tmp_path / "cfukit"
    assert os.environ.get("CFUKIT_CACHE") is None
