"""The reference pages are those that the code makes; the schemas are sound; the contract's fields are in them."""

import re
from pathlib import Path

import jsonschema
import pytest

from cfukit_base.artefacts import DOCUMENTS
from cfukit_tools.cli.reference_docs import PAGES
from support.contract import CONTRACT, VERBS, fields_of_schema, promised_by

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_fresh(name: str) -> None:
    stale = f"docs/{name} is stale: python -m cfukit_tools.cli.reference_docs docs"
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), stale


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(DOCUMENTS[name].json_schema())
    stem, _, version = name.rpartition("/")
    assert stem.startswith("cfukit.") and version.isdecimal()


@pytest.mark.parametrize("name", sorted({name for name, _ in CONTRACT}))
def test_a_schema_has_the_fields_that_others_read(name: str) -> None:
    schema = DOCUMENTS[name].json_schema()
    for where, names in promised_by(name):
        missing = names - fields_of_schema(schema, where)
        assert not missing, f"{name} {'.'.join(where)}: {missing}"


@pytest.mark.parametrize("verb", VERBS.split())
def test_every_verb_has_a_document_that_says_ok(verb: str) -> None:
    schema = DOCUMENTS[f"cfukit.{verb}/1"].json_schema()
    assert {"schema", "ok"} <= fields_of_schema(schema, [])


def test_the_page_has_a_table_of_every_object() -> None:
    """A row per field; `schema` stands in the heading."""
    page = PAGES["json.md"]()
    for name, document in DOCUMENTS.items():
        section = page.partition(f"## {name}\n")[2].partition("\n## ")[0]
        schema = document.json_schema()
        objects = {title: inner for title, inner in schema["$defs"].items() if "properties" in inner}
        whole, *others = re.split(r"^\*\*(?=\w+\*\*)", section, flags=re.MULTILINE)
        tables = {document.__name__: whole} | {part.partition("**")[0]: part for part in others}
        assert set(tables) == set(objects), name
        for title, table in tables.items():
            rows = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
            assert rows == set(objects[title]["properties"]) - {"schema"}, f"{name} {title}"


def test_the_page_says_what_the_code_says_of_every_document() -> None:
    """No sentence of a description gets lost but the one that only repeats the heading."""
    page = " ".join(PAGES["json.md"]().split())
    for document in DOCUMENTS.values():
        for inner in document.json_schema()["$defs"].values():
            told = " ".join(inner.get("description", "").split())
            told = told.removeprefix(f"The document {document.schema_name()}.").strip()
            assert told in page, told
