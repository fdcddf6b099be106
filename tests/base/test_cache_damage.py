"""Damaged entries of the cache are named and built again; copies of whole ones are used as they are."""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cfukit_base import progress
from cfukit_base.cache import cached, in_use, manifest, write_atomic
from support.cache_folder import listing

CONTENT = {"model_data.bin": bytes(range(256)) * 20, "generated/soc.h": b"#define A 1\n", "empty": b""}


class Notes:
    """A progress sink that keeps the notes."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def start(self, text: str) -> None: ...
    def advance(self, done: float, total: float, note: str) -> None: ...
    def doing(self, text: str) -> None: ...
    def end(self, text: str, seconds: float, ok: bool) -> None: ...
    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def notes() -> Iterator[list[str]]:
    sink = Notes()
    progress.show_with(sink)
    yield sink.said
    progress.show_with(None)


def build(folder: Path) -> None:
    assert listing(folder) == []
    for name, data in CONTENT.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "model_data.bin").chmod(0o755)


def entry_in(root: Path) -> Path:
    """The entry, which must be whole."""
    entry = cached(root, "model", "0123456789abcdef", build)
    for name, data in CONTENT.items():
        assert (entry / name).read_bytes() == data
    assert os.access(entry / "model_data.bin", os.X_OK)
    return entry


def no_build(folder: Path) -> None:
    raise AssertionError("built again")


def let_it_age(entry: Path) -> None:
    """As an entry that was written long ago: whatever looks as recorded is trusted."""
    written = manifest._read(entry)
    body = manifest._text(written._replace(written_ns=time.time_ns() + 10 * manifest._CLOCK_NS))
    (entry / manifest.NAME).write_text(body)


def truncate(path: Path, rng: random.Random) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size or 1))


def extend(path: Path, rng: random.Random) -> None:
    with path.open("ab") as file:
        file.write(rng.randbytes(rng.randint(1, 5000)))


def flip_a_bit(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes() or b"\0")
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def flip_in_secret(path: Path, rng: random.Random) -> None:
    before = path.stat()
    flip_a_bit(path, rng)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def delete(path: Path, rng: random.Random) -> None:
    path.unlink()


def make_a_folder(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.mkdir()


def forbid_execution(path: Path, rng: random.Random) -> None:
    path.chmod(0o644)


KINDS = (truncate, extend, flip_a_bit, flip_in_secret, delete, make_a_folder, forbid_execution)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("aged", [False, True])
def test_any_damage_to_any_file(tmp_path: Path, notes: list[str], seed: int, aged: bool) -> None:
    """Never wrong, never an exception; and not a word when the files are still right."""
    rng = random.Random(seed)
    for step in range(40):
        entry = entry_in(tmp_path)
        if aged:
            let_it_age(entry)
        kind, name = rng.choice(KINDS), rng.choice([*CONTENT, manifest.NAME])
        kind(entry / name, rng)
        damaged = name == manifest.NAME or any(
            not (entry / name).is_file() or (entry / name).read_bytes() != data
            for name, data in CONTENT.items()
        )
        damaged |= not os.access(entry / "model_data.bin", os.X_OK)
        if name == manifest.NAME and kind is forbid_execution:
            damaged = False
        notes.clear()
        entry_in(tmp_path)
        assert len(notes) == damaged, f"seed {seed}, step {step}: {kind.__name__} {name}: {notes}"
        assert all(str(entry) in note and name in note for note in notes)
    assert listing(tmp_path) == ["model-0123456789abcdef"]


def test_what_is_said(tmp_path: Path, notes: list[str]) -> None:
    entry = entry_in(tmp_path)
    os.truncate(entry / "model_data.bin", 1000)
    entry_in(tmp_path)
    assert notes == [
        f"{entry} is damaged (model_data.bin has 1,000 bytes, 5,120 were written): building it again"
    ]


@pytest.mark.parametrize("what", ["a file", "an empty folder", "a dangling link"])
def test_something_else_where_the_entry_was(tmp_path: Path, notes: list[str], what: str) -> None:
    entry = entry_in(tmp_path)
    shutil.rmtree(entry)
    if what == "a file":
        entry.write_text("x")
    elif what == "an empty folder":
        entry.mkdir()
    else:
        entry.symlink_to("nowhere")
    assert entry_in(tmp_path).is_dir() and len(notes) == 1
    assert listing(tmp_path) == [entry.name]


@pytest.mark.parametrize("pattern", ["in_use", "cache-*"])
@pytest.mark.parametrize("kind", [truncate, flip_a_bit, delete, make_a_folder])
def test_damage_to_the_state_folder(
    tmp_path: Path,
    pattern: str,
    kind: Callable[[Path, random.Random], None],
    notes: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path))
    entry_in(tmp_path)
    (path,) = (tmp_path / "state").glob(pattern)
    kind(path, random.Random(1))
    assert cached(tmp_path, "model", "0123456789abcdef", no_build)
    cached(tmp_path, "other", "key", lambda folder: None)
    assert notes == []


def test_copies_are_used_as_they_are(tmp_path: Path) -> None:
    """Other times and inodes: the digests decide, once."""
    entry_in(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two", copy_function=shutil.copyfile)
    copy = tmp_path / "two" / "model-0123456789abcdef"
    (copy / "model_data.bin").chmod(0o755)
    assert cached(tmp_path / "two", "model", "0123456789abcdef", no_build) == copy


def test_the_content_is_read_only_when_the_look_is_not_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    digest = manifest._file_digest
    monkeypatch.setattr(manifest, "_file_digest", lambda path: read.append(path.name) or digest(path))
    monkeypatch.setattr(manifest, "_CLOCK_NS", 50_000_000)
    entry = entry_in(tmp_path)
    read.clear()
    time.sleep(0.06)
    entry_in(tmp_path)  # could have been changed right after it was written: read once more
    assert sorted(read) == ["empty", "model_data.bin", "soc.h"]
    entry_in(tmp_path)
    assert len(read) == 3
    (entry / "empty").touch()
    entry_in(tmp_path)
    assert read[3:] == ["empty"]


def test_a_cache_that_can_only_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entry_in(tmp_path)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    in_use._files.clear()
    for name in ("utime", "replace", "rename", "unlink"):
        monkeypatch.setattr(os, name, refused)
    monkeypatch.setattr(manifest, "_CLOCK_NS", 0)
    (entry / "empty").chmod(0o600)
    assert cached(tmp_path, "model", "0123456789abcdef", no_build) == entry


def test_files_are_on_the_disk_before_they_have_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, rename = os.fsync, os.rename
    monkeypatch.setattr(
        os,
        "fsync",
        lambda number: done.append(Path(f"/proc/self/fd/{number}").readlink().name) or sync(number),
    )
    monkeypatch.setattr(os, "rename", lambda old, new: done.append("renamed") or rename(old, new))
    monkeypatch.setattr(os, "replace", lambda old, new: done.append("replaced") or rename(old, new))
    entry_in(tmp_path)
    before = done[: done.index("renamed")]
    assert {"model_data.bin", "soc.h", "empty", manifest.NAME, "generated"} < set(before)
    assert done[-1] == tmp_path.name
    done.clear()
    write_atomic(tmp_path / "run.json", "{}")
    assert done[0].startswith(".run.json.") and done[1:] == ["replaced", tmp_path.name]
