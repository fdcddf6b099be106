"""The runtime on the RTL of the system: output, regions, traps, exit codes, input, stack, and the model server."""

import random
from pathlib import Path

import pytest

from cfukit_base.protocol import wire
from cfukit_base.symbols import locate, symbol
from cfukit_soc import build_simulator, simulate
from cfukit_sw import elf as elf_file
from cfukit_sw.firmware import build_firmware
from support import tiny_model
from support.bare import ODD_CFU
from support.c_programs import ECHO, printf_program
from support.socs import make_soc

pytestmark = pytest.mark.slow  # building the simulator takes seconds


class System:
    """Board `sim` with the CFU of tests/support/odd_cfu.v, and firmware for it."""

    def __init__(self, folder: Path, shared: Path):
        self.folder = folder
        self.soc_json = make_soc("sim", folder / "soc")
        self.simulator = build_simulator(self.soc_json, ODD_CFU, build_dir=shared)

    def build(self, text: str, **options) -> Path:
        source = self.folder / "main.c"
        source.write_text(text)
        options.setdefault("cflags", ["-Werror"])
        return build_firmware([source], self.soc_json, build_dir=self.folder / "build", **options)

    def run(self, elf: Path, stdin: bytes = b"") -> tuple[bytes, list[wire.Answer], int | None]:
        # The program itself must find the overflow, as on a board: nothing outside watches its stack.
        done = simulate(
            self.simulator, self.soc_json, elf, stdin=stdin, max_cycles=20_000_000, watch_stack=False
        )
        assert done.fault is None, done.fault
        text, frames, damaged = wire.split(done.output)
        assert damaged == 0
        return text, [wire.parse(frame) for frame in frames], done.exit_code


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    shared = (
        base.parent if base.name.startswith("popen-") else base
    ) / "soc"  # shared with tests/soc: one simulator for all
    return System(tmp_path_factory.mktemp("system"), shared)


compilers = pytest.mark.parametrize(
    "compiler", ["zig", pytest.param("gcc", marks=pytest.mark.needs("gcc-riscv"))]
)


@compilers
@pytest.mark.parametrize("code", [0, 1, 77, -1])
def test_hello_and_exit_code(system, compiler, code):
    text = f'#include "cfukit.h"\nint main(void) {{ printf("Hello, %s %d\\n", "world", 42); return {code}; }}'
    output, answers, exit_code = system.run(system.build(text, compiler=compiler))
    assert (output, answers, exit_code) == (b"Hello, world 42\n", [wire.Exited(0, code)], code)


@compilers
def test_printf_is_pythons(system, compiler):
    source, expected = printf_program(random.Random(5), 150)
    elf = system.build('#pragma GCC diagnostic ignored "-Wformat"\n' + source, compiler=compiler)
    text, _, code = system.run(elf)
    assert (text, code) == (expected, 0)


def test_every_byte_goes_in_and_out(system):
    data = bytes(range(256)) + b"\x80\xc0\xdb\xdb\xdc\xc0"
    text, answers, _ = system.run(system.build(ECHO), wire.encode_stdin(data))
    assert text == data and answers == [wire.Exited(0, len(data) & 127)]
    assert system.run(system.build(ECHO), wire.encode_stdin(b""))[2] == 0


def test_regions_count_cycles(system):
    elf = system.build(
        """
        #include "cfukit.h"
        static void wait(int n) { while (n-- > 0) __asm__ volatile("nop\\n nop\\n nop\\n nop"); }
        int main(void) {
          uint64_t before = cfukit_cycles();
          CFUKIT_REGION("outer") {
            for (int i = 0; i < 2; i++)
              CFUKIT_REGION("inner") { wait(1000); }
            CFUKIT_REGION("empty") { }
            for (int i = 0; i < 9; i++)
              CFUKIT_REGION("empty again") { }
          }
          printf("%d", (int)(cfukit_cycles() - before));
          return 0;
        }"""
    )
    text, answers, _ = system.run(elf)
    regions = {a.name: a for a in answers if isinstance(a, wire.Region)}
    inner, outer = regions["inner"], regions["outer"]
    assert inner.count == 2 and 2 * 6 * 1000 <= inner.cycles < 2 * 7 * 1000 + 300  # 4 nop, addi, branch
    assert inner.cycles < outer.cycles < int(text) < inner.cycles + 4000
    assert regions["empty again"].cycles <= 9 * 60  # as cfukit.h states


