"""Every message about wrong input states what is allowed or what to do."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "hw/cfukit",
    "hw/cfukit_cpu",
    "soc/cfukit_soc",
    "sw/cfukit_sw",
    "scripts/cfukit_tools",
    "scripts/cfukit_base",
)
# BuildError quotes compilers and exceptions, ResultError gives figures: they may do without.
KINDS = ("UsageError", "ModelError", "MissingToolError")


def made_without_a_way_out(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            given = {keyword.arg for keyword in node.keywords}
            if not given & {"allowed", "hint", None}:
                yield f"{file.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"


def test_wrong_input_is_told_with_what_would_be_right() -> None:
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    assert len(files) > 80
    assert [place for file in files for place in made_without_a_way_out(file)] == []
