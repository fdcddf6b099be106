"""How kernels walk through their data: which kinds of data clash how often, if they share lines of the cache.

The roles are "input", "weights", "channels", "scratch", "params" (the parameter struct) and "stack". The figures follow from the
loops of the library's kernels, and a project's kernels are taken to have the same. They are coarse. What matters is that what is
read in every iteration of an inner loop weighs more than what passes by once.
"""

from __future__ import annotations

from math import prod

from cfukit_sw.cache_lines import LINE_BYTES, Clashes
from cfukit_sw.lowering.lowered import Lowered, Op
from cfukit_sw.lowering.packing import conv_row_bytes

_CHANNEL_BYTES = 12  # struct cfukit_channel


def role_of(member: str) -> str:
    """The role of what a member of the parameters points to; "" for outputs, which are only written."""
    if member.startswith("output"):
        return ""
    for role in ("input", "scratch"):
        if member.startswith(role):
            return role
    return "channels" if member in ("channels", "bias") else "weights"


def clashes_of(lowered: Lowered, scratch_bytes: int) -> Clashes:
    """How often a line of one role and a line of another evict each other in a call, if they fall together."""
    op = lowered.op
    if lowered.struct == "cfukit_conv" and (op.type == "CONV_2D" or scratch_bytes):
        return _gathered(op, scratch_bytes) if scratch_bytes else _rows(op)
    if lowered.struct == "cfukit_conv" and op.type == "DEPTHWISE_CONV_2D":
        return _by_channel(op) if op.filter_shape[1:3] == (3, 3) else _by_position(op)
    if lowered.struct == "cfukit_fully_connected":
        blocks = -(-op.output_shape[-1] // 4)
        return {
            ("input", "weights"): 1,
            ("input", "stack"): blocks,
            ("channels", "input"): 1,
            ("scratch", "weights"): 1,
            ("scratch", "stack"): blocks,
            ("params", "stack"): blocks,
        }
    if lowered.struct == "cfukit_table":
        return {("input", "weights"): 8}
    return {("input", "stack"): 1, ("input", "params"): 1, ("params", "stack"): prod(op.output_shape[:-1])}


def _gathered(op: Op, scratch_bytes: int) -> Clashes:
    """Tiles of taps are gathered into scratch. Each meets all blocks of four channels, two of its rows at a time."""
    positions, taps = prod(op.output_shape[:3]), prod(op.filter_shape[1:3])
    blocks = -(-op.output_shape[3] // 4)
    tiles = -(-positions // max(1, scratch_bytes // max(1, conv_row_bytes(op))))
    return {
        ("scratch", "weights"): tiles,
        ("input", "scratch"): tiles,
        ("channels", "scratch"): tiles,
        ("params", "scratch"): tiles,
        ("scratch", "stack"): tiles * blocks,
        ("input", "params"): taps,
        ("input", "stack"): taps,
        ("stack", "weights"): positions // 2,
        ("channels", "stack"): positions // 2,
        ("channels", "weights"): -(-positions // (2 * blocks)),
        ("params", "weights"): tiles,
        ("params", "stack"): positions,
    }


def _rows(op: Op) -> Clashes:
    """As above, with the input itself in the place of scratch: each of its lines is in one tile."""
    positions, blocks = prod(op.output_shape[:3]), -(-op.output_shape[3] // 4)
    return {
        ("input", "weights"): 1,
        ("channels", "input"): 1,
        ("input", "stack"): blocks,
        ("stack", "weights"): positions // 2,
        ("channels", "stack"): positions // 2,
        ("channels", "weights"): -(-positions // (2 * blocks)),
    }


def _by_channel(op: Op) -> Clashes:
    """A band of rows after the other, and in it channel by channel: each reads the whole band. A line of weights serves a few channels.

    The first and the last row are bands of their own. So there are three bands or more, and an input line lies in two of them.
    """
    channels, each = op.output_shape[3], -(-LINE_BYTES // prod(op.filter_shape[1:3]))
    few = -(-LINE_BYTES // _CHANNEL_BYTES)
    return {
        ("input", "weights"): 2 * each,
        ("channels", "input"): 2 * few,
        ("input", "stack"): 2 * channels,
        ("input", "params"): 2 * channels,
        ("params", "stack"): 3 * channels,
        ("stack", "weights"): 3 * each,
        ("params", "weights"): 3 * each,
        ("channels", "stack"): 3 * few,
        ("channels", "params"): 3 * few,
        ("channels", "weights"): 3 * few,
    }


def _by_position(op: Op) -> Clashes:
    """Position by position, four channels at a time: a position reads all weights and one window."""
    positions, taps = prod(op.output_shape[:3]), prod(op.filter_shape[1:3])
    each = LINE_BYTES // 4
    return {
        ("input", "weights"): taps,
        ("channels", "input"): taps,
        ("input", "stack"): taps * each,
        ("input", "params"): taps * each,
        ("stack", "weights"): positions * each,
        ("params", "weights"): positions * each,
        ("channels", "weights"): positions,
        ("channels", "stack"): positions,
        ("params", "stack"): positions * each,
    }
