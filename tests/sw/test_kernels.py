"""The C kernels against the evaluator on this machine: every operator type, both registries, random shapes and values."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfukit_base.errors import ModelError
from cfukit_base.protocol import wire
from cfukit_sw import fixed_point
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.evaluator.calls import CALLS
from cfukit_sw.firmware import build_host
from cfukit_sw.lower import lower
from cfukit_sw.lowering import LOWERINGS
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.model_c import write_model
from cfukit_sw.quantization import quantize_multiplier
from cfukit_tools.firmware import script as inference
from support.kernels import HostModel, shared_object
from support.models import all_types, random_inputs, random_model

TYPES = sorted(set(all_types()) & {*LOWERINGS, *CALLS, "CHAIN", "NETWORK", "AUDIO"})
SEEDS = 12


def legal_models(type: str, seeds: range) -> Iterator[tuple[int, Model]]:
    """Random models. Those that the evaluator refuses are left out, since nothing says what is right for them."""
    for seed in seeds:
        model = random_model(type, seed)
        try:
            Evaluator(model)
        except ModelError:
            continue
        yield seed, model


def compare(model: Model, host: HostModel, seed: int, samples: int = 2) -> None:
    """The output of every operator in a few inferences. Variables carry over from one to the next."""
    evaluator, rng = Evaluator(model), np.random.default_rng(seed)
    for sample in range(samples):
        inputs = random_inputs(model, rng)
        expected, got = evaluator.run(inputs, keep_layers=True), host.layers(inputs)
        for (op, output), value in got.items():
            where = (
                f"seed {seed}, sample {sample}: {model.operators[op]}: {[s.kernel for s in host.plan.steps]}"
            )
            np.testing.assert_array_equal(value, expected.layers[op][output], err_msg=where)
        for tensor, want in zip(host.plan.outputs, expected.outputs, strict=True):
            np.testing.assert_array_equal(host.read(tensor), want)


@pytest.mark.parametrize("registry", ["portable", "reference"])
@pytest.mark.parametrize("type", TYPES)
def test_kernels_equal_the_evaluator(type: str, registry: str) -> None:
    for seed, model in legal_models(type, range(SEEDS)):
        compare(model, HostModel(lower(model, registry=registry), seed=seed), seed)


@pytest.mark.long
@pytest.mark.parametrize("type", TYPES)
def test_kernels_equal_the_evaluator_at_length(type: str) -> None:
    for seed, model in legal_models(type, range(SEEDS, 500)):
        for registry in ("portable", "reference"):
            compare(model, HostModel(lower(model, registry=registry), seed=seed), seed)


@pytest.mark.slow
def test_linked_packaging_under_the_address_sanitizer(tmp_path: Path) -> None:
    """model.c, constants and kernels as a program for this machine: the same outputs, and no access outside any object."""
    for type in ("CHAIN", "CONV_2D", "CONCATENATION", "READ_VARIABLE", "IF", "WHILE"):
        model = random_model(type, 5)
        plan = lower(model)
        sources = write_model(plan, tmp_path / type)
        program = build_host(sources, build_dir=tmp_path, kind="server", sanitize=True)
        inputs = random_inputs(model, np.random.default_rng(5))
        script = wire.Script()
        inference.start(script, plan, inputs)
        inference.read_outputs(script, plan)
        script.exit()
        done = subprocess.run([program], input=bytes(script), capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr.decode()
        answers = [wire.parse(frame) for frame in wire.split(done.stdout)[1]]
        data = inference.output_bytes(answers)
        assert data == b"".join(array.tobytes() for array in Evaluator(model).run(inputs).outputs)


@pytest.mark.parametrize("shape", [(1, 2), (3, 1), (7, 9), (31, 17), (50, 99), (62, 80), (71, 71)])
def test_means_around_every_tie(shape: tuple[int, int]) -> None:
    """Global average pools whose sums lie on a half or next to it. The portable kernel multiplies if the count allows, else divides."""
    count = shape[0] * shape[1]
    build = ModelBuilder("mean")
    x = build.tensor("x", (1, *shape, 1), scale=0.1, zero_point=0)
    y = build.tensor("y", (1, 1, 1, 1), scale=0.1, zero_point=0)
    options = {"filter_height": shape[0], "filter_width": shape[1], "stride_h": 1, "stride_w": 1}
    build.operator("AVERAGE_POOL_2D", [x], [y], padding="VALID", **options)
    model = build.model([x], [y])
    hosts = [HostModel(lower(model, registry=registry)) for registry in ("portable", "reference")]
    for value in (-128, -127, -2, -1, 0, 1, 125, 126):
        for above in {0, 1, count // 2 - 1, count // 2, (count + 1) // 2, count // 2 + 1, count - 1} & set(
            range(count)
        ):
            array = np.full(count, value, np.int8)
            array[:above] += 1
            array = array.reshape(1, *shape, 1)
            (want,) = Evaluator(model).run([array]).outputs
            for host in hosts:
                assert host.run([array]) == [want], (host.plan.registry, value, above)


# --- the fixed-point functions -------------------------------------------------------------------------------------------

WRAPPER = """
#include "cfukit_fixed_point.h"
int32_t t_srdhm(int32_t a, int32_t b) { return cfukit_srdhm(a, b); }
int32_t t_rounding_shift(int32_t x, int32_t e) { return cfukit_rounding_shift(x, e); }
int32_t t_multiply(int32_t x, int32_t m, int32_t s) { return cfukit_multiply(x, m, s); }
int32_t t_multiply_small(int32_t x, int32_t m, int32_t right) { return cfukit_multiply_small(x, m, right); }
int32_t t_output(int32_t x, int32_t m, int32_t right, int32_t zp, int32_t low, int32_t high) {
  const struct cfukit_rescale r = cfukit_rescale(m, right, zp, low);
  int8_t a, b;
  cfukit_output_pair(&r, x, x, low, high, &a, &b);
  const int8_t one = cfukit_output(&r, x, low, high);
  return a == b && a == one ? a : 1000;
}
int32_t t_srdhm_any(int32_t a, int32_t b) { return cfukit_srdhm_any(a, b); }
int32_t t_multiply_any(int32_t x, int32_t m, int32_t s) { return cfukit_multiply_any(x, m, s); }
int32_t t_exp(int32_t a, int32_t i) {
  const int32_t e = cfukit_exp(a, i, cfukit_srdhm);
  return e == cfukit_exp(a, i, cfukit_srdhm_any) ? e : -1;
}
int32_t t_reciprocal_1p(int32_t f) {
  const int32_t r = cfukit_reciprocal_1p(f, cfukit_srdhm);
  return r == cfukit_reciprocal_1p(f, cfukit_srdhm_any) ? r : -1;
}
"""


@pytest.fixture(scope="module")
def c(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    source = tmp_path_factory.mktemp("wrapper") / "wrapper.c"
    prototypes = "\n".join(
        line.split("{")[0] + ";" for line in WRAPPER.splitlines() if line.startswith("int32_t t_")
    )
    source.write_text("#include <stdint.h>\n" + prototypes + WRAPPER)
    return shared_object((source,))


int32s = st.integers(-(2**31), 2**31 - 1) | st.sampled_from(
    [-(2**31), -(2**31) + 1, -1, 0, 1, 2**30, 2**31 - 1]
)
small = st.integers(-(2**29) + 1, 2**29 - 1) | st.sampled_from([-(2**29) + 1, -1, 0, 1, 2**29 - 1])
multipliers = st.integers(2**30, 2**31 - 1) | st.sampled_from([0, 2**30, 2**30 + 1, 2**31 - 1])


def one(value: int) -> np.ndarray:
    return np.array(value, np.int64)


@given(int32s, int32s)
@settings(max_examples=500, deadline=None)
def test_srdhm(c, a: int, b: int) -> None:  # type: ignore[no-untyped-def]
    expected = int(fixed_point.srdhm(one(a), one(b)))
    assert c.t_srdhm(a, b) == expected
    if (a, b) != (-(2**31), -(2**31)):
        assert c.t_srdhm_any(a, b) == expected


@given(int32s, st.integers(0, 31))
@settings(max_examples=500, deadline=None)
def test_rounding_shift(c, x: int, e: int) -> None:  # type: ignore[no-untyped-def]
    assert c.t_rounding_shift(x, e) == int(fixed_point.rounding_shift(one(x), e))


@given(int32s, multipliers, st.integers(-31, 12))
@settings(max_examples=500, deadline=None)
def test_multiply(c, x: int, m: int, s: int) -> None:  # type: ignore[no-untyped-def]
    expected = int(fixed_point.multiply(one(x), m, s))
    assert c.t_multiply(x, m, s) == c.t_multiply_any(x, m, s) == expected


@given(small, multipliers, st.integers(0, 31))
@settings(max_examples=1000, deadline=None)
def test_multiply_small(c, x: int, m: int, right: int) -> None:  # type: ignore[no-untyped-def]
    assert c.t_multiply_small(x, m, right) == int(fixed_point.multiply(one(x), m, -right))


def expected_output(x: int, m: int, right: int, zero_point: int, low: int, high: int) -> int:
    return min(max(int(fixed_point.multiply(one(x), m, -right)) + zero_point, low), high)


@given(small, multipliers, st.integers(0, 20), st.integers(-128, 127), st.data())
@settings(max_examples=1500, deadline=None)
def test_output(c, x: int, m: int, right: int, zero_point: int, data) -> None:  # type: ignore[no-untyped-def]
    low = data.draw(st.sampled_from([-128, zero_point]) | st.integers(-128, zero_point))
    high = data.draw(st.just(127) | st.integers(low, 127))
    assert c.t_output(x, m, right, zero_point, low, high) == expected_output(
        x, m, right, zero_point, low, high
    )


@pytest.mark.parametrize("right", range(0, 21))
def test_output_around_every_tie(c, right: int) -> None:  # type: ignore[no-untyped-def]
    """Sums next to the step from one output to the next: ties of both roundings, with either sign."""
    for m in (2**30, 2**30 + 1, 1518500250, 2**31 - 1):
        for output in (-128, -3, -2, -1, 0, 1, 2, 127):
            for half in (-1, 0, 1):
                centre = round((2 * output + half) * 2 ** (30 + right) / m)
                for x in range(centre - 3, centre + 4):
                    if abs(x) < 2**29:
                        assert c.t_output(x, m, right, 0, -128, 127) == expected_output(
                            x, m, right, 0, -128, 127
                        )


@given(st.integers(-(2**31) + 1, 0))
@settings(max_examples=500, deadline=None)
def test_exp(c, a: int) -> None:  # type: ignore[no-untyped-def]
    for integer_bits in (4, 5):
        assert c.t_exp(a, integer_bits) == int(fixed_point.exp_negative(one(a), integer_bits))


@given(st.integers(0, 2**31 - 1))
@settings(max_examples=500, deadline=None)
def test_reciprocal(c, f: int) -> None:  # type: ignore[no-untyped-def]
    assert c.t_reciprocal_1p(f) == int(fixed_point.reciprocal_of_one_plus(one(f)))


def test_multipliers_of_the_host_are_in_range() -> None:
    for real in (0.0, 1e-12, 0.25, 0.4999999, 0.5, 0.9999999999, 1.0, 1.5, 1e4):
        m, s = quantize_multiplier(real)
        assert m == 0 or 2**30 <= m < 2**31
        assert -31 <= s <= 30
