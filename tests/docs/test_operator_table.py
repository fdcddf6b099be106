"""docs/models.md: the table of operators says what runs."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from cfukit_sw.evaluator import SUPPORTED

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "models.md"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("operator_table", ROOT / "scripts" / "operator_table.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_page_is_what_the_script_writes(script: ModuleType) -> None:
    text = PAGE.read_text()
    assert script.page_with(text, script.table()) == text


def test_every_operator_has_a_row_and_nothing_that_runs_is_called_left_out(script: ModuleType) -> None:
    rows = re.findall(r"^\| ([A-Z0-9_]+|CUSTOM:\w+) \|", PAGE.read_text(), flags=re.M)
    assert [row for row in rows if row in SUPPORTED] == list(SUPPORTED)
    left_out = {
        name for names in script.LEFT_OUT for name in names.split(", ")
    }  # forms of operators have more words
    assert left_out & set(SUPPORTED) == set()


def test_types_are_told_apart(script: ModuleType) -> None:
    assert (
        script._types({("int8", "int8"), ("int8", "int32"), ("uint8", "int32")})
        == "int8; int8, uint8 to int32"
    )
    assert script._types(set()) == "no values"
