"""Random models of the operators with variable tensors, and chains of several operators. See support.models."""

from __future__ import annotations

import numpy as np

from cfukit_sw.model import Model
from support.models import ACTIVATIONS, Case, builds


@builds("SVDF")
def _svdf(case: Case) -> Model:
    batch, depth, units, rank, memory = (case.whole(1, n) for n in (3, 20, 6, 3, 10))
    type = case.pick(["int16", "int16", "int8"])
    filters = units * rank
    x = case.image((batch, depth))
    features = case.weights((filters, depth), 0, per_channel=False)
    limit = np.iinfo(type)
    data = case.rng.integers(limit.min + 1, limit.max, (filters, memory)).astype(type)
    times = case.build.constant("t", data, scale=case.scale(1e-5, 1e-3), zero_point=0)
    state_scale = case.sum_scale(x, features, depth) / (256 if type == "int16" else 1)
    state = case.build.tensor(
        "s", (batch, memory * filters), type, scale=state_scale, zero_point=0, variable=True
    )
    bias = case.build.constant("b", case.rng.integers(-999, 999, units).astype(np.int32), scale=1e-6)
    sums = float(case.build.tensors[state].scale) * float(case.build.tensors[times].scale)
    y = case.out((batch, units), sums * float(limit.max) ** 2 * memory / 200 * case.scale(0.1, 1))
    names = ["RELU", "NONE", "RELU6", "RELU_N1_TO_1", "TANH", "SIGN_BIT"]  # only float32 has them
    options = {"rank": rank, "fused_activation_function": case.pick(names)}
    return case.done([x, features, times, bias, state], [y], **options)


@builds("UNIDIRECTIONAL_SEQUENCE_LSTM")
def _lstm(case: Case) -> Model:
    batch, steps, depth, cells = (case.whole(1, n) for n in (3, 6, 10, 9))
    major = case.chance(0.3)
    order = (steps, batch) if major else (batch, steps)
    type = case.activations()
    symmetric = {"zero_point": 0} if type == "int16" else {}
    x = case.image(
        (*order, depth), type, scale=case.scale(0.001, 0.2) / (64 if symmetric else 1), **symmetric
    )
    gates = [case.weights((cells, depth), 0, False) for _ in range(4)]
    recurrent = [case.weights((cells, cells), 0, False) for _ in range(4)]
    spread, kind = (9999, np.int32) if type == "int8" else (case.pick([99999, 1 << 30]), np.int64)
    biases = [
        case.build.constant("b", case.rng.integers(-spread, spread, cells).astype(kind), scale=1e-4)
        for _ in range(4)
    ]
    point, scale = (0, 2.0**-15) if symmetric else (case.zero_point(), 1 / 128)
    hidden = case.build.tensor("h", (batch, cells), type, scale=scale, zero_point=point, variable=True)
    power = case.pick([-11, -12, -13, -15, -10])
    cell = case.build.tensor("c", (batch, cells), "int16", scale=2.0**power, zero_point=0, variable=True)
    y = case.out((*order, cells), scale, point, type)
    inputs = [x, *gates, *recurrent, -1, -1, -1, *biases, -1, -1, hidden, cell, -1, -1, -1, -1]
    clip = case.pick([0.0, 0.0, 1.5])
    return case.done(
        inputs,
        [y],
        fused_activation_function=case.pick(["TANH", "TANH", "TANH", "NONE"]),
        cell_clip=clip,
        time_major=major,
    )


@builds("CUSTOM:CIRCULAR_BUFFER")
def _circular_buffer(case: Case) -> Model:
    """An input and what the buffer holds, each behind a RELU."""
    width, depth, slots = (case.whole(1, n) for n in (3, 6, 8))
    slots, cycles = case.pick([(slots, 1), (slots, 1), (case.pick([5, 13, 25]), 0)])
    if case.chance(0.4):
        cycles = case.pick([0, 2, 3])
    quantised = {"scale": case.scale(), "zero_point": case.zero_point()}
    x, build = case.image((1, 1, width, depth), **quantised), case.build
    newest = build.tensor("n", (1, 1, width, depth), **quantised)
    build.operator("RELU", [x], [newest])
    buffer = build.tensor("b", (1, slots, width, depth), **quantised, variable=True)
    build.operator(case.type, [newest], [buffer], cycles_max=cycles)
    y = build.tensor("y", (1, slots, width, depth), **quantised)
    build.operator("RELU", [buffer], [y])
    return build.model(case.inputs, [y])


@builds("CHAIN")
def _chain(case: Case) -> Model:
    """Convolution, pool, shortcut addition, reshape, dense, softmax: a small network."""
    size, channels = case.whole(2, 6) * 2, case.whole(1, 6)
    build = case.build
    x = case.image((1, size, size, 3))
    filters = case.weights((channels, 3, 3, 3), 0, per_channel=True)
    a = build.tensor("a", (1, size, size, channels), scale=case.sum_scale(x, filters, 27), zero_point=-128)
    b = build.tensor("b", (1, size, size, channels), scale=case.scale(0.02, 0.2), zero_point=3)
    depths = case.weights((1, 3, 3, channels), 3, per_channel=True)
    same = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    options = {**same, "fused_activation_function": case.pick(ACTIVATIONS)}
    build.operator("CONV_2D", [x, filters, case.bias(x, filters, channels, 27)], [a], **options)
    build.operator(
        "DEPTHWISE_CONV_2D", [a, depths, case.bias(a, depths, channels, 9)], [b], depth_multiplier=1, **same
    )
    c = build.tensor(
        "c", (1, size, size, channels), scale=case.scale(0.02, 0.2), zero_point=case.zero_point()
    )
    build.operator("ADD", [a, b], [c])
    d = case.like(c, (1, size // 2, size // 2, channels))
    halves = {"padding": "VALID", "stride_h": 2, "stride_w": 2, "filter_height": 2, "filter_width": 2}
    build.operator(case.pick(["MAX_POOL_2D", "AVERAGE_POOL_2D"]), [c], [d], **halves)
    terms = size * size * channels // 4
    e = case.like(c, (1, terms))
    build.operator("RESHAPE", [d, case.ints("shape", (1, terms))], [e], new_shape=(1, terms))
    weights = case.weights((5, terms), 0, per_channel=False)
    f = case.out((1, 5), case.sum_scale(e, weights, terms))
    build.operator("FULLY_CONNECTED", [e, weights, case.bias(e, weights, 5, terms)], [f])
    case.type = "SOFTMAX"
    return case.done([f], [case.out((1, 5), 1 / 256, -128)], beta=1.0)
