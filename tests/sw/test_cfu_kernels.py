"""The library's kernels for a CFU: who gets them, which files they have, why they refuse, how they order weights."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cfukit_base.artefacts import CfuDescription
from cfukit_base.errors import UsageError
from cfukit_sw.cfu_kernels import CFU_KERNELS, cfu_kernels, check_cfu_kernel
from cfukit_sw.engine_kernels import conv_order, depthwise_order
from cfukit_sw.kernels import KERNEL_SOURCES, Kernel
from cfukit_sw.lowering import Op
from support.engine_description import INSTRUCTIONS, PARAMS, cfu


def kernel(function: str) -> Kernel:
    return next(item for item in cfu_kernels(cfu(*INSTRUCTIONS)) if item.function == function)


def test_every_family_has_its_files_and_functions() -> None:
    folder = KERNEL_SOURCES.parent / "cfu_kernels"
    assert {source for kernels in CFU_KERNELS for source in kernels.sources} == set(folder.rglob("*.c"))
    for family in CFU_KERNELS:
        text = "".join(source.read_text() for source in family.sources)
        defined = re.findall(rf"^void {family.prefix}(\w+)\(const void \*params\) {{", text, re.MULTILINE)
        assert sorted(defined) == sorted({item.name for item in family.kernels})


def test_a_cfu_with_the_instructions_gets_the_kernels() -> None:
    found = cfu_kernels(cfu("another", *reversed(INSTRUCTIONS)))
    assert {f"{item.registry}/{item.name}" for item in found} >= {"engine/conv", "engine/add"}
    assert all(Path(source).is_file() for item in found for source in item.sources)


@pytest.mark.parametrize(
    "given", [None, cfu(), cfu(*INSTRUCTIONS[1:]), cfu(*INSTRUCTIONS, version=2)], ids=lambda _: ""
)
def test_another_cfu_gets_none(given: CfuDescription | None) -> None:
    assert cfu_kernels(given) == []


def test_a_cfu_that_does_not_state_its_size_gets_none() -> None:
    given = replace(cfu(*INSTRUCTIONS), params={"lanes": 4})
    assert cfu_kernels(given) == []
    with pytest.raises(UsageError, match=r"needs the params outputs, requantizers, .*a Cfu whose `params`"):
        check_cfu_kernel("cfukit_engine_conv", given)


def test_a_named_kernel_that_the_cfu_lacks_is_refused() -> None:
    check_cfu_kernel("own", None)
    check_cfu_kernel("engine_conv", None)
    check_cfu_kernel("cfukit_engine_conv", cfu(*INSTRUCTIONS))
    with pytest.raises(
        UsageError, match=r"'cfukit_engine_conv' needs the instructions engine_start, engine_wait; "
    ):
        check_cfu_kernel("cfukit_engine_conv", cfu("engine_feed", "engine_set"))
    with pytest.raises(UsageError, match=r"needs the instruction engine_wait; "):
        check_cfu_kernel("cfukit_engine_conv", cfu(*INSTRUCTIONS[:3]))
    with pytest.raises(UsageError, match=r"no such kernel, did you mean 'cfukit_engine_conv'\?"):
        check_cfu_kernel("cfukit_engine_convs", cfu(*INSTRUCTIONS))


IMAGE = (1, 9, 9, 8)
CONV = Op("CONV_2D", 0, (1, 9, 9, 8), (1, 9, 9, 4), filter_shape=(4, 3, 3, 8))


@pytest.mark.parametrize(
    ("function", "op", "reason"),
    [
        ("cfukit_engine_conv", CONV, ""),
        ("cfukit_engine_conv", replace(CONV, input_type="int16"), "its input is int16, not int8"),
        (
            "cfukit_engine_conv",
            replace(CONV, filter_shape=(4, 3, 3, 114)),
            "a window takes 257 rows of 4 bytes, but the engine's stores have 256",
        ),
        ("cfukit_engine_conv", replace(CONV, strides=(1, 4096)), "it has a size of 4096, at most 4095"),
        (
            "cfukit_engine_fully_connected",
            Op("FULLY_CONNECTED", 0, (4096, 4), (4096, 2), filter_shape=(2, 4)),
            "4096 rows of inputs",
        ),
        (
            "cfukit_engine_average_pool",
            Op("AVERAGE_POOL_2D", 0, IMAGE, IMAGE, filter_shape=(3, 3), padding=(1, 1, 1, 1)),
            "",
        ),
        (
            "cfukit_engine_average_pool",
            Op("AVERAGE_POOL_2D", 0, (1, 65, 65, 8), (1, 1, 1, 8), filter_shape=(65, 65)),
            "a mean of 4225 values, at most 4096",
        ),
        (
            "cfukit_engine_average_pool",
            Op(
                "AVERAGE_POOL_2D",
                0,
                (1, 3000, 1, 4),
                (1, 3000, 1, 4),
                filter_shape=(3, 1),
                padding=(1, 1, 0, 0),
            ),
            "it has padding and a size of 3000, at most 2048",
        ),
        (
            "cfukit_engine_conv",
            Op("CONV_2D", 0, (1, 2, 70000, 2), (1, 2, 1, 4), strides=(1, 70000), filter_shape=(4, 1, 1, 2)),
            "it has a size of 70000",
        ),
        (
            "cfukit_engine_conv",
            Op("CONV_2D", 0, (1, 2, 4000, 33), (1, 2, 1, 4), strides=(1, 4000), filter_shape=(4, 1, 1, 33)),
            "a row has 132000 bytes, at most 131071",
        ),
        (
            "cfukit_engine_max_pool",
            Op("MAX_POOL_2D", 0, IMAGE, IMAGE, filter_shape=(3, 3), padding=(1, 1, 1, 1)),
            "",
        ),
        (
            "cfukit_engine_max_pool",
            Op("MAX_POOL_2D", 0, (1, 17, 17, 8), (1, 1, 1, 8), filter_shape=(17, 17)),
            "a window takes 289 rows of 4 bytes, but the engine's stores have 256",
        ),
        ("cfukit_engine_move", Op("PAD", 0, IMAGE, (1, 11, 11, 8)), ""),
        (
            "cfukit_engine_move",
            Op("PAD", 0, IMAGE, IMAGE, input_type="int16"),
            "its input is int16, not int8",
        ),
        ("cfukit_engine_move", Op("SHAPE", 0, IMAGE, (4,), output_type="int32"), "its output is int32"),
        ("cfukit_engine_mean", Op("MEAN", 0, IMAGE, (1, 8), axes=(1, 2)), ""),
        ("cfukit_engine_mean", Op("MEAN", 0, IMAGE, (1, 9, 8), axes=(1,)), ""),
        ("cfukit_engine_mean", Op("MEAN", 0, IMAGE, (1, 9, 9), axes=(3,)), ""),
        ("cfukit_engine_mean", Op("MEAN", 0, IMAGE, (1,), axes=(1, 2, 3)), ""),
        (
            "cfukit_engine_mean",
            Op("MEAN", 0, IMAGE, (1, 9), axes=(1, 3)),
            "[1, 3] of [1, 9, 9, 8] do not lie side by side",
        ),
        ("cfukit_engine_mean", Op("MEAN", 0, (3, 5, 3, 5, 8), (5, 5, 8), axes=(0, 2)), ""),
        (
            "cfukit_engine_mean",
            Op("MEAN", 0, (3, 5, 3, 5, 3, 8), (5, 5, 8), axes=(0, 2, 4)),
            "are 3 groups, at most 2 are possible",
        ),
        (
            "cfukit_engine_mean",
            Op("MEAN", 0, (1, 32, 32, 8), (1, 8), axes=(1, 2)),
            "the inputs of an output take 1024 rows, but the engine's stores have 256",
        ),
        ("cfukit_engine_add", Op("ADD", 0, IMAGE, IMAGE, operands=(IMAGE, IMAGE)), ""),
        ("cfukit_engine_add", Op("ADD", 0, IMAGE, IMAGE, operands=(IMAGE, IMAGE), constant=1), ""),
        ("cfukit_engine_add", Op("ADD", 0, IMAGE, IMAGE, operands=(IMAGE, (8,)), constant=1), ""),
        ("cfukit_engine_add", Op("ADD", 0, IMAGE, IMAGE, operands=((9, 8), IMAGE)), ""),
        ("cfukit_engine_add", Op("ADD", 0, IMAGE, IMAGE, operands=(IMAGE, ()), constant=1), ""),
        (
            "cfukit_engine_add",
            Op("ADD", 0, IMAGE, IMAGE, operands=((8,), IMAGE), constant=1),
            "the input that is computed is broadcast",
        ),
        (
            "cfukit_engine_add",
            Op("ADD", 0, IMAGE, IMAGE, operands=(IMAGE, (1, 9, 9, 1))),
            "[1, 9, 9, 8] and [1, 9, 9, 1] are not broadcast along the first axes alone",
        ),
    ],
)
def test_reasons(function: str, op: Op, reason: str) -> None:
    found = kernel(function)
    assert reason in found.refusal(op)
    assert found.supports(op) == (not reason) == (not found.refusal(op))


def test_orders_of_weights() -> None:
    weights = np.arange(3 * 5, dtype=np.int8).reshape(3, 1, 1, 5)
    rows = [[0, 1, 2, 3], [5, 6, 7, 8], [4, 0, 0, 0], [9, 0, 0, 0]]  # outputs 0 and 1: two rows of taps each
    rows += [[10, 11, 12, 13], [0] * 4, [14, 0, 0, 0], [0] * 4]
    packed = bytes(value for row in rows for value in row)
    assert conv_order(weights, PARAMS) == packed
    assert conv_order(np.concatenate([weights, weights]), PARAMS, groups=2) == 2 * packed
    taps = np.arange(2 * 5, dtype=np.int8).reshape(1, 2, 1, 5)
    assert depthwise_order(taps, PARAMS) == bytes([0, 1, 2, 3, 5, 6, 7, 8, 4, 0, 0, 0, 9, 0, 0, 0])


def test_scratch_of_add() -> None:
    found = kernel("cfukit_engine_add")
    op = Op("ADD", 0, IMAGE, IMAGE, operands=(IMAGE, IMAGE))
    assert found.scratch(op) == 0
    assert found.scratch(replace(op, constant=0)) == found.scratch(replace(op, operands=(IMAGE, (8,)))) == 648
    assert found.scratch(replace(op, output_shape=(1, 9, 9, 80), constant=0)) == 1024
