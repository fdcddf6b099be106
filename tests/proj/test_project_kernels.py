"""The projects' kernels against the evaluator, on this machine, with the CFU's Python model answering its instructions."""

from __future__ import annotations

import ctypes
import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.kernels import Kernel
from cfukit_sw.lower import lower
from cfukit_sw.model_builder import ModelBuilder
from cfukit_tools.firmware.program import PLAIN, project_kernels
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System
from support.kernels import HostModel, library
from support.models import random_inputs, random_model

PROJECTS = Path(__file__).resolve().parents[2] / "proj"
HOOK = """
#include <stdint.h>
uint32_t (*cfu_model)(uint32_t funct3, uint32_t funct7, uint32_t a, uint32_t b);
uint32_t cfu_software(uint32_t funct3, uint32_t funct7, uint32_t a, uint32_t b);
uint32_t cfu_software(uint32_t funct3, uint32_t funct7, uint32_t a, uint32_t b) { return cfu_model(funct3, funct7, a, b); }
__attribute__((section("cfukit_dtcm"), aligned(16))) char tcm[1 << 20];
const char *asked; /* what last became an address: data for the DMA port lie in the same 4 GiB */
uint32_t cfu_software_address(const void *pointer);
uint32_t cfu_software_address(const void *pointer) { return (uint32_t)(uintptr_t)(asked = pointer); }
"""
CALL = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32)
keep: list[Any] = []


@functools.cache
def system(name: str) -> System:
    folder, _, variant = name.partition(":")
    return System(load_target(PROJECTS / folder, variant=variant))


@functools.cache
def kernels(name: str) -> tuple[Kernel, ...]:
    """The project's [[kernel]] entries."""
    return tuple(project_kernels(system(name)))


@functools.cache
def project_library(name: str) -> ctypes.CDLL:
    """All kernels, including the project's, with the model of the project's CFU behind cfu_software()."""
    folder = Path(tempfile.mkdtemp(prefix="cfukit-project-"))
    cfu = system(name).cfu
    cfu.write(folder)
    (folder / "hook.c").write_text(HOOK)
    sources = dict.fromkeys(source for kernel in kernels(name) for source in kernel.sources)
    dll = library((folder / "hook.c", *sources), (f"-I{folder}",))
    function = CALL(lambda funct3, funct7, a, b: cfu.call(funct3, funct7, a, b))
    keep.append(function)
    if cfu.memory is not None:
        tcm = (ctypes.c_ubyte * (1 << 20)).in_dll(dll, "tcm")
        cfu.memory.contents = memoryview(tcm).cast("B")
    if cfu.dma is not None:
        asked = ctypes.c_void_p.in_dll(dll, "asked")

        def load(address: int, count: int) -> bytes:
            offset = (address - (asked.value or 0) + (1 << 31)) % (1 << 32) - (1 << 31)
            return ctypes.string_at((asked.value or 0) + offset, count)

        cfu.dma.load = load
    ctypes.c_void_p.in_dll(dll, "cfu_model").value = ctypes.cast(function, ctypes.c_void_p).value
    return dll


def compare(name: str, model: Any, seed: int) -> bool:
    """Compare with the evaluator if a kernel of the project runs; False if none does."""
    evaluator = Evaluator(model)
    plan = lower(model, kernels=kernels(name))
    if not any(step.registry not in PLAIN for step in plan.steps):
        return False
    dll = project_library(name)
    tcm = ctypes.addressof(ctypes.c_char.in_dll(dll, "tcm")) if system(name).cfu.memory else 0
    host, rng = HostModel(plan, dll, seed, tcm), np.random.default_rng(seed)
    inputs = random_inputs(model, rng)
    expected = evaluator.run(inputs, keep_layers=True)
    for (op, output), value in host.layers(inputs).items():
        where = f"seed {seed}: {model.operators[op]}: {[s.kernel for s in plan.steps]}"
        np.testing.assert_array_equal(value, expected.layers[op][output], err_msg=where)
    return True


ENGINE = [
    ("mlperf_arty", type)
    for type in (
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "AVERAGE_POOL_2D",
        "MAX_POOL_2D",
        "ADD",
        "MEAN",
        "SUM",
        "PAD",
        "CONCATENATION",
        "CHAIN",
    )
]
OTHER_SIZES = [(name, type) for name in ("engine_ulx3s", "engine_tang20k") for type in ("CONV_2D", "CHAIN")]
PIXEL = [
    ("kws_fomu", type)
    for type in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "AVERAGE_POOL_2D", "CHAIN")
]
MAC4 = [("mac4", type) for type in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "CHAIN")]


