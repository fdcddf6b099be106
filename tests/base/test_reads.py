"""The files that a piece of Python reads are recorded, and a change of one is seen."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cfukit_base.reads import inputs, recorded, settled, unchanged


def test_what_is_read_is_recorded(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside.txt"
    (root / "sub").mkdir(parents=True)
    for path in (root / "a.txt", root / "sub" / "b.bin", outside, root / "before.txt"):
        path.write_text(path.name)
    (root / "before.txt").read_text()
    with recorded() as seen:
        (root / "a.txt").read_text()
        with recorded() as inner:
            (root / "sub" / "b.bin").read_bytes()
        outside.read_text()
        (root / "written.txt").write_text("x")
        for missing in (root / "none.txt", tmp_path / "elsewhere.txt"):
            try:
                missing.read_text()
            except OSError:
                continue
        Path("/proc/self/stat").read_text()
        Path(time.__spec__.origin or __file__).exists()
    (root / "after.txt").write_text("x")
    (root / "after.txt").read_text()
    found = inputs(seen, root)
    assert set(found) == {"a.txt", "sub/b.bin", str(outside), "none.txt"}
    assert found["none.txt"] is None and set(inputs(inner, root)) == {"sub/b.bin"}


def test_a_change_is_seen_and_so_is_a_file_that_appears(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1")
    found = inputs({str(tmp_path / "a.txt"), str(tmp_path / "b.txt")}, tmp_path)
    assert unchanged(found, tmp_path)
    (tmp_path / "b.txt").write_text("2")
    assert not unchanged(found, tmp_path)
    (tmp_path / "b.txt").unlink()
    assert unchanged(found, tmp_path)
    (tmp_path / "a.txt").write_text("2")
    assert not unchanged(found, tmp_path)


def test_libraries_do_not_count_unless_the_project_lies_in_one(tmp_path: Path) -> None:
    import numpy

    library = Path(numpy.__file__)
    assert inputs({str(library)}, tmp_path) == {}
    assert set(inputs({str(library)}, library.parent)) == {"__init__.py"}


def test_the_users_cache_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are checked where they are used, and each use is noted in them."""
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path / "cache"))
    for folder in (tmp_path / "root", tmp_path / "cache" / "sub"):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("1")
    read = {str(path) for path in tmp_path.rglob("a.txt")}
    assert len(read) == 2 and set(inputs(read, tmp_path / "root")) == {"a.txt"}


def test_a_file_that_was_written_meanwhile_is_not_settled(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1")
    found = inputs({str(tmp_path / "a.txt")}, tmp_path)
    assert settled(found, tmp_path, time.time_ns() + 1) and not settled(found, tmp_path, 0)
