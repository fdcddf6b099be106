"""The C build: what is rebuilt and when, messages of failures, and where the parts of a firmware lie."""

import subprocess
from pathlib import Path

import pytest

from cfukit_base import process
from cfukit_base.artefacts.cpu import Memory
from cfukit_base.errors import BuildError, ResultError, UsageError
from cfukit_base.symbols import functions, locate, symbol
from cfukit_sw import elf as elf_file
from cfukit_sw.firmware import build_firmware, build_host, toolchain, warnings_of
from cfukit_sw.linker import Placement, linker_script, resolve
from support import tiny_model
from support.socs import memory, soc_of
from support.workshop import FLASH, RAM, SRAM, Workshop

gcc = pytest.param("gcc", marks=pytest.mark.needs("gcc-riscv"))
compilers = pytest.mark.parametrize("compiler", ["zig", gcc])


@pytest.fixture
def shop(tmp_path):
    return Workshop(tmp_path)


OK = "int main(void) { return 0; }\n"


@compilers
def test_a_build_is_found_again_and_a_change_makes_another(shop, compiler):
    first = shop.build(OK, compiler=compiler)
    before = first.stat().st_mtime_ns
    assert shop.build(OK, compiler=compiler) == first and first.stat().st_mtime_ns == before
    assert shop.build(OK.replace("0", "1"), compiler=compiler) != first
    assert shop.build(OK, compiler=compiler, stack_bytes=4096) != first
    assert shop.build(OK, compiler=compiler, cflags=["-O3"]) != first
    shop.use(soc_of(memory(size=1 << 19)))
    assert shop.build(OK, compiler=compiler) != first


def test_a_header_counts_wherever_it_is_found(shop):
    """A header counts in its own folder, in cfu_dir, or in another header; so does one that appears later and shadows it."""
    far = shop.folder / "far"
    far.mkdir()
    (far / "value.h").write_text('#include "inner.h"\n#define VALUE INNER\n')
    (far / "inner.h").write_text("#define INNER 1\n")
    source = shop.file('#include "value.h"\nint main(void) { return VALUE; }\n')
    seen = [shop.build(source, cfu_dir=far)]
    (far / "inner.h").write_text("#define INNER 2\n")
    seen.append(shop.build(source, cfu_dir=far))
    (shop.folder / "value.h").write_text("#define VALUE 3\n")
    seen.append(shop.build(source, cfu_dir=far))
    assert len(set(seen)) == 3
    (shop.folder / "value.h").unlink()
    assert shop.build(source, cfu_dir=far) == seen[1]


def test_a_binary_that_the_assembler_includes_counts(shop):
    (shop.folder / "data.bin").write_bytes(b"1234")
    data = shop.file(
        '.section .rodata.cfukit.weights, "a"\n.globl data\ndata: .incbin "data.bin"\n', "data.S"
    )
    main = shop.file("extern char data[]; int main(void) { return data[0]; }")
    first = shop.build(main, data)
    (shop.folder / "data.bin").write_bytes(b"12345678")
    second = shop.build(main, data)
    assert elf_file.sizes(second)["const_bytes"] - elf_file.sizes(first)["const_bytes"] == 4


@compilers
def test_touching_one_file_compiles_that_file_alone(shop, compiler, monkeypatch):
    model = shop.file(tiny_model.MODEL_C, "model.c")
    shop.build(model, kind="server", compiler=compiler)
    model.write_text(tiny_model.MODEL_C.replace("* 3", "* 5"))
    calls, run = [], process.run

    def watched(argv, **options):
        calls.append([str(word) for word in argv])
        return run(argv, **options)

    monkeypatch.setattr(process, "run", watched)
    shop.build(model, kind="server", compiler=compiler)
    compilations = [words for words in calls if "-c" in words]
    assert len(compilations) == 1 and str(model) in compilations[0]
    assert len(calls) == 2  # the other call links


@compilers
def test_c_that_does_not_compile(shop, compiler):
    with pytest.raises(BuildError, match=r"main\.c:2:10: .*'?nothing'?") as caught:
        shop.build("int main(void) {\n  return nothing + more;\n}", compiler=compiler)
    assert caught.value.exit_code == 2
    assert str(shop.folder) in caught.value.where
    assert "more" in str(caught.value.details["diagnostics"])
    assert shop.left == []


def test_a_file_that_is_not_there(shop):
    with pytest.raises(BuildError, match=r"missing\.c: no such file; a C or assembler source"):
        shop.build(shop.folder / "missing.c")


@compilers
def test_assembler_that_does_not_assemble(shop, compiler):
    with pytest.raises(BuildError, match=r"bad\.S:2"):
        shop.build(shop.file("  nop\n  frobnicate x1\n", "bad.S"), shop.file(OK), compiler=compiler)