def test_a_recursive_region_counts_its_time_once(system):
    elf = system.build(
        """
        #include "cfukit.h"
        static void again(int n) { CFUKIT_REGION("recursive") { if (n > 0) again(n - 1); } }
        int main(void) { CFUKIT_REGION("outer") { again(20); } return 0; }"""
    )
    outer, recursive, _ = system.run(elf)[1]
    assert recursive.count == 21 and outer.cycles // 2 < recursive.cycles < outer.cycles


def test_counters_agree_with_the_simulator(system):
    elf = system.build(
        """
        #include "cfukit.h"
        int main(void) {
          uint64_t a = cfukit_cycles();
          uint32_t low = cfukit_cycles_low(), n = cfukit_instret();
          __asm__ volatile("nop\\n nop\\n nop\\n nop");
          uint32_t more = cfukit_instret();
          printf("%u %u %u", (unsigned)(a >> 32), (unsigned)(low - (uint32_t)a), (unsigned)(more - n));
          return 0;
        }"""
    )
    high, apart, instructions = map(int, system.run(elf)[0].split())
    assert high == 0 and 0 < apart < 200 and 4 <= instructions <= 12


@compilers
@pytest.mark.parametrize(
    ("statement", "kind", "value"),
    [
        ('__asm__ volatile("lw a0, 0(%0)" : : "r"(0x40000103)); return 0;', "load_misaligned", 0x40000103),
        ('__asm__ volatile("sh a0, 0(%0)" : : "r"(0x40000103)); return 0;', "store_misaligned", 0x40000103),
        ('__asm__ volatile("ecall"); return 0;', "ecall", None),
        ('__asm__ volatile(".word 0xffffffff"); return 0;', "illegal_instruction", 0xFFFFFFFF),
    ],
)
def test_a_trap_is_reported_with_registers(system, compiler, statement, kind, value):
    source = f'int main(void) {{ __asm__ volatile("li s11, 0x1234567"); {statement} }}'
    elf = system.build(source, compiler=compiler)
    text, answers, code = system.run(elf)
    (fault,) = answers
    assert isinstance(fault, wire.Fault) and (text, code) == (b"", 255)
    assert fault.kind == kind and fault.registers[26] == 0x1234567
    assert value is None or fault.mtval == value
    bottom, top = (symbol(elf, f"__cfukit_stack_{end}") for end in ("bottom", "top"))
    assert bottom < fault.registers[1] <= top
    where = locate(elf, fault.mepc)
    assert (where.function, Path(where.file).name, where.line) == ("main", "main.c", 1)


def test_a_trap_after_the_stack_pointer_is_lost_is_reported(system):
    elf = system.build('int main(void) { __asm__ volatile("li sp, 3\\n lw a0, 0(sp)"); return 0; }')
    _, (fault,), _ = system.run(elf)
    assert fault.kind == "load_misaligned" and fault.registers[1] == 3


def test_stack_overflow_is_a_fault_with_the_size(system):
    text = """
        static __attribute__((noinline)) int deep(int n) {
          int here[16] = {n}, sum = 0;
          __asm__ volatile("" : : "r"(here) : "memory");
          if (n != 0) sum = deep(n - 1);
          __asm__ volatile("" : : "r"(here) : "memory");
          return sum + here[0];
        }
        int main(void) { return deep(DEPTH) == DEPTH * (DEPTH + 1) / 2 ? 0 : 1; }"""
    fits = system.build(text.replace("DEPTH", "9"), stack_bytes=2048)
    assert system.run(fits) == (b"", [wire.Exited(0, 0)], 0)
    overflows = system.build(text.replace("DEPTH", "25"), stack_bytes=2048)
    _, (fault,), code = system.run(overflows)
    assert (fault.kind, code) == ("stack_overflow", 255)
    assert str(fault) == "stack_overflow: the stack of 2048 bytes was too small"


def test_stack_high_water(system):
    elf = system.build(
        """
        #include "cfukit.h"
        static __attribute__((noinline)) int deep(int n) {
          char here[1000] = {(char)n};
          __asm__ volatile("" : : "r"(here) : "memory");
          return here[0];
        }
        int main(void) {
          cfukit_stack_paint();
          unsigned before = cfukit_stack_high_water();
          int one = deep(1) - 1;
          printf("%u %u %u", (unsigned)cfukit_stack_bytes(), before, (unsigned)cfukit_stack_high_water());
          return one;
        }""",
        stack_bytes=4096,
    )
    total, before, after = map(int, system.run(elf)[0].split())
    assert total == 4096 and before < 300 and 1000 <= after < 1300


