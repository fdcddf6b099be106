"""The reference pages are those that the code makes; the schemas are sound; the contract's fields are in them."""

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


def test_the_page_names_every_field() -> None:
    """A table per document, a row per field; `schema` stands in the heading."""
    page = PAGES["json.md"]()
    for name, document in DOCUMENTS.items():
        part = page.partition(f"## {name}\n")[2].partition("\n## ")[0]
        rows = {line.split("`")[1] for line in part.splitlines() if line.startswith("| `")}
        assert rows == fields_of_schema(document.json_schema(), []) - {"schema"}, name
