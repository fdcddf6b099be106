"""The runtime's C library against this machine's, with random arguments; and a public program's worth of it on the host."""

from __future__ import annotations

import ctypes
import functools
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cfukit_base.cache import user_cache
from cfukit_base.protocol import wire
from cfukit_sw.firmware import INCLUDE, RUNTIME, build_firmware, build_host
from support.kernels import shared_object
from support.socs import make_soc

NAMES = [
    *(
        "memchr",
        "strnlen",
        "strncmp",
        "strcpy",
        "strncpy",
        "strcat",
        "strncat",
        "strchr",
        "strrchr",
        "strstr",
    ),
    *(
        "strpbrk",
        "strspn",
        "strcspn",
        "strtok",
        "atoi",
        "atol",
        "strtol",
        "strtoul",
        "qsort",
        "bsearch",
        "rand",
        "srand",
    ),
]
CTYPE = [
    *(
        "isdigit",
        "isupper",
        "islower",
        "isalpha",
        "isalnum",
        "isxdigit",
        "isspace",
        "isblank",
        "isgraph",
        "isprint",
    ),
    *("ispunct", "iscntrl", "toupper", "tolower"),
]
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_int32))
LONG = ctypes.c_long
ROOM = 64

texts = st.binary(max_size=20).map(lambda text: text.replace(b"\0", b"z"))
few = st.lists(st.sampled_from([b"a", b"b", b"ab", b"\xff", b" "]), max_size=12).map(b"".join)
numbers = st.tuples(
    st.sampled_from([b"", b" ", b"\t\n "]),
    st.sampled_from([b"", b"-", b"+", b"--"]),
    st.sampled_from([b"", b"0", b"0x", b"0X", b"00"]),
    st.one_of(
        st.integers(0, 2**66).map(lambda n: b"%d" % n),
        st.integers(0, 2**66).map(lambda n: b"%x" % n),
        st.sampled_from([b"", b"9223372036854775807", b"9223372036854775808", b"18446744073709551615"]),
    ),
    st.sampled_from([b"", b"g", b" 1", b"Z9"]),
).map(b"".join)


@functools.cache
def own() -> ctypes.CDLL:
    """The runtime's functions as own_NAME."""
    source = user_cache() / "test-libc.c"
    lines = [f"#define {name} own_{name}" for name in NAMES]
    lines += [f'#include "{RUNTIME}/string.c"', f'#include "{RUNTIME}/stdlib.c"']
    lines += [f"int own_{name}(int c);\nint own_{name}(int c) {{ return {name}(c); }}" for name in CTYPE]
    source.write_text("\n".join([*lines, ""]))
    return shared_object([source], [f"-I{INCLUDE}/libc"])


LIBC = ctypes.CDLL(None)


def both(name: str, result: type, *arguments: object) -> tuple[object, object]:
    """What the runtime's and this machine's function give for the same arguments."""
    found = []
    for function in (getattr(own(), f"own_{name}"), getattr(LIBC, name)):
        function.restype = result
        found.append(function(*arguments))
    return found[0], found[1]


def sign(value: object) -> int:
    assert isinstance(value, int)
    return (value > 0) - (value < 0)


@pytest.mark.parametrize("name", ["strstr", "strpbrk", "strspn", "strcspn", "strchr", "strrchr"])
@given(text=few, part=few, character=st.sampled_from([0, ord("a"), ord("b"), 255, 256 + ord("a"), -1]))
@settings(deadline=None, max_examples=150)
def test_searching_a_text(name: str, text: bytes, part: bytes, character: int) -> None:
    buffer = ctypes.create_string_buffer(text)
    second: object = ctypes.c_int(character) if name in ("strchr", "strrchr") else ctypes.c_char_p(part)
    got, wanted = both(name, ctypes.c_size_t, buffer, second)
    assert got == wanted


@given(data=texts, byte=st.integers(-1, 400), count=st.integers(0, 20))
@settings(deadline=None)
def test_memchr_and_strnlen(data: bytes, byte: int, count: int) -> None:
    buffer = ctypes.create_string_buffer(data, 32)
    for name, arguments in (
        ("memchr", (buffer, byte, ctypes.c_size_t(count))),
        ("strnlen", (buffer, ctypes.c_size_t(count))),
    ):
        got, wanted = both(name, ctypes.c_size_t, *arguments)
        assert got == wanted


@given(a=few, b=few, count=st.integers(0, 14))
@settings(deadline=None)
def test_strncmp(a: bytes, b: bytes, count: int) -> None:
    got, wanted = both(
        "strncmp", ctypes.c_int, ctypes.c_char_p(a), ctypes.c_char_p(b), ctypes.c_size_t(count)
    )
    assert sign(got) == sign(wanted)


@pytest.mark.parametrize("name", ["strcpy", "strcat", "strncpy", "strncat"])
@given(before=texts, text=texts, count=st.integers(0, 24))
@settings(deadline=None)
def test_copying_a_text(name: str, before: bytes, text: bytes, count: int) -> None:
    found = []
    for function in (getattr(own(), f"own_{name}"), getattr(LIBC, name)):
        function.restype = ctypes.c_size_t
        buffer = ctypes.create_string_buffer(before + b"\0" + b"\xa5" * (ROOM - len(before) - 1), ROOM)
        more = (ctypes.c_size_t(count),) if name.startswith("strn") else ()
        assert function(buffer, ctypes.c_char_p(text), *more) == ctypes.addressof(buffer)
        found.append(buffer.raw)
    assert found[0] == found[1]