@compilers
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("void f(void); int main(void) { f(); return 0; }", r"main\.c.*: undefined symbol 'f'"),
        ("int maain(void) { return 0; }", r"undefined symbol 'main'.*a program defines `int main\(void\)`"),
        ("void *malloc(unsigned); int main(void) { return malloc(4) != 0; }", "there is no heap: use static"),
    ],
)
def test_undefined_symbols(shop, compiler, source, message):
    with pytest.raises(BuildError, match=message):
        shop.build(source, compiler=compiler)
    assert shop.left == []


def test_printf_in_a_bare_program_is_refused(shop):
    with pytest.raises(BuildError, match="undefined symbol 'printf'.*'bare' has no standard output"):
        shop.build('#include "cfukit.h"\nint main(void) { return printf("x"); }', kind="bare")


@pytest.mark.parametrize(
    ("compiler", "message"),
    [
        ("zig", "duplicate symbol: main"),
        pytest.param("gcc", "multiple definition of `main'", marks=pytest.mark.needs("gcc-riscv")),
    ],
)
def test_a_symbol_defined_twice(shop, compiler, message):
    with pytest.raises(BuildError, match=message):
        shop.build(shop.file(OK), shop.file(OK, "other.c"), compiler=compiler)


@compilers
def test_too_large_for_the_memory(shop, compiler):
    text = "static char big[1 << 20]; int main(int n) { for (int i = 0; i < n; i++) big[i * n] = 1; return big[n]; }"
    with pytest.raises(
        ResultError, match="memory main_ram: does not fit: .* asked; 1,048,576 bytes available"
    ) as caught:
        shop.build(
            text.replace("main(int n)", "main(void) { volatile int v = 3; int n = v;").replace(
                "{ for", " for"
            )
        )
    error = caught.value
    assert error.exit_code == 1 and error.details["available"] == 1 << 20
    assert (1 << 20) + 16384 < error.details["asked"] < (1 << 20) + 40_000
    assert shop.left == []


@compilers
def test_a_cfu_instruction_that_drops_its_result_is_refused(shop, compiler):
    text = '#include "cfu.h"\nint main(void) {\n  __asm__ volatile(".insn r 0x0B, 1, 2, x0, a0, a1");\n  return 0;\n}'
    with pytest.raises(
        BuildError, match=r"main\.c:3 in main\(\): CFU instruction 0x04b5100b at .* with rd = x0"
    ):
        shop.build(text, compiler=compiler)
    assert shop.left == []
    shop.build(text.replace(" x0,", " a2,"), compiler=compiler)


def test_unknown_kind_and_schema(shop):
    with pytest.raises(UsageError, match="'sever'; one of program, server, loader, bare"):
        shop.build(OK, kind="sever")
    document = shop.folder / "soc.json"
    document.write_text(document.read_text().replace("cfukit.soc/2", "cfukit.soc/9"))
    with pytest.raises(UsageError, match=r"soc\.json: schema is 'cfukit\.soc/9'; cfukit\.soc/2"):
        shop.build(OK)


def test_warnings_are_kept(shop):
    elf = shop.build("int main(void) { int unused; return 0; }")
    assert "unused" in warnings_of(elf)


def test_the_same_inputs_give_the_same_program(shop, tmp_path_factory, monkeypatch):
    first = shop.build(tiny_model.MODEL_C, kind="server").read_bytes()
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr("cfukit_sw.firmware._prepare", lambda *_: None)
    again = build_firmware(
        [shop.folder / "main.c"], shop.folder / "soc.json", build_dir=shop.folder / "other", kind="server"
    )
    assert again.read_bytes() == first


def test_sizes(shop):
    text = """
        #include "cfukit_model.h"
        uint8_t arena[1000] CFUKIT_ARENA;
        static const uint8_t weights[5000] CFUKIT_WEIGHTS = {1};
        static int zeros[50], numbers[25] = {1};
        int main(void) { volatile int i = 0; return arena[i] + weights[i] + zeros[i]++ + numbers[i]++; }"""
    small, large = (
        elf_file.sizes(shop.build(OK, stack_bytes=1000)),
        elf_file.sizes(shop.build(text, stack_bytes=1000)),
    )
    more = {name: large[name] - small[name] for name in large}
    assert 0 < more.pop("code_bytes") < 200
    assert more == {
        "const_bytes": 5000,
        "data_bytes": 100,
        "bss_bytes": 200,
        "arena_bytes": 1000,
        "stack_bytes": 0,
    }
    assert small["stack_bytes"] == 1008  # rounded up to a multiple of 16


def addresses(elf: Path, *names: str) -> list[int]:
    return [symbol(elf, name) for name in names]


PLACED = """
#include "cfukit_model.h"
uint8_t arena[64] CFUKIT_ARENA;
const uint8_t weights[4] CFUKIT_WEIGHTS = {1, 2, 3, 4};
const char words[] = "words";
int number = 5, zero;
int main(void) { volatile int i = 0; return arena[i] + weights[i] + words[i] + number++ + zero++; }
"""


