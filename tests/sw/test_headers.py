"""The C headers compile cleanly everywhere, and cannot produce a CFU instruction whose result is dropped."""

import random
from pathlib import Path

import pytest

from cfukit_base import process, tools
from cfukit_base.errors import UsageError
from cfukit_sw.firmware import INCLUDE, RUNTIME, target_flags

STRICT = (
    "-std=c11",
    "-ffreestanding",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wpedantic",
    "-Werror",
)
compilers = pytest.mark.parametrize(
    "compiler", ["zig", pytest.param("gcc", marks=pytest.mark.needs("gcc-riscv")), "host"]
)

EVERYTHING = """
#include "cfu.h"
#include "cfukit.h"
#include "cfukit_model.h"
int use(int a, long b);
int use(int a, long b) {
  uint8_t bytes[4];
  CFUKIT_REGION("one") CFUKIT_REGION("two") a++;
  if (a > 1)
    CFUKIT_REGION("three") { a--; }
  memcpy(bytes, &a, sizeof bytes);
  cfu_op5(127, a, b);
  cfu_barrier();
  cfu_op7(1u, bytes[0], 'x');
  printf("%d %ld %s\\n", a, b, "text");
  const uint32_t nested = cfu_op0(0, cfu_op1(1, a, cfu_op2(2, 1, 2)), cfu_op(6, 64, nested_in(a), 0));
  return (int)nested;
}
""".replace("nested_in(a)", "(int8_t)a")


def compile_text(compiler: str, folder: Path, text: str, *flags: str) -> process.Finished:
    (folder / "main.c").write_text(text)
    if compiler == "host":
        tool, target = tools.host_cc(), ("-DCFUKIT_HOST", "-DCFU_SOFTWARE")
    else:
        tool, target = tools.riscv_cc(compiler), target_flags(compiler)
    argv = [*tool.argv, *target, "-ffreestanding", *flags, f"-I{INCLUDE}", "-c", "main.c", "-o", "main.o"]
    return process.run(argv, cwd=folder, env=tool.env, timeout=300)


@compilers
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_headers_are_clean(compiler, level, tmp_path):
    done = compile_text(compiler, tmp_path, EVERYTHING, *STRICT, level)
    assert done.ok and done.stderr == "", done.stderr


@pytest.mark.parametrize("header", sorted(str(path.relative_to(INCLUDE)) for path in INCLUDE.rglob("*.h")))
def test_each_header_stands_alone(header, tmp_path):
    done = compile_text("zig", tmp_path, f'#include "{header}"\n#include "{header}"\n', *STRICT)
    assert done.ok and done.stderr == "", done.stderr


@compilers
@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("cfu_op0(128, 1, 2)", "funct7 is a constant from 0 to 127"),
        ("cfu_op0(-1, 1, 2)", "funct7 is a constant from 0 to 127"),
        ("cfu_op(8, 0, 1, 2)", "funct3 is a constant from 0 to 7"),
        ("cfu_op0(n, 1, 2)", "constant"),
    ],
)
def test_wrong_function_numbers_do_not_compile(compiler, call, message, tmp_path):
    done = compile_text(compiler, tmp_path, f'#include "cfu.h"\nint f(int n) {{ return (int){call} + n; }}\n')
    assert not done.ok and message in done.stderr


def cfu_words(folder: Path) -> list[int]:
    """The custom-0 instructions of main.o."""
    from elftools.elf.elffile import ELFFile

    with (folder / "main.o").open("rb") as file:
        sections = [s.data() for s in ELFFile(file).iter_sections() if s["sh_flags"] & 4]
    words = [int.from_bytes(data[i : i + 4], "little") for data in sections for i in range(0, len(data), 4)]
    return [word for word in words if word & 0x7F == 0x0B]


@pytest.mark.parametrize("compiler", ["zig", pytest.param("gcc", marks=pytest.mark.needs("gcc-riscv"))])
@pytest.mark.parametrize("level", ["-O0", "-Os", "-O3"])
def test_instructions_are_as_asked_and_results_never_in_x0(compiler, level, tmp_path):
    """Many instructions with unused results under register pressure: all are kept, in order, each with a result register."""
    rng = random.Random(7)
    asked, body = [], []
    for _ in range(200):
        funct3, funct7 = rng.randrange(8), rng.randrange(128)
        use = rng.choice(["", "", "x += ", "(void)"])
        operands = rng.choice([("0", "0"), ("x", "0"), ("y[3]", "x"), ("0", "y[x & 7]")])
        asked.append((funct3, funct7))
        body.append(f"{use}cfu_op{funct3}({funct7}, {operands[0]}, {operands[1]});")
    text = '#include "cfu.h"\nuint32_t f(uint32_t x, const uint32_t *y);\nuint32_t f(uint32_t x, const uint32_t *y) {\n'
    done = compile_text(compiler, tmp_path, text + "\n".join(body) + "return x; }", *STRICT, level)
    assert done.ok, done.stderr
    words = cfu_words(tmp_path)
    assert [(word >> 12 & 7, word >> 25) for word in words] == asked
    assert all(word >> 7 & 31 for word in words)


def test_protocol_numbers_agree_with_python():
    """runtime.h repeats what cfukit_base.protocol.wire defines."""
    from cfukit_base.protocol import wire

    text = (RUNTIME / "runtime.h").read_text()
    names = {member.name: member.value for member in wire.Type if member is not wire.Type.REGION}
    names |= {"REGION_IS": wire.Type.REGION, "PROTOCOL": wire.PROTOCOL, "STACK_OVERFLOW": wire.STACK_OVERFLOW}
    names |= {"VALUE_REFUSED": wire.VALUE_REFUSED}
    names |= {f"ERROR_{member.name}": member.value for member in wire.ErrorCode}
    names |= {f"RUN_{member.name}": member.value for member in wire.RunFlag}
    for name, value in names.items():
        shown = next(
            line.split("=")[1] for line in text.splitlines() if line.strip().startswith(f"CFUKIT_{name} =")
        )
        assert int(shown.split(",")[0], 0) == value, name


def test_an_unknown_tool_is_named():

    with pytest.raises(UsageError, match="'tcc'; one of zig, gcc"):
        tools.riscv_cc("tcc")
