"""The runtime compiled for this machine: printf against Python, records, and the model server against its model."""

import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfukit_base.protocol import wire
from cfukit_base.protocol.wire import Type
from cfukit_sw.firmware import RUNTIME, build_host
from support import tiny_model
from support.c_programs import ECHO, printf_program


def build(folder: Path, text: str, **options) -> Path:
    source = folder / "main.c"
    source.write_text(text)
    return build_host([source], build_dir=folder / "build", cflags=["-Werror"], **options)


def run(program: Path, stdin: bytes = b"") -> tuple[bytes, list[wire.Answer], int]:
    done = subprocess.run([program], input=stdin, capture_output=True, timeout=300, check=False)
    text, frames, damaged = wire.split(done.stdout)
    assert damaged == 0 and done.stderr == b"", done
    return text, [wire.parse(frame) for frame in frames], done.returncode


def test_text_region_and_exit_code(tmp_path):
    program = build(
        tmp_path,
        """
        #include "cfukit.h"
        static int early(void) { CFUKIT_REGION("early") { return 5; } return 0; }
        static void again(int n) { CFUKIT_REGION("recursive") { if (n > 0) again(n - 1); } }
        int main(void) {
          for (int i = 0; i < 3; i++) {
            CFUKIT_REGION("outer") {
              CFUKIT_REGION("inner") { if (i == 1) continue; puts("in"); }
              CFUKIT_REGION("inner") { }
            }
          }
          again(4);
          return early() + 2;
        }""",
    )
    text, answers, code = run(program)
    assert (text, code) == (b"in\nin\n", 7)
    assert [a for a in answers if isinstance(a, wire.Region)] == [
        wire.Region("outer", 3, 0),
        wire.Region("inner", 3, 0),
        wire.Region("inner", 3, 0),
        wire.Region("recursive", 5, 0),
        wire.Region("early", 1, 0),
    ]
    assert answers[-1] == wire.Exited(0, 7)


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    return build(tmp_path_factory.mktemp("echo"), ECHO)


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=100),
        st.lists(st.sampled_from([0x7F, 0x80, 0xBF, 0xC0, 0xDB, 0xDC, 0xDE])).map(bytes),
    )
)
def test_every_byte_goes_in_and_out(echo, data):
    text, answers, _ = run(echo, wire.encode_stdin(data))
    assert text == data
    assert answers == [wire.Exited(0, len(data) & 127)]


@pytest.mark.parametrize("seed", range(3))
def test_printf_is_pythons(tmp_path, seed):
    source, expected = printf_program(random.Random(seed), 400)
    program = build(tmp_path, '#pragma GCC diagnostic ignored "-Wformat"\n' + source)
    text, _, code = run(program)
    pairs = zip(text.split(b"|"), expected.split(b"|"), source.splitlines()[2:], strict=False)
    assert next((pair for pair in pairs if pair[0] != pair[1]), None) is None
    assert (text, code) == (expected, 0)


def test_printf_edges(tmp_path):
    program = build(
        tmp_path,
        r"""
        #include "cfukit.h"
        #pragma GCC diagnostic ignored "-Wformat"
        #pragma GCC diagnostic ignored "-Wformat-zero-length"
        int main(void) {
          printf("%*d|%-*d|%.*s|%*d|", 5, 42, 4, 7, 2, "abc", -4, 3);
          printf("%p|%%|%zu|%.0d|%5c|%f|%", (void *)0x1234, sizeof(int), 0, 'x');
          return printf("");
        }""",
    )
    text, _, code = run(program)
    assert text == b"   42|7   |ab|3   |0x1234|%|4||    x|%f|%"
    assert code == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    return build(folder, tiny_model.MODEL_C, kind="server", sanitize=True)


requests = st.one_of(
    st.tuples(st.just(Type.HELLO), st.just(b"")),
    st.tuples(st.just(Type.WRITE), st.tuples(st.integers(0, 40), st.binary(max_size=24))).map(
        lambda t: (t[0], t[1][0].to_bytes(4, "little") + t[1][1])
    ),
    st.tuples(st.just(Type.READ), st.tuples(st.integers(0, 40), st.integers(0, 24))).map(
        lambda t: (t[0], t[1][0].to_bytes(4, "little") + t[1][1].to_bytes(4, "little"))
    ),
    st.tuples(st.just(Type.RUN), st.integers(0, 3).map(lambda flags: bytes((flags,)))),
    st.tuples(st.just(Type.STEP), st.just(b"")),
    st.tuples(st.sampled_from([0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0xBF]), st.binary(max_size=9)),
).filter(lambda request: not (request[0] == Type.EXIT and len(request[1]) == 4))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(requests, st.integers(0, 2)), max_size=30))
def test_server_answers_as_its_model(server, sent):
    model = tiny_model.Server()
    frames = [wire.Frame(int(kind), seq, payload) for (kind, payload), seq in sent]
    frames.append(wire.Frame(Type.EXIT, 9, b"\x05\x00\x00\x00"))
    _, answers, code = run(server, b"".join(wire.encode(f.type, f.seq, f.payload) for f in frames))
    assert [tiny_model.comparable(answer) for answer in answers] == [model.answer(frame) for frame in frames]
    assert code == 5


