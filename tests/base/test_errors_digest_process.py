"""Errors read well, digests tell inputs apart, processes end."""

import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base import process
from cfukit_base.digest import digest_of, digest_tree
from cfukit_base.errors import CfukitError, MissingToolError, ModelError, ResultError, UsageError, suggest


def test_an_error_says_where_what_allowed_and_what_to_do() -> None:
    error = UsageError(
        "a.toml: soc.board", "'arty7'", allowed="did you mean 'arty'?", hint="cfukit list boards"
    )
    assert error.message == "a.toml: soc.board: 'arty7'; did you mean 'arty'? (cfukit list boards)"
    assert error.to_json() == {
        "schema": "cfukit.error/1",
        "ok": False,
        "kind": "usage",
        "where": "a.toml: soc.board",
        "given": "'arty7'",
        "allowed": "did you mean 'arty'?",
        "hint": "cfukit list boards",
    }


@pytest.mark.parametrize(
    ("kind", "code"), [(UsageError, 2), (ModelError, 2), (ResultError, 1), (MissingToolError, 3)]
)
def test_exit_codes(kind: type[CfukitError], code: int) -> None:
    assert kind("where", "given").exit_code == code


def test_suggest_names_the_nearest_or_all() -> None:
    assert suggest("arty7", ["sim", "arty"], "board") == "no such board, did you mean 'arty'?"
    assert suggest("xyz", ["sim", "arty"], "board") == "no such board; there are: arty, sim"


@given(
    st.lists(st.text() | st.binary() | st.integers(), max_size=4),
    st.lists(st.text() | st.binary(), max_size=4),
)
def test_digests_of_different_parts_differ(left: list[object], right: list[object]) -> None:
    assert (digest_of(*left) == digest_of(*right)) == (left == right)


def test_digest_of_a_tree_sees_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("1")
    before = digest_tree(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").write_text("noise")
    assert digest_tree(tmp_path) == before
    assert digest_tree(tmp_path, ("*.h",)) != before
    (tmp_path / "a.c").rename(tmp_path / "b.c")
    assert digest_tree(tmp_path) != before


def test_run_gives_code_and_both_outputs() -> None:
    finished = process.run(
        [sys.executable, "-c", "import sys; print(input()); print('e', file=sys.stderr); exit(3)"],
        stdin=b"hi\n",
    )
    assert (finished.code, finished.stdout, finished.stderr) == (3, "hi\n", "e\n")
    assert not finished.ok
    assert finished.tail() == "hi\n\ne"


def test_a_time_out_kills_the_whole_group(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    grandchild = f"import time; time.sleep(2); open({str(mark)!r}, 'w')"
    child = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {grandchild!r}]); time.sleep(30)"
    begin = time.monotonic()
    finished = process.run([sys.executable, "-c", child], timeout=0.7)
    assert finished.code is None
    assert time.monotonic() - begin < 10
    time.sleep(2)
    assert not mark.exists()
