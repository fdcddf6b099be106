"""Conversions of floating point in printf are warned of, with file and line, and nothing else is."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cfukit_sw.firmware import build_host, warnings_of
from cfukit_sw.printf_check import float_warnings
from support.workshop import Workshop

FLOATS = ("%f", "%5.2f", "%-8.3e", "%lf", "%.*g", "%*a", "%LE", "%G", "%+f", "%08.f")
OTHERS = ("%d", "%%f", "%5u", "%-8.3x", "%lld", "%.*s", "%c", "offset", "%%", "%zu", "%p")


@pytest.mark.parametrize("seed", range(20))
def test_each_conversion_is_found_on_its_line(seed: int) -> None:
    rng = random.Random(seed)
    lines, expected = [], []
    for number in range(1, 30):
        parts = [rng.choice((*FLOATS, *OTHERS)) for _ in range(rng.randrange(5))]
        literals = '" PRIu32 "'.join(" ".join(parts[at : at + 2]) for at in range(0, len(parts) or 1, 2))
        call = f'printf ( "{literals}", x);'
        where = rng.choice(("code", "code", "comment", "line comment", "other function"))
        told = where == "code"
        lines.append(
            {
                "code": f'puts("// /* %f"); {call}',
                "comment": f"/* {call} */",
                "line comment": f"// {call}",
                "other function": f"s{call}",
            }[where]
        )
        expected += [(number, part) for part in parts if told and part in FLOATS]
    found = list(float_warnings("a.c", "\n".join(lines)))
    assert found == [
        f"a.c:{number}: warning: printf has no floating point, '{part}' is printed as it is; print integers"
        for number, part in expected
    ]


def test_a_format_of_several_lines_and_one_that_is_no_literal() -> None:
    text = 'int main(void) {\n  printf("%d"\n         "%f\\n", 1, 2.0);\n  printf(format, 2.0);\n}\n'
    assert [line.split(":")[1] for line in float_warnings("a.c", text)] == ["3"]
    assert not list(
        float_warnings("a.c", '/* printf("%f") \n\n printf("%f") */ char c = \'"\'; // printf("%f")')
    )


@pytest.mark.parametrize("engine", ["riscv", "host"])
def test_the_warning_comes_with_the_compilation(tmp_path: Path, engine: str) -> None:
    shop = Workshop(tmp_path)
    source = shop.file('#include "cfukit.h"\nint main(void) {\n  printf("%f %d", 1.5, 2);\n  return 0;\n}\n')
    firmware = (
        shop.build(source) if engine == "riscv" else build_host([source], build_dir=shop.folder / "build")
    )
    assert f"{source}:3: warning: printf has no floating point, '%f'" in warnings_of(firmware)