def within(address: int, place: Memory) -> bool:
    return place.holds(address)


@compilers
def test_parts_go_where_they_are_placed(shop, compiler):
    shop.use(soc_of(RAM, SRAM))
    elf = shop.build(PLACED, compiler=compiler)
    assert all(within(a, RAM) for a in addresses(elf, "main", "weights", "words", "number", "zero", "arena"))
    elf = shop.build(PLACED, compiler=compiler, placement=Placement(arena="sram", weights="sram"))
    assert all(
        within(a, RAM) for a in addresses(elf, "main", "words", "number", "zero", "__cfukit_stack_top")
    )
    assert all(within(a, SRAM) for a in addresses(elf, "arena", "weights"))
    elf = shop.build(PLACED, compiler=compiler, placement=Placement(data="sram"), stack_bytes=4096)
    assert all(within(a, SRAM) for a in addresses(elf, "number", "zero", "arena", "__cfukit_stack_top"))
    assert addresses(elf, "_start") == [RAM.base]


@compilers
def test_from_flash_data_is_copied(shop, compiler):
    """Execution in place: the image lies in flash; the table for crt0.S names what it must copy."""
    shop.use(soc_of(FLASH, RAM, reset=0x20100000))
    elf = shop.build(PLACED, compiler=compiler, placement=Placement(weights="main_ram"))
    start, main, number, weights = addresses(elf, "_start", "main", "number", "weights")
    assert start == 0x20100000 and within(main, FLASH) and within(number, RAM) and within(weights, RAM)
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as file:
        segments = [
            s.header for s in ELFFile(file).iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"]
        ]
    assert all(within(segment["p_paddr"], FLASH) for segment in segments)
    begin, end = addresses(elf, "__cfukit_copy_begin", "__cfukit_copy_end")
    assert end - begin == 24


def test_wrong_places_are_refused():
    soc = soc_of(FLASH, RAM, reset=0x20000000)
    with pytest.raises(
        UsageError, match=r"place\.arena: 'main_rom'; no such memory, did you mean 'main_ram'\?"
    ):
        resolve(soc, Placement(arena="main_rom"))
    with pytest.raises(UsageError, match=r"place\.data: 'flash' cannot be written; one of main_ram"):
        resolve(soc, Placement(data="flash"))
    with pytest.raises(UsageError, match="no memory at the reset address 0x00000000"):
        linker_script(soc_of(RAM, reset=0))


def test_locate(shop):
    elf = shop.build(
        "static int f(int n) {\n  return n * 3;\n}\nint main(void) {\n  volatile int n = 1;\n  return f(n);\n}"
    )
    lines = set()
    (start, size) = next((a, s) for a, s, name in functions(elf) if name == "main")
    for pc in range(start, start + size, 4):
        where = locate(elf, pc)
        assert (where.function, where.file) == ("main", str(shop.folder / "main.c"))
        lines.add(where.line)
    assert lines <= {2, 4, 5, 6} and {2, 6} <= lines
    assert str(locate(elf, 0x10)) == ""
    assert locate(elf, symbol(elf, "_start")).file.endswith("crt0.S")


def test_toolchain_names_what_is_part_of_a_figure():
    record = toolchain("zig", ["-O3"])
    assert record.name == "zig cc" and record.version and record.flags["project"][-1] == "-O3"


def test_host_build_with_a_cfu(shop):
    """Objects that define cfu_software() replace the default answer 0. They may be C++."""
    source = shop.file('#include "cfu.h"\nint main(void) { return (int)cfu_op1(2, 30, 4); }')
    plain = build_host([source], build_dir=shop.folder / "build")
    assert subprocess.run([plain], capture_output=True, check=False).returncode == 0
    cfu = shop.file(
        "uint32_t cfu_software(uint32_t f3, uint32_t f7, uint32_t a, uint32_t b) { return f3 + f7 + a + b; }",
        "cfu.c",
    )
    cfu.write_text("#include <stdint.h>\n" + cfu.read_text())
    from cfukit_base.tools import host_cc

    subprocess.run([*host_cc().argv, "-c", "cfu.c", "-o", "cfu.o"], cwd=shop.folder, check=True)
    linked = build_host([source], build_dir=shop.folder / "build", libraries=[shop.folder / "cfu.o"])
    assert subprocess.run([linked], capture_output=True, check=False).returncode == 37


def test_host_build_errors(shop):
    with pytest.raises(BuildError, match=r"undefined symbol 'main'"):
        build_host([shop.file("int x;")], build_dir=shop.folder / "build")
    with pytest.raises(BuildError, match=r"main\.c:1"):
        build_host([shop.file("int main(void) { return y; }")], build_dir=shop.folder / "build")
    with pytest.raises(UsageError, match="program, server or loader on the host"):
        build_host([shop.file(OK)], build_dir=shop.folder / "build", kind="bare")
    assert shop.left == []
