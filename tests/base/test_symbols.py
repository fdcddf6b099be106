"""Functions and lines of addresses, for programs whose source fixes them."""

from pathlib import Path

import pytest

from cfukit_base.symbols import Location, functions, locate, symbol
from cfukit_soc.image import memory_image
from support.bare import assemble, compile_c
from support.socs import memory, soc_of

# Every instruction has 4 bytes (no C extension), so the source fixes the address of every line.
ASSEMBLY = """\
  .globl main
  .type main, @function
main:
  addi a0, zero, 1
  addi a0, a0, 2

  # a comment, then an empty line
  addi a0, a0, 3
  ret
  .size main, . - main
plain_label:
  addi a1, zero, 4
.Lhidden:
  addi a1, a1, 5
  ret
  .type tiny, @function
tiny:
  lui a2, %hi(a_variable)
  .data
a_variable:
  .word 7
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assemble(ASSEMBLY, tmp_path_factory.mktemp("assembly"))


def test_every_instruction_has_its_line_and_function(program: Path) -> None:
    code = [
        number
        for number, text in enumerate(ASSEMBLY.splitlines(), 1)
        if text.startswith("  ") and text.split()[0] in ("addi", "ret", "lui")
    ]
    pc = symbol(program, "main")
    for order, line in enumerate(code):
        name = "main" if order < 4 else "plain_label" if order < 7 else "tiny"
        expected = Location(name, str(program.parent / "program.s"), line)
        for byte in range(4):
            assert locate(program, pc + 4 * order + byte) == expected


def test_addresses_outside_the_program_have_no_place(program: Path) -> None:
    first, end = symbol(program, "_start"), symbol(program, "tiny") + 4
    for pc in (0, first - 1, end, end + 100, 0xFFFF_FFFF):
        assert locate(program, pc) == Location(), hex(pc)
    assert str(Location()) == ""


def test_a_variable_is_a_symbol_but_not_a_function(program: Path) -> None:
    assert locate(program, symbol(program, "a_variable")).function == ""
    with pytest.raises(KeyError):
        symbol(program, "no_such_symbol")


def test_a_place_is_written_as_compilers_write_it() -> None:
    assert str(Location("f", "a.c", 3)) == "a.c:3 in f()"
    assert str(Location("f")) == "f()"
    assert str(Location("", "a.c", 3)) == "a.c:3"


C_PROGRAM = """\
static int __attribute__((noinline)) twice(int x) {
  return x + x;
}
int __attribute__((noinline)) removed(int x) {
  return x / 3;
}
int __attribute__((noinline)) thrice(int x) {
  return twice(x) + x;
}
int main(void) {
  return thrice(get());
}
"""


def test_functions_of_c_cover_their_code_and_no_more(tmp_path: Path) -> None:
    elf = compile_c(C_PROGRAM, tmp_path, "-ffunction-sections", "-Wl,--gc-sections")
    spans = {name: (start, start + size) for start, size, name in functions(elf)}
    assert {"main", "thrice"} <= spans.keys() and "removed" not in spans
    assert functions(elf) == sorted(functions(elf))
    for name, (start, end) in spans.items():
        assert {locate(elf, pc).function for pc in range(start, end, 4)} == {name}
    assert {locate(elf, pc).line for pc in range(*spans["thrice"], 4)} <= {2, 7, 8}
    # Functions that the linker removed have lines at address 0, which must not be taken for code.
    assert locate(elf, 0) == locate(elf, 8) == Location()


def test_an_inlined_intrinsic_is_the_line_that_calls_it(tmp_path: Path) -> None:
    (tmp_path / "cfu_ops.h").write_text(
        'static inline int add_(int a) { int r; asm volatile(".insn r 0x0B, 0, 0, %0, %1, %1"'
        ' : "=r"(r) : "r"(a)); return r; }\n'
        "static inline int add(int a) {\n  return add_(a);\n}\n"
    )
    source = '#include "cfu_ops.h"\nint main(void) {\n  int x = get();\n  return add(x) + 1;\n}\n'
    elf = compile_c(source, tmp_path, "-I.")
    start, size, _ = next(entry for entry in functions(elf) if entry[2] == "main")
    image = memory_image(elf, soc_of(RAM, reset=symbol(elf, "_start")))
    code = image[12:]  # one chunk's header, then from the base on
    (pc,) = [
        at for at in range(start, start + size, 4) if code[at - RAM.base] & 0x7F == 0x0B
    ]  # the custom-0 opcode
    assert locate(elf, pc) == Location("main", str(tmp_path / "program.c"), 4)


RAM = memory()


def test_a_rebuilt_program_is_read_again(tmp_path: Path) -> None:
    elf = assemble("  .globl main\nmain:\n  ret\n", tmp_path)
    before = symbol(elf, "main")
    assemble("  .globl main\n  nop\nmain:\n  ret\n", tmp_path)
    assert symbol(elf, "main") == before + 4