@given(text=few, separators=few)
@settings(deadline=None)
def test_strtok(text: bytes, separators: bytes) -> None:
    found = []
    for function in (own().own_strtok, LIBC.strtok):
        function.restype = ctypes.c_char_p
        buffer, parts = ctypes.create_string_buffer(text), []
        part = function(buffer, ctypes.c_char_p(separators))
        while part is not None:
            parts.append(part)
            part = function(None, ctypes.c_char_p(separators))
        found.append((parts, buffer.raw))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["strtol", "strtoul"])
@given(text=numbers, base=st.sampled_from([0, 2, 8, 10, 16, 36]))
@example(text=b"-9223372036854775808", base=10)
@example(text=b"-18446744073709551615", base=10)
@example(text=b"-18446744073709551616", base=10)
@example(text=b"0x", base=0)
@settings(deadline=None, max_examples=300)
def test_numbers(name: str, text: bytes, base: int) -> None:
    buffer, found = ctypes.create_string_buffer(text), []
    for function in (getattr(own(), f"own_{name}"), getattr(LIBC, name)):
        function.restype = LONG
        end = ctypes.c_void_p()
        value = function(buffer, ctypes.byref(end), base)
        found.append((value, (end.value or 0) - ctypes.addressof(buffer)))
    assert found[0] == found[1]


@given(text=numbers)
@settings(deadline=None)
def test_atoi(text: bytes) -> None:
    for name, result in (("atoi", ctypes.c_int), ("atol", LONG)):
        got, wanted = both(name, result, ctypes.c_char_p(text))
        assert got == wanted


def by_value(a: Sequence[int], b: Sequence[int]) -> int:
    return (a[0] > b[0]) - (a[0] < b[0])


@given(values=st.lists(st.integers(-20, 20), max_size=40), key=st.integers(-22, 22))
@settings(deadline=None)
def test_sorting_and_searching(values: list[int], key: int) -> None:
    array, compare = (ctypes.c_int32 * len(values))(*values), COMPARE(by_value)
    own().own_qsort(array, ctypes.c_size_t(len(values)), ctypes.c_size_t(4), compare)
    assert list(array) == sorted(values)
    own().own_bsearch.restype = ctypes.c_size_t
    at = own().own_bsearch(
        ctypes.byref(ctypes.c_int32(key)), array, ctypes.c_size_t(len(values)), ctypes.c_size_t(4), compare
    )
    assert (at != 0) == (key in values)
    assert at == 0 or array[(at - ctypes.addressof(array)) // 4] == key


@pytest.mark.parametrize("name", CTYPE)
def test_characters(name: str) -> None:
    for character in range(-1, 128):
        got, wanted = both(name, ctypes.c_int, character)
        assert got == wanted if name.startswith("to") else bool(got) == bool(wanted), character


def test_rand_repeats_and_fills_its_range() -> None:
    library = own()
    first = [library.own_rand() for _ in range(2000)]
    library.own_srand(1)
    assert [library.own_rand() for _ in range(2000)] == first
    assert min(first) >= 0 and max(first) <= 32767 and len(set(first)) > 1500


def test_a_program_that_uses_all_of_it(tmp_path: Path) -> None:
    """Compiled and linked for the system, with all warnings."""
    source = tmp_path / "main.c"
    source.write_text(
        """
        #include <assert.h>
        #include <ctype.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        static int order(const void *a, const void *b) { return *(const char *)a - *(const char *)b; }
        int main(void) {
          char text[64] = "key=12;rest", copy[64], *end;
          strcpy(copy, text); strncat(copy, " and", 2); strcat(copy, "!"); strncpy(copy + 40, text, 8);
          assert(memchr(text, '=', 8) == strchr(text, '=') && strrchr(text, 't') == strstr(text, "t"));
          assert(strncmp(text, "key", 3) == 0 && strpbrk(text, ";=") == text + strcspn(text, "=") && strspn(text, "yek") == 3);
          assert(strtol(text + 4, &end, 10) == 12 && *end == ';' && strtoul("ff", 0, 16) == 255 && atoi("7") == atol("7"));
          qsort(text, strnlen(text, 64), 1, order);
          assert(bsearch("k", text, strlen(text), 1, order) != 0 && strtok(copy, "=") == copy && toupper('a') == 'A');
          srand(2);
          printf("%s %d %d\\n", text, isspace(' '), labs(-3L) == abs(-3));
          assert(rand() < 0);
          return 0;
        }"""
    )
    soc = make_soc("sim", tmp_path / "soc")
    build_firmware([source], soc, build_dir=tmp_path, cflags=["-Werror"])
    program = build_host([source], build_dir=tmp_path, cflags=["-Werror"])
    done = subprocess.run([program], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    text = wire.split(done.stdout)[0].decode()
    assert (
        done.returncode == 134
        and text.startswith("12;=eekrsty 1 1\n")
        and "assertion failed: rand() < 0" in text
    )