def test_seq_may_wrap_between_two_runs(server):
    """After 256 requests the same seq means another request."""
    script = wire.Script()
    script.run(reset=True)
    for _ in range(255):
        script.read(16, 1)
    script.run()
    script.read(16, 1)
    _, answers, _ = run(server, bytes(script))
    assert answers[0].seq == answers[256].seq == 1
    assert answers[255].data == bytes((0x87,)) and answers[257].data == bytes((0x88,))


def test_a_repetition_is_executed_once_even_after_damage(server):
    """The answer to RUN was lost and its first repetition damaged. The second repetition still counts as the same request."""
    request = wire.run(4, wire.RunFlag(0))
    damaged = request[:3] + b"\x55" + request[4:]
    stream = wire.run(1, wire.RunFlag.RESET) + request + damaged + request + wire.read(5, 16, 1)
    _, answers, _ = run(server, stream)
    kinds = [type(answer).__name__ for answer in answers[:5]]
    assert kinds == ["Done", "Done", "Error", "Done", "Data"]
    assert answers[4].data == bytes((0x88,))  # two inferences since the reset, not three


def test_server_refuses_accesses_at_the_edges(server):
    edges = [
        (64, 0),
        (64, 1),
        (0, 65),
        (63, 1),
        (0xFFFFFFFF, 1),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0, 257),
        (32, 32),
    ]
    stream = b"".join(wire.read(i, offset, count) for i, (offset, count) in enumerate(edges))
    _, answers, _ = run(server, stream)
    codes = [a.code if isinstance(a, wire.Error) else None for a in answers[: len(edges)]]
    assert codes == [None, 4, 4, None, 4, 3, 3, None]


def test_server_answers_damage_and_goes_on(server):
    good = wire.read(7, 0, 4)
    for place in range(1, len(good) - 1):
        broken = good[:place] + bytes((good[place] ^ 0x04,)) + good[place + 1 :]
        _, answers, _ = run(server, broken + good)
        assert answers[0] == wire.Error(0, wire.ErrorCode.DAMAGED)
        assert wire.Data(7, 0, bytes(4)) in answers
    _, answers, _ = run(server, b"\xc0" + b"\x81" * 5000 + b"\xc0" + good)
    assert answers[:2] == [wire.Error(0, wire.ErrorCode.DAMAGED), wire.Data(7, 0, bytes(4))]


def test_programs_that_expect_a_c_library(tmp_path):
    program = build(
        tmp_path,
        """
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        int main(void) {
          char text[8];
          memcpy(text, "abc", 4);
          printf("%d %s", abs(-3), text);
          exit(EXIT_FAILURE);
        }""",
    )
    assert run(program) == (b"3 abc", [wire.Exited(0, 1)], 1)


MEMORY = """
#define memcpy own_memcpy
#define memmove own_memmove
#define memset own_memset
#define memcmp own_memcmp
#define strlen own_strlen
#define strcmp own_strcmp
#include "RUNTIME/memory.c"

static uint8_t a[128], b[128];
static uint32_t seed = 1;
static uint8_t next(void) { return (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24); }

int main(void) {
  for (size_t round = 0; round < 20000; round++) {
    const size_t to = next() & 31, from = next() & 31, bytes = next() & 63;
    for (size_t i = 0; i < sizeof a; i++) a[i] = b[i] = next();
    for (size_t i = 0; i < bytes; i++) b[to + i] = a[from + i];
    memmove(a + to, a + from, bytes);
    if (memcmp(a, b, sizeof a) != 0) return 1;
    memcpy(a + 64 + to, a + from, bytes & 31);
    for (size_t i = 0; i < (bytes & 31); i++) b[64 + to + i] = b[from + i];
    if (memcmp(a, b, sizeof a) != 0) return 2;
    memset(a + to, next(), bytes);
    for (size_t i = 0; i < bytes; i++) b[to + i] = (uint8_t)(seed >> 24);
    for (size_t i = 0; i < sizeof a; i++) if (a[i] != b[i]) return 3;
    a[to] ^= 1;
    if ((memcmp(a, b, sizeof a) > 0) != (a[to] > b[to])) return 4;
  }
  if (strlen("") != 0 || strlen("abc") != 3) return 5;
  if (strcmp("a", "a") != 0 || strcmp("a", "b") >= 0 || strcmp("ab", "a") <= 0 || strcmp("\\xff", "a") <= 0) return 6;
  return 0;
}
"""


def test_memory_functions(tmp_path):
    program = build(tmp_path, MEMORY.replace("RUNTIME", str(RUNTIME)), sanitize=True)
    assert run(program)[2] == 0
