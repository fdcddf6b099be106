"""The verb load with tools that only record how they were called, and term on a pseudo-terminal."""

from __future__ import annotations

import json
import os
import pty
import threading
import time
import tty
from pathlib import Path

import pytest

from cfukit_base.errors import MissingToolError, ResultError, UsageError
from cfukit_base.protocol import wire
from cfukit_soc.boards import board_named
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.verbs.load import plan
from support.documents import build_document

ARTIX = board_named("arty")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """tools(name, ...): programs that write their arguments to `called`, print $SAID, and exit with $CODE."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def make(*names: str) -> Path:
        for name in names:
            script = f'#!/bin/sh\necho "$(basename $0) $@" >> {tmp_path}/called\n'
            script += f'for w in "$@"; do case $w in *.tcl) cp $w {tmp_path}/script.tcl;; esac; done\n'
            (folder / name).write_text(script + 'echo "$SAID" >&2\nexit ${CODE:-0}\n')
            (folder / name).chmod(0o755)
        return tmp_path / "called"

    return make


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on Fomu whose bitstream is built."""
    folder = tmp_path / "p"
    monkeypatch.chdir(tmp_path)
    folder.mkdir()
    (folder / "project.toml").write_text('[cfu]\nfile = ""\n[soc]\nboard = "fomu"\n')
    built = folder / "build" / "fomu" / "bitstream"
    built.mkdir(parents=True)
    for name in ("fomu.bin", "fomu.firmware", "fomu.dfu"):
        (built / name).write_bytes(b"x")
    files = tuple(str(built / name) for name in ("fomu.bin", "fomu.firmware", "fomu.dfu"))
    build_document(files=files).write(built / "build.json")
    return folder


def test_fomu_takes_dfu(tools, project: Path) -> None:
    called = tools("dfu-util")
    document = api.load(project)
    file = project / "build" / "fomu" / "bitstream" / "fomu.dfu"
    assert called.read_text() == f"dfu-util -d 1209:5bf0 -D {file}\n"
    assert (document["tool"], document["files"], document["ok"]) == ("dfu-util", [str(file)], True)


def test_gateware_and_firmware_go_to_their_places_in_flash(tools, tmp_path: Path) -> None:
    tools("openFPGALoader")
    files = [tmp_path / "icebreaker.bin", tmp_path / "icebreaker.firmware"]
    steps = plan(board_named("icebreaker"), files)
    words = [step.words[1:] for step in steps]
    assert words == [
        ("-b", "ice40_generic", "-f", str(files[0])),
        ("-b", "ice40_generic", "-f", "-o", "0x100000", str(files[1])),
    ]


def test_vivado_serves_where_openfpgaloader_is_not(tools, tmp_path: Path) -> None:
    tools("vivado")
    [step] = plan(ARTIX, [tmp_path / "arty.bit"])
    assert "program_hw_devices" in step.script and f"{{{tmp_path / 'arty.bit'}}}" in step.script
    tools("openFPGALoader")
    [step] = plan(ARTIX, [tmp_path / "arty.bit"])
    assert step.words[1:] == ("-b", "arty_a7_35t", str(tmp_path / "arty.bit"))


def test_a_missing_tool_is_exit_3_with_the_way_to_get_it(
    tools, project: Path, capsys: pytest.CaptureFixture
) -> None:
    assert cli.run(["load", str(project), "--json"]) == 3
    error = json.loads(capsys.readouterr().out)
    assert error["where"] == "dfu-util" and "apt install dfu-util" in error["hint"]
    with pytest.raises(MissingToolError, match=r"openFPGALoader.*vivado: https"):
        plan(ARTIX, [Path("arty.bit")])


