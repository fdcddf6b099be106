"""The arena over time, as run.json tells it: whatever a kernel is given lies in a block that is in use then, and blocks do not meet."""

from __future__ import annotations

from itertools import combinations

import pytest

from cfukit_base.artefacts.plan import InArena, Step
from cfukit_base.artefacts.run import ArenaBlock
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_tools.firmware.program import Program
from support.models import all_types, random_model
from support.reference import MODELS, model_named

SMALL = [entry["name"] for entry in MODELS if entry["macs"] < 10_000_000]


def addresses(step: Step) -> list[int]:
    """The offsets in the arena that a kernel call is given."""
    values = [value for value in step.params.values() if isinstance(value, InArena)]
    return [value.offset for value in values]


def check(model: Model, registry: str) -> tuple[ArenaBlock, ...]:
    plan = lower(model, registry=registry)
    blocks = Program("portable", model, plan).arena()
    for block in blocks:
        assert block.offset >= 0 and block.offset + block.bytes <= plan.arena_bytes
        assert -1 <= block.first <= block.last <= len(plan.steps)
    for number, step in enumerate(plan.steps):
        used = [block for block in blocks if block.first <= number <= block.last]
        for offset in addresses(step):
            assert any(block.offset <= offset <= block.offset + block.bytes for block in used), (step, offset)
        assert sum(block.kind == "scratch" for block in used) == bool(step.scratch_bytes)
    for one, other in combinations(blocks, 2):
        together = range(max(one.first, other.first), min(one.last, other.last) + 1)
        if (
            together
            and one.offset < other.offset + other.bytes
            and other.offset < one.offset + one.bytes
            and one.bytes
            and other.bytes
        ):
            # An output may reach into an input that is read for the last time in the same step.
            assert len(together) == 1, (one, other)
            assert {one.first, other.first} & set(together) and {one.last, other.last} & set(together)
    return blocks


@pytest.mark.parametrize("type_", all_types())
def test_single_operators(type_: str) -> None:
    for seed in range(6):
        check(random_model(type_, seed), "portable")


@pytest.mark.needs("reference")
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("registry", ["reference", "portable"])
def test_real_models(name: str, registry: str) -> None:
    blocks = check(model_named(name), registry)
    assert any(block.kind == "tensor" for block in blocks)


@pytest.mark.needs("reference")
def test_the_largest_moment_is_the_arena() -> None:
    """kws_ref has no overlap that a better order could save: the blocks of its worst step fill the arena."""
    model = model_named("kws_ref")
    plan = lower(model, registry="portable")
    blocks = Program("portable", model, plan).arena()
    tops = [
        max(block.offset + block.bytes for block in blocks if block.first <= number <= block.last)
        for number in range(len(plan.steps))
    ]
    assert max(tops) == plan.activation_bytes
