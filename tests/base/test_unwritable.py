"""Full disks and paths that cannot be written: a message names the path, and nothing is half-written or replaced."""

import errno
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from cfukit_base.cache import cached, disk_error, prepare_output, write_atomic, write_parts
from cfukit_base.errors import BuildError, ResultError
from support.cache_folder import listing


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("a file where a folder should be")
    return path


def test_below_a_file(file: Path) -> None:
    below = file / "deep" / "out"
    for attempt in (
        lambda: write_atomic(below, "x"),
        lambda: prepare_output(below),
        lambda: cached(below, "name", "key", lambda folder: None),
    ):
        with pytest.raises(ResultError, match=r"out: cannot write here: Not a directory.*choose a path"):
            attempt()
    assert file.read_text() == "a file where a folder should be"


def test_where_no_folder_can_be_made() -> None:
    place = Path("/proc/cfukit/out")
    for attempt in (
        lambda: write_atomic(place, "x"),
        lambda: cached(place, "name", "key", lambda folder: None),
    ):
        with pytest.raises(
            ResultError, match=r"/proc/cfukit/out: cannot write here: No such file or directory"
        ):
            attempt()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for attempt in (lambda: write_atomic(tmp_path, "x"), lambda: prepare_output(tmp_path)):
        with pytest.raises(ResultError, match="cannot write here: Is a directory"):
            attempt()
    assert listing(tmp_path) == []


def test_a_device_is_written_and_not_replaced() -> None:
    ours, theirs = os.openpty()
    device = Path(os.ttyname(theirs))
    write_atomic(device, "x")
    assert device.is_char_device() and os.read(ours, 10) == b"x"
    with pytest.raises(
        ResultError, match=r"/dev/full: cannot write here: No space left on device \(free space"
    ):
        write_atomic(Path("/dev/full"), "x")
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize(
    "said",
    [
        "fatal error: error writing to /tmp/x.s: No space left on device",
        "error: unable to write: NoSpaceLeft",
        "cc1: Disk quota exceeded",
        "ld: final link failed: File too large",
    ],
)
def test_what_compilers_say_about_a_full_disk(tmp_path: Path, said: str) -> None:
    def build(folder: Path) -> None:
        raise BuildError("a.c", "compiler ended with 1", diagnostics=f"something\n{said}\n")

    with pytest.raises(ResultError, match="No space left on device") as caught:
        cached(tmp_path, "name", "key", build)
    assert str(tmp_path) in caught.value.message and said in str(caught.value.details)
    assert listing(tmp_path) == []


def test_other_build_errors_stay_what_they_are(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        raise BuildError("a.c:1", "expected ';'", diagnostics="a.c:1: error: expected ';'")

    with pytest.raises(BuildError, match="expected ';'"):
        cached(tmp_path, "name", "key", build)


def test_a_missing_tool_is_no_disk_error(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "/usr/bin/gone")

    with pytest.raises(FileNotFoundError):
        cached(tmp_path, "name", "key", build)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_errors_of_a_full_disk(number: int) -> None:
    error = disk_error(Path("out"), OSError(number, os.strerror(number)))
    assert error.exit_code == 1 and "free space or set CFUKIT_CACHE" in error.message


def test_what_a_killed_builder_left_is_cleared_away(tmp_path: Path) -> None:
    stale = tmp_path / ".name-key.4711.tmp"
    stale.mkdir()
    (stale / "half").write_text("x")
    other = tmp_path / ".name-other.4711.tmp"
    other.mkdir()
    cached(tmp_path, "name", "key", lambda folder: None)
    assert listing(tmp_path) == [other.name, "name-key"], "the builder of another key may still run"


def test_a_file_written_in_parts_is_never_whole_in_memory_and_never_half_there(tmp_path: Path) -> None:
    path, parts, size = tmp_path / "trace", 64, 1 << 20
    path.write_text("before")

    def given() -> Iterator[bytes | str]:
        yield "head\n"
        for number in range(parts):
            assert path.read_text() == "before"
            yield bytes([number]) * size

    tracemalloc.start()
    write_parts(path, given(), durable=False)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * size
    assert path.stat().st_size == 5 + parts * size

    def broken() -> Iterator[str]:
        yield "half"
        raise ValueError

    with pytest.raises(ValueError):
        write_parts(path, broken())
    assert path.stat().st_size == 5 + parts * size and list(tmp_path.iterdir()) == [path]
