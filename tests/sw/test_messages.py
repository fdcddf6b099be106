"""What a person is told while a program is built: the compiler's warnings, once for each change, and how to make it fit."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cfukit_base import progress
from cfukit_base.errors import ResultError
from cfukit_sw.firmware import build_firmware
from cfukit_sw.lower import lower
from cfukit_sw.model_c import write_model
from cfukit_tools.cli import commands as cli
from support.models import random_model
from support.socs import make_soc


@pytest.fixture(scope="module")
def soc_json(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_soc("sim", tmp_path_factory.mktemp("soc"), sram_bytes=0)


class Notes:
    """A sink that keeps what is noted."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def start(self, text: str) -> None: ...
    def advance(self, done: float, total: float, note: str) -> None: ...
    def doing(self, text: str) -> None: ...
    def end(self, text: str, seconds: float, ok: bool) -> None: ...

    def note(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture
def notes() -> list[str]:
    sink = Notes()
    progress.show_with(sink)
    yield sink.texts
    progress.show_with(None)


def test_warnings_are_told_once_per_change(soc_json: Path, tmp_path: Path, notes: list[str]) -> None:
    source = tmp_path / "main.c"

    def build(text: str) -> list[str]:
        notes.clear()
        source.write_text(text)
        build_firmware([source], soc_json, build_dir=tmp_path)
        return list(notes)

    (told,) = build("int main(void) { int left_over; return 0; }\n")
    assert "main.c:1:" in told and "warning: unused variable 'left_over'" in told
    assert build("int main(void) { int left_over; return 0; }\n") == []
    (told,) = build("\nint main(void) { int left_over; return 0; }\n")
    assert "main.c:2:" in told
    assert build("int main(void) { return 0; }\n") == []


def test_exec_shows_them_beside_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hello.c").write_text(
        '#include "cfukit.h"\nint main(void) { int spare; puts("hello"); return 0; }\n'
    )
    monkeypatch.setattr("sys.stdin", None)
    assert cli.run(["exec", "hello.c", "--engine", "host"]) == 0
    shown = capsys.readouterr()
    assert re.search("warning: unused variable .spare.", shown.err) and "warning" not in shown.out


def test_what_is_too_large_is_named_for_what_it_is(soc_json: Path, tmp_path: Path) -> None:
    source = tmp_path / "large.c"
    source.write_text("static volatile char room[64 << 20];\nint main(void) { return room[5]; }\n")
    with pytest.raises(ResultError, match="does not fit") as caught:
        build_firmware([source], soc_json, build_dir=tmp_path)
    assert caught.value.hint == "a smaller program or a board with more memory"
    plan = replace(lower(random_model("RELU", 1)), arena_bytes=64 << 20)
    with pytest.raises(ResultError, match="does not fit") as caught:
        build_firmware(write_model(plan, tmp_path / "model"), soc_json, build_dir=tmp_path, kind="server")
    assert caught.value.hint.startswith("a smaller model")
