"""The operators of TFLM's signal library. Their evaluators have refused everything that is not legal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cfukit_sw.evaluator.signal_filter_bank import log2_table
from cfukit_sw.evaluator.signal_frames import delay_length, framer_sizes, overlap_sizes, rows, stacker_sizes
from cfukit_sw.evaluator.signal_spectrum import transform
from cfukit_sw.fft import radices, real_twiddles, twiddles
from cfukit_sw.lowering.lowered import Bytes, Lowered, Param, TensorAt, described
from cfukit_sw.site import Site


def _lowered(at: Site, struct: str, names: Sequence[str], **params: Param) -> Lowered:
    """A call whose members `names` are the operator's inputs and then its outputs."""
    tensors = (*at.op.inputs, *at.op.outputs)
    places: dict[str, Param] = {name: TensorAt(index) for name, index in zip(names, tensors, strict=True)}
    return Lowered(described(at, at.input(0), at.output()), f"cfukit_{struct}", places | params)


def window(at: Site) -> Lowered:
    x = at.input(0)
    sizes = {"rows": rows(x), "count": x.shape[-1], "shift": at.integer("shift")}
    return _lowered(at, "signal_window", ("input", "weights", "output"), **sizes)


def auto_scale(at: Site) -> Lowered:
    return _lowered(at, "auto_scale", ("input", "output", "bits"), count=at.input(0).elements)


def fft(at: Site) -> Lowered:
    """The tables of both directions differ only in the sign of the imaginary part."""
    x, y, length = transform(at)
    inverse, half = at.op.type == "CUSTOM:SignalIrfft", length // 2
    scratch = length * x.dtype.itemsize
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "twiddles": Bytes(twiddles(x.type, half, inverse).astype(x.dtype).tobytes()),
        "real_twiddles": Bytes(real_twiddles(x.type, half, inverse).astype(x.dtype).tobytes()),
        "radices": Bytes(np.array(radices(half), "<i4").tobytes()),
        "rows": rows(x),
        "samples": x.shape[-1],
        "length": length,
    }
    return Lowered(described(at, x, y), "cfukit_fft", params, scratch_bytes=scratch)


def energy(at: Site) -> Lowered:
    sizes = {
        "first": at.integer("start_index"),
        "last": at.integer("end_index"),
        "count": at.output().elements,
    }
    return _lowered(at, "energy", ("input", "output"), **sizes)


def filter_bank(at: Site) -> Lowered:
    names = ("input", "weights", "unweights", "starts", "places", "widths", "output")
    return _lowered(at, "filter_bank", names, channels=at.integer("num_channels"))


def square_root(at: Site) -> Lowered:
    names = ("input", "bits", "output")
    return _lowered(at, "filter_bank_square_root", names, count=at.input(0).elements)


def spectral_subtraction(at: Site) -> Lowered:
    return _lowered(
        at,
        "spectral_subtraction",
        ("input", "noise", "output", "estimate"),
        count=at.input(0).elements,
        smoothing=(at.integer("smoothing"), at.integer("alternate_smoothing")),
        one_minus=(at.integer("one_minus_smoothing"), at.integer("alternate_one_minus_smoothing")),
        least=at.integer("min_signal_remaining"),
        smoothing_bits=at.integer("smoothing_bits"),
        bits=at.integer("spectral_subtraction_bits"),
        clamps=int(bool(at.option("clamping"))),
    )


def pcan(at: Site) -> Lowered:
    sizes = {"count": at.input(0).elements, "shift": at.integer("snr_shift")}
    return _lowered(at, "pcan", ("input", "noise", "gains", "output"), **sizes)


def filter_bank_log(at: Site) -> Lowered:
    return _lowered(
        at,
        "filter_bank_log",
        ("input", "output"),
        table=Bytes(np.array(log2_table(), "<u2").tobytes()),
        count=at.input(0).elements,
        bits=at.integer("input_correction_bits"),
        scale=at.integer("output_scale"),
    )


def framer(at: Site) -> Lowered:
    x = at.input(0)
    size, step, prefill, kept = framer_sizes(at)
    sizes = {"frame_size": size, "frame_step": step, "kept": kept, "prefill": int(prefill)}
    names = ("input", "history", "steps", "output", "valid")
    return _lowered(at, "framer", names, rows=rows(x), frames=x.shape[-1] // step, **sizes)


def stacker(at: Site) -> Lowered:
    channels, left, frames, step = stacker_sizes(at)
    names = ("input", "history", "state", "output", "valid")
    return _lowered(at, "stacker", names, channels=channels, left=left, frames=frames, step=step)


def delay(at: Site) -> Lowered:
    x = at.input(0)
    sizes = {"rows": rows(x), "count": x.shape[-1], "length": delay_length(at)}
    return _lowered(at, "delay", ("input", "history", "output"), **sizes)


def overlap_add(at: Site) -> Lowered:
    _, outer, frames, size, step = overlap_sizes(at)
    sizes = {"rows": outer, "frames": frames, "size": size, "step": step}
    return _lowered(at, "overlap_add", ("input", "state", "output"), **sizes)
