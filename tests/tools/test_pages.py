"""The reference pages are those that the code makes; the schemas are sound; the contract's fields are in them."""

from pathlib import Path

import jsonschema
import pytest

from cfukit_base.schemas import CAUSE_NAMES, SCHEMAS, SIZE_NAMES
from cfukit_tools.cli.reference_docs import PAGES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_fresh(name: str) -> None:
    stale = f"docs/{name} is stale: python -m cfukit_tools.cli.reference_docs docs"
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), stale


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert name.startswith("cfukit.") and name.rpartition("/")[2].isdigit()


def test_run_has_the_fields_that_others_read() -> None:
    run = SCHEMAS["cfukit.run/1"]["properties"]
    names = "ok project model board cpu engine cfu_engine clock_hz toolchain seed digests samples variants"
    assert {*names.split(), "mismatch", "accuracy", "host"} <= set(run)
    variant = run["variants"]["items"]["properties"]
    assert {"name", "cycles", "overhead_cycles", "instructions", "sizes", "causes", "ops"} <= set(variant)
    assert set(variant["sizes"]["properties"]) == set(SIZE_NAMES)
    op = variant["ops"]["items"]["properties"]
    assert set(op) == {"index", "fused", "type", "kernel", "macs", "cycles", "causes"}
    assert len(CAUSE_NAMES) == 11
