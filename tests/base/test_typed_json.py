"""Reading typed JSON in several threads at once."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from cfukit_base.typed_json import decoded

# Types that nobody has used before, each first used by four threads at the same time.
PROGRAM = """
import sys, threading, msgspec
from dataclasses import make_dataclass
from cfukit_base.typed_json import decoded

def plain(data, type):
    return msgspec.json.decode(data, type=type)

read = {"decoded": decoded, "plain": plain}[sys.argv[1]]
sys.setswitchinterval(1e-6)
for round in range(400):
    inner = make_dataclass("Inner", [(f"a{k}", int) for k in range(20)])
    outer = make_dataclass("Outer", [("x", inner), ("y", dict[str, inner])])
    whole = b'{"x": {%s}, "y": {}}' % b", ".join(b'"a%d": 1' % k for k in range(20))
    barrier = threading.Barrier(4)
    found = []
    def work():
        barrier.wait()
        found.append(read(whole, outer))
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(value.x.a19 == 1 for value in found)
"""


def test_threads_may_use_a_type_for_the_first_time_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, "decoded"], capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize(("text", "type"), [("1", str), ("[1", list), ("", int)])
def test_another_type_or_no_json_is_an_error(text: str, type: type) -> None:
    with pytest.raises(msgspec.DecodeError):
        decoded(text, type)


def test_a_value_has_its_type() -> None:
    assert decoded(b'{"a": [1, 2]}', dict[str, tuple[int, ...]]) == {"a": (1, 2)}
