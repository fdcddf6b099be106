"""What is said of a program that was stopped."""

from __future__ import annotations

import pytest

from cfukit_base.process import in_parallel
from cfukit_base.whereabouts import Stopped, Whereabouts

SPIN = Whereabouts(
    program="loop.c", cycles=1_234_567, pc=0x4000_0F0C, function="spin", file="/home/me/loop.c", line=3
)


def test_place_and_sentence() -> None:
    bare = Whereabouts(program="a.elf", cycles=5, pc=16)
    assert SPIN.place == "in spin (loop.c:3)"
    assert str(SPIN) == "loop.c: stopped after 1,234,567 cycles at pc 0x40000f0c in spin (loop.c:3)"
    assert bare.place == "at pc 0x00000010" and str(bare).endswith("5 cycles at pc 0x00000010")


def test_one_stop_of_several_programs_keeps_each_place_once() -> None:
    other = Whereabouts(program="b", cycles=1, pc=0)
    known = Stopped.of([KeyboardInterrupt(), Stopped([SPIN], "a"), Stopped([SPIN, other]), ValueError()])
    assert known.running == (SPIN, other) and known.output == "a"


def test_programs_in_threads_tell_where_they_were() -> None:
    """The stop comes in one thread first, as if a signal had come; the others end with it."""

    def work(number: int) -> None:
        raise Stopped([Whereabouts(program=str(number), cycles=number, pc=0)])

    with pytest.raises(Stopped) as stopped:
        in_parallel(work, [7], 2)
    assert [at.program for at in stopped.value.running] == ["7"]