def test_a_tool_that_fails_is_explained(tools, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools("dfu-util")
    monkeypatch.setenv("CODE", "74")
    monkeypatch.setenv("SAID", "dfu-util: No DFU capable USB device available")
    with pytest.raises(ResultError, match=r"ended with code 74 at fomu\.dfu.*plug the board in") as caught:
        api.load(project)
    assert "No DFU capable" in caught.value.details["log"]


def test_what_cannot_be_loaded_says_why(tools, project: Path) -> None:
    built = project / "build" / "fomu" / "bitstream"
    with pytest.raises(UsageError, match=r"'sim' is only simulated; one of .*fomu"):
        api.load(project, board="sim")
    (built / "fomu.dfu").unlink()
    with pytest.raises(UsageError, match="is not there any more"):
        api.load(project)
    for failed in (build_document(ok=False), build_document(ok=True, files=())):
        failed.write(built / "build.json")
        with pytest.raises(ResultError, match="the last build failed"):
            api.load(project)
    (built / "build.json").write_text((built / "build.json").read_text()[:-20])
    with pytest.raises(
        UsageError, match=r"build\.json: is damaged: .*; a whole cfukit.build/1 \(cfukit bitstream\)"
    ):
        api.load(project)
    (built / "build.json").unlink()
    with pytest.raises(UsageError, match=r"no bitstream yet.*cfukit bitstream"):
        api.load(project)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch):
    """A serial port's name and the handle of its other end."""
    monkeypatch.delenv("CFUKIT_PORT", raising=False)
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave), master
    os.close(master)
    os.close(slave)


def test_term_shows_text_and_records_and_sends_keys(
    line: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, other_end = line
    monkeypatch.setattr("cfukit_tools.verbs.term.AFTER_INPUT_SECONDS", 0.3)
    shown, (reader, writer) = bytearray(), os.pipe()
    sent = []

    def answer() -> None:
        sent.append(os.read(other_end, 100))
        os.write(other_end, b"hello\n" + wire.encode(wire.Type.EXITED, 0, (7).to_bytes(4, "little")))

    other = threading.Thread(target=answer)
    other.start()
    os.write(writer, b"keys")
    os.close(writer)
    document = api.term(port=port, baud=57_600, stdin=reader, write=shown.extend)
    os.close(reader)
    other.join()
    assert bytes(shown) == b"hello\n\r\n[exit code 7]\r\n"
    assert sent == [b"keys"]
    assert (document["port"], document["baud"], document["host"]["sent_bytes"]) == (port, 57_600, 4)


@pytest.mark.parametrize("words", [None, [], ["--json"]])
def test_term_writes_to_stdout_on_the_command_line_alone(
    line: tuple[str, int],
    words: list[str] | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """words: of the command line; None = the Python API."""
    port, other_end = line
    monkeypatch.setattr("cfukit_tools.verbs.term.AFTER_INPUT_SECONDS", 0.3)
    (tmp_path / "keys").write_text("keys")

    def answer() -> None:
        os.read(other_end, 100)
        os.write(other_end, b"hello\n")

    other = threading.Thread(target=answer)
    other.start()
    with (tmp_path / "keys").open() as keys:
        monkeypatch.setattr("sys.stdin", keys)
        if words is None:
            assert api.term(port=port)["host"]["received_bytes"] == 6
        else:
            assert cli.run(["term", "--port", port, *words]) == 0
    other.join()
    shown = capfd.readouterr().out
    assert shown.startswith("hello\n") if words == [] else "hello" not in shown
    assert bool(shown) == (words is not None)


def test_term_ends_with_its_key_on_a_terminal(line: tuple[str, int]) -> None:
    port, other_end = line
    keyboard, typed = pty.openpty()
    shown = bytearray()

    def type_it() -> None:
        while b"Ctrl-]" not in shown:
            time.sleep(0.01)
        os.write(keyboard, b"ab\x1dcd")

    typist = threading.Thread(target=type_it)
    typist.start()
    api.term(port=port, stdin=typed, write=shown.extend, seconds=300)
    typist.join()
    assert os.read(other_end, 100) == b"ab"
    os.close(keyboard)
    os.close(typed)
