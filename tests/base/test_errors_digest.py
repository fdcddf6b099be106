"""Messages and exit codes of errors. Digests of different inputs differ."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.artefacts import ErrorDocument
from cfukit_base.digest import digest_of, digest_tree
from cfukit_base.errors import CfukitError, MissingToolError, ModelError, ResultError, UsageError, suggest


def test_an_error_says_where_what_allowed_and_what_to_do() -> None:
    error = UsageError(
        "a.toml: soc.board", "'arty7'", allowed="did you mean 'arty'?", hint="cfukit list boards"
    )
    assert error.message == "a.toml: soc.board: 'arty7'; did you mean 'arty'? (cfukit list boards)"
    assert ErrorDocument.of(error).to_json() == {
        "schema": "cfukit.error/1",
        "ok": False,
        "kind": "usage",
        "where": "a.toml: soc.board",
        "given": "'arty7'",
        "allowed": "did you mean 'arty'?",
        "hint": "cfukit list boards",
        "details": {},
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