@pytest.mark.parametrize(
    ("name", "type"),
    [
        *MAC4,
        *ENGINE,
        ("mlperf_arty:fed", "CHAIN"),
        *OTHER_SIZES,
        *PIXEL,
        ("template", "CONV_2D"),
        ("template", "CHAIN"),
    ],
)
def test_random_shapes(name: str, type: str) -> None:
    """The first 20 of 200 random models that use a kernel of the project."""
    compared = 0
    for seed in range(200):
        try:
            compared += compare(name, random_model(type, seed), seed)
        except ModelError:
            continue
        if compared == 20:
            break
    assert compared >= 10


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "type"),
    [("mac4", "CONV_2D"), ("mac4", "FULLY_CONNECTED"), ("mac4", "CHAIN"), *ENGINE, *OTHER_SIZES, *PIXEL],
)
def test_random_shapes_at_length(name: str, type: str) -> None:
    for seed in range(200, 600):
        try:
            compare(name, random_model(type, seed), seed)
        except ModelError:
            continue


def conv(
    inputs: tuple[int, ...], filters: tuple[int, ...], stride: int, padding: str, groups: int = 1
) -> Any:
    """A convolution of the given shape: input [n, h, w, c], filters [o, kh, kw]."""
    build, rng = ModelBuilder("conv"), np.random.default_rng(sum(inputs) + sum(filters))
    n, h, w, c = inputs
    o, kh, kw = filters
    x = build.tensor("x", inputs, scale=0.02, zero_point=-7)
    weights = rng.integers(-127, 128, (o, kh, kw, c // groups), np.int8)
    scales = list(rng.uniform(0.001, 0.02, o).astype(np.float32))
    filter_ = build.constant("w", weights, scale=scales, zero_point=[0] * o)
    bias = build.constant("b", rng.integers(-2000, 2000, o, np.int32))
    out = (
        (-(-h // stride), -(-w // stride))
        if padding == "SAME"
        else ((h - kh) // stride + 1, (w - kw) // stride + 1)
    )
    y = build.tensor("y", (n, *out, o), scale=0.05, zero_point=4)
    build.operator("CONV_2D", [x, filter_, bias], [y], stride_h=stride, stride_w=stride, padding=padding)
    return build.model([x], [y])


@pytest.mark.parametrize(
    "shape",
    [
        ((1, 5, 5, 8), (8, 1, 1), 1, "VALID", 1),  # pointwise, no gathering
        ((1, 5, 5, 6), (7, 1, 1), 1, "SAME", 1),  # words that reach into the next pixel
        ((2, 3, 3, 4), (5, 3, 3), 1, "SAME", 1),  # two images, and one row left over
        ((1, 7, 6, 6), (9, 3, 2), 2, "SAME", 3),  # groups of three outputs, so blocks cross group borders
        ((1, 4, 4, 8), (2, 4, 4), 1, "VALID", 2),
        ((1, 9, 9, 3), (4, 3, 3), 2, "VALID", 1),
        ((1, 1, 1, 1), (1, 1, 1), 1, "VALID", 1),
        ((1, 49, 10, 1), (12, 10, 4), 2, "SAME", 1),
        ((1, 40, 3, 4), (4, 1, 1), 1, "VALID", 1),  # several tiles
        ((2, 7, 1, 4), (8, 3, 3), 1, "SAME", 1),  # one column, then one row: most of each window is padding
        ((1, 1, 7, 4), (8, 3, 3), 1, "SAME", 1),
        ((1, 9, 8, 4), (4, 2, 2), 3, "VALID", 1),  # inputs between the windows
    ],
)
@pytest.mark.parametrize("name", ["mac4", "template", "mlperf_arty", "kws_fomu"])
def test_shapes_at_the_edges(name: str, shape: Any) -> None:
    inputs, filters, stride, padding, groups = shape
    ran = compare(name, conv(inputs, filters, stride, padding, groups), 0)
    assert ran == (name != "template" or (inputs[0] == groups == 1))  # what the template's supports() accepts
