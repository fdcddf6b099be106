"""Paths that tools misread: links to them, and the real names again in messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfukit_base.plain_paths import plain, prefix_maps, real


@pytest.mark.parametrize("name", ["plain", "with space", "ünïcode", "a,b=c+d@e", "$dollar;&#"])
def test_what_every_tool_reads_stays(tmp_path: Path, name: str) -> None:
    assert plain(tmp_path / name / "file.v") == tmp_path / name / "file.v"


@pytest.mark.parametrize("name", ["100 %", 'a"b', "it's", "back\\slash", "tab\tbed", "line\nbreak"])
def test_what_a_tool_misreads_gets_a_link(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    given = plain(folder / "inner" / "file.v")  # before it is there
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file.v").write_text("module")
    assert given.read_text() == "module" and given.parts[-2:] == ("inner", "file.v")
    assert not set("%\"'\\\t\n") & set(str(given))
    assert real(f"{given}:3: error") == f"{folder / 'inner' / 'file.v'}:3: error"
    assert f"-ffile-prefix-map={given.parents[1]}={folder}" in prefix_maps()


def test_a_file_keeps_its_ending_and_every_folder_has_one_link(tmp_path: Path) -> None:
    assert plain(tmp_path / "50%.sv").suffix == ".sv"
    first, second = plain(tmp_path / "%" / "a"), plain(tmp_path / "%" / "b")
    assert first.parent == second.parent
    assert plain(tmp_path / "%" / "x" / "'" / "c") != first.parent / "x" / "'" / "c"
