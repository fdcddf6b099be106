"""JSON documents: those that the verbs write keep to their schema, and the schema refuses every broken copy of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cfukit.artefacts import description
from cfukit_base.errors import ResultError
from cfukit_base.schemas import SCHEMAS
from cfukit_soc import generate_soc
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.project.code import load_cfu
from cfukit_tools.project.project import load_target
from support.documents import broken, run_document, variant

LISTS = ["boards", "cpus", "models", "kernels", "projects"]
VERBS = {
    "cfukit.doctor/1": [["doctor"]],
    "cfukit.list/1": [["list", what] for what in LISTS],
    "cfukit.init/1": [["init", "new"]],
    "cfukit.fetch/1": [["fetch", "digits"]],
    "cfukit.info/1": [["info", "digits"]],
    "cfukit.exec/1": [["exec", "hello.c", "--engine", "host"]],
    "cfukit.infer/1": [
        ["infer", "digits", "--engine", "evaluator", "--inputs", "one.npz", "--outputs", "o.npz"]
    ],
    "cfukit.error/1": [["run", "nowhere"], ["list", "colours"], ["frobnicate"], ["diff", "a", "b"]],
}
CASES = [(name, words) for name, lines in VERBS.items() for words in lines]


def check(name: str, document: dict[str, Any]) -> None:
    """`document` is one of schema `name`, of no other, and no broken copy of it is."""
    validator = jsonschema.Draft202012Validator(SCHEMAS[name])
    validator.validate(document)
    assert [
        other for other in SCHEMAS if jsonschema.Draft202012Validator(SCHEMAS[other]).is_valid(document)
    ] == [name]
    accepted = [what for what, copy in broken(document, SCHEMAS[name]) if validator.is_valid(copy)]
    assert accepted == []


@pytest.mark.parametrize(("name", "words"), CASES, ids=[" ".join(words[:3]) for _, words in CASES])
def test_verbs_write_what_their_schema_says(
    name: str,
    words: list[str],
    tmp_path: Path,
    two_samples: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hello.c").write_text('#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')
    (tmp_path / "one.npz").write_bytes(two_samples.read_bytes())
    monkeypatch.setattr("sys.stdin", None)
    cli.run([*words, "--json"])
    document = json.loads(
        capsys.readouterr().out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON")
    )
    check(name, document)
    assert document.get("ok", True) is (name != "cfukit.error/1")


DOCUMENTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "cfukit.run/1": lambda folder: run_document(variant("reference", [5, 6]), variant("portable", [3, 4])),
    "cfukit.soc/1": lambda folder: json.loads(generate_soc("fomu", folder, cpu="full+cfu").read_text()),
    "cfukit.error/1": lambda folder: ResultError("w", "g", detail=1).to_json(),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_keep_to_their_schema(name: str, tmp_path: Path) -> None:
    check(name, DOCUMENTS[name](tmp_path))


@pytest.mark.parametrize("project", ["mac4", "template"])
def test_a_cfu_describes_itself_by_the_schema(project: str, tmp_path: Path) -> None:
    api.init(str(tmp_path / "mine"), project)
    check("cfukit.cfu/1", description(load_cfu(load_target(tmp_path / "mine"))))


def test_what_may_be_unknown_may_be_null() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMAS["cfukit.run/1"])
    document = run_document(variant("reference", [None]))
    validator.validate(document)
    document["mismatch"] = {"sample": 0, "op": 1, "tensor": 2, "index": 3, "expected": 4, "got": 5.5}
    validator.validate(document)
    for field in list(document["mismatch"]):
        missing = {key: value for key, value in document["mismatch"].items() if key != field}
        assert not validator.is_valid(document | {"mismatch": missing}), field


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_document_of_another_version_is_another_document(name: str) -> None:
    rule = SCHEMAS[name]["properties"]["schema"]
    assert rule == {"const": name} and "schema" in SCHEMAS[name]["required"]
    stem, _, version = name.rpartition("/")
    assert stem.startswith("cfukit.") and version.isdecimal()