@compilers
def test_model_server(system, compiler):
    script = wire.Script(max_payload=10)
    script.hello()
    script.write(0, bytes(range(100, 116)))
    script.run()
    script.read(0, tiny_model.ARENA_BYTES)
    script.run(reset=True, pause=True)
    for _ in range(5):
        script.step()
    script.run()
    script.read(16, 32)
    script.hello()
    script.exit(3)
    elf = system.build(tiny_model.MODEL_C, kind="server", compiler=compiler)
    _, answers, code = system.run(elf, bytes(script))
    model = tiny_model.Server()
    _, sent, _ = wire.split(bytes(script))
    assert [tiny_model.comparable(answer) for answer in answers] == [model.answer(frame) for frame in sent]
    assert code == 3
    for done in (answer for answer in answers if isinstance(answer, wire.Done)):
        assert all(100 < cycles < 3000 for cycles in done.op_cycles)
        # Stamps and calls between operators. A paused inference also starts and stops the clock each time.
        assert 0 < done.cycles - sum(done.op_cycles) < 500
        assert 100 < done.instructions < done.cycles
    assert 0 < answers[-2].stack_high_water_bytes < 1024


def test_bare_firmware_runs_a_model(system):
    text = (
        tiny_model.MODEL_C
        + "int main(void) { cfukit_reset(&cfukit_model); cfukit_invoke(&cfukit_model); return arena[33]; }"
    )
    elf = system.build(text, kind="bare")
    expected = tiny_model.Server()
    expected.answer(wire.Frame(wire.Type.RUN, 1, b"\x01"))
    assert system.run(elf) == (b"", [], expected.arena[33])
    sizes = elf_file.sizes(elf)
    assert sizes["code_bytes"] + sizes["const_bytes"] < 1800, sizes


@compilers
def test_cfu_instructions(system, compiler):
    """The CFU is enabled, operands, funct3 and funct7 arrive, and even an unused result gets a register."""
    text = """
        #include "cfu.h"
        int main(void) {
          cfu_op0(0, 1, 2);
          uint32_t sum = cfu_op0(3, 40, 2), mixed = cfu_op(1, 100, 0xff00u, 0x0ff0u);
          return (int)(sum + (mixed == 0xf0f0u));
        }"""
    assert system.run(system.build(text, compiler=compiler))[2] == 43


def test_initialised_data_and_cleared_bss(system):
    elf = system.build(
        """
        #include "cfukit.h"
        static int numbers[3] = {1, 2, 3};
        static const char *const words[2] = {"four", "five"};
        static int zeros[100];
        int main(void) {
          int sum = 0;
          for (int i = 0; i < 100; i++) sum += zeros[i]++;
          numbers[1]++;
          printf("%d %d %s", sum, numbers[0] + numbers[1] + numbers[2], words[1]);
          return 0;
        }"""
    )
    assert system.run(elf)[0] == b"0 7 five"


def test_64_bit_arithmetic_and_float_work(system):
    """Functions of the compiler's own library."""
    elf = system.build(
        """
        #include "cfukit.h"
        int main(void) {
          volatile int64_t a = -1234567890123456789, b = 987654321;
          volatile double x = 2.5;
          volatile float y = 0.5f;
          printf("%lld %lld %lld %d", (long long)(a / b), (long long)(a % b), (long long)(a * 3), (int)(x * 8 + y * 2));
          return 0;
        }"""
    )
    a, b = -1234567890123456789, 987654321
    quotient = -(-a // b)
    wrapped = (a * 3 + (1 << 63)) % (1 << 64) - (1 << 63)
    assert system.run(elf)[0].decode() == f"{quotient} {a - quotient * b} {wrapped} 21"


def test_objects_name_no_other_instruction_set(system):
    """A check of the build: no compressed and no floating-point instructions."""
    elf = system.build("int main(void) { return 0; }")
    header = elf.read_bytes()[:64]
    assert int.from_bytes(header[36:40], "little") & 0x7 == 0  # e_flags: RVC, float ABI
