"""The layout of a model's data in the data cache: right whatever it chooses, without clashes where there is room, at no price in arena."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cfukit_base.artefacts.plan import InArena, InConstants, Plan, Step
from cfukit_base.errors import ModelError
from cfukit_base.symbols import symbol
from cfukit_sw.cache_lines import LINE_BYTES, Cache, misses
from cfukit_sw.firmware import build_firmware
from cfukit_sw.kernels import library, project_kernel
from cfukit_sw.layout import Layout
from cfukit_sw.loaded import make_blob
from cfukit_sw.lower import lower
from cfukit_sw.lowering import LOWERINGS
from cfukit_sw.model_c import write_model
from cfukit_sw.space import Unit, place_units
from cfukit_sw.structs import layout
from cfukit_sw.tflite_reader import read_model
from cfukit_tools.project.catalogue import shipped_folder
from support.models import all_types, random_model
from support.socs import make_soc

CACHE = Cache(4096)
DIGITS = read_model(shipped_folder() / "digits.tflite")


def test_lines_of_data() -> None:
    cache = Cache(128)  # four lines
    assert cache.lines("weights", 0, 32).tolist() == [1, 0, 0, 0]
    assert cache.lines("weights", 31, 2).tolist() == [1, 1, 0, 0]
    assert cache.lines("arena", 32, 96).tolist() == [1, 1, 0, 1]
    assert cache.lines("weights", 0, 256).tolist() == [2, 2, 2, 2]
    assert cache.lines("data", -32, 32).tolist() == [0, 1, 0, 0]


def test_misses_count_what_both_come_back_to() -> None:
    cache = Cache(128)
    a, b = ("input", cache.lines("weights", 0, 64)), ("weights", cache.lines("weights", 32, 64))
    assert misses([a, b], {("input", "weights"): 5}) == misses([b, a], {("input", "weights"): 5}) == 10
    assert misses([a, b], {}) == 0


@st.composite
def units(draw: st.DrawFn) -> list[Unit]:
    lines = 8
    sizes = draw(st.lists(st.lists(st.integers(0, 300), max_size=3), max_size=8))
    found = []
    for number, group in enumerate(sizes):
        pieces = tuple(bytes([number, k]) + bytes(size) for k, size in enumerate(group))
        costs = draw(st.lists(st.integers(0, 500), min_size=lines, max_size=lines))
        found.append(Unit(pieces, np.array(costs, np.int64)))
    return found


@given(units(), st.integers(0, 300))
@example(
    [Unit((), np.zeros(8, np.int64))] * 6
    + [Unit((bytes(34),), np.array([500, *[0] * 7])), Unit((bytes(4),), np.zeros(8, np.int64))],
    5,
)
@settings(deadline=None, max_examples=200)
def test_placed_pieces_never_meet_and_waste_no_more_than_allowed(units: list[Unit], spare: int) -> None:
    places = place_units(units, spare)
    pieces = [piece for unit in units for piece in unit.pieces]
    assert sorted(places) == sorted(pieces)
    spans = sorted((places[piece], places[piece] + len(piece)) for piece in pieces)
    assert all(begin % 4 == 0 for begin, _ in spans)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    assert max((end for _, end in spans), default=0) <= sum(len(piece) + 8 for piece in pieces) + spare


def test_a_unit_goes_where_it_costs_least_if_that_is_worth_the_padding() -> None:
    costs = np.array([900, 900, 900, 0, 900, 900, 900, 900])
    unit = Unit((b"x" * 40,), costs)
    assert place_units([unit], 256) == {b"x" * 40: 3 * LINE_BYTES}
    assert place_units([unit], 0) == {b"x" * 40: 0}
    assert place_units([Unit((b"x" * 40,), costs // 200)], 256) == {b"x" * 40: 0}


@pytest.mark.parametrize("type", sorted(set(all_types()) & {*LOWERINGS, "CHAIN", "NETWORK"}))
def test_a_layout_costs_no_arena(type: str) -> None:
    for seed in range(6):
        try:
            plan, plain = (lower(random_model(type, seed), dcache_bytes=count) for count in (4096, 0))
        except ModelError:
            continue
        assert (plan.activation_bytes, plan.arena_bytes) == (plain.activation_bytes, plain.arena_bytes)
        assert len(plan.constants) <= len(plain.constants) + 2 * 4096


def lines_of(plan: Plan, step: Step, member: str, count: int) -> np.ndarray:
    value = step.params[member]
    assert isinstance(value, InArena | InConstants)
    return CACHE.lines("arena" if isinstance(value, InArena) else "weights", value.offset, count)


@pytest.mark.parametrize("scratch", [0, 768, 2016])
def test_depthwise_operators_of_the_shipped_model_do_not_clash(scratch: int) -> None:
    """Whatever scratch the convolutions around them take: their inputs are on lines of their own, which every channel reads again."""
    kernel = project_kernel(
        "CONV_2D", "own", [], lambda op: op.index < 2 and scratch, scratch=lambda op: scratch
    )
    plan = lower(DIGITS, [kernel])
    for step in plan.steps:
        if step.type != "DEPTHWISE_CONV_2D":
            continue
        number = {name: value for name, value in step.params.items() if isinstance(value, int)}
        count = number["input_height"] * number["input_width"] * number["input_channels"]
        others = CACHE.stack() + lines_of(plan, step, "weights", 9 * number["output_channels"])
        others += lines_of(plan, step, "channels", 12 * number["output_channels"])
        shared = np.flatnonzero(others * lines_of(plan, step, "input", count))
        assert len(shared) <= 2, (step.index, shared)


def test_sections_and_structs_are_where_the_layout_expects_them(tmp_path: Path) -> None:
    soc = make_soc("sim", tmp_path / "soc")
    plan = lower(DIGITS)
    elf = build_firmware(write_model(plan, tmp_path / "model"), soc, build_dir=tmp_path, kind="server")
    begin = symbol(elf, "cfukit_constants")
    for name, half in (("cfukit_constants", 0), ("arena", 1), ("__cfukit_stack_top", 1)):
        assert symbol(elf, name) % 4096 == half * 2048, name
    calls = []

    class Seen(Layout):
        def struct_offsets(self, end: int) -> list[int]:
            calls.append(self)
            return super().struct_offsets(end)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cfukit_sw.plan_builder.Layout", Seen)
        lower(DIGITS)
    expected = Layout.struct_offsets(calls[0], len(plan.constants))
    assert [symbol(elf, f"op{number}") - begin for number in range(len(plan.steps))] == expected
    blob = make_blob(plan, library())
    for step, at in zip(plan.steps, expected, strict=True):
        member, offset = layout(step.struct)[0]["output"]
        assert member.pointer
        value = step.params["output"]
        assert isinstance(value, InArena)
        assert int.from_bytes(blob.data[at + offset :][:4], "little") == value.offset, (
            "the loaded packaging too"
        )


@pytest.mark.needs("reference")
def test_inputs_of_an_addition_are_not_read_in_lockstep(reference: Path) -> None:
    """The shortcuts of a residual network lie 16 KiB apart, if nothing else decides: every load of the addition would miss."""
    model = read_model(reference / "models" / "ic_resnet8.tflite")
    found = []
    for dcache_bytes in (0, 4096):
        plan = lower(model, dcache_bytes=dcache_bytes)
        sums = [step.params for step in plan.steps if step.type == "ADD"]
        places = [(params["input1"], params["input2"]) for params in sums]
        apart = [
            (a.offset - b.offset) % 4096
            for a, b in places
            if isinstance(a, InArena) and isinstance(b, InArena)
        ]
        found.append(sum(min(distance, 4096 - distance) < LINE_BYTES for distance in apart))
    assert found[1] < found[0] == 3
