"""simulate: its result, input and output, every way to end, and that nothing is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cfukit_base.errors import ResultError, UsageError
from cfukit_base.symbols import Location, locate
from cfukit_soc import build_simulator, simulate
from support.bare import EXIT, INSTRET, ODD_CFU, assemble, assemble_raw, compile_c


@pytest.mark.parametrize("code", [0, 1, 42, -1])
def test_exit_code(run_c, code):
    result = run_c(f"int main(void) {{ return {code}; }}")
    assert result.exit_code == code and result.fault is None and result.output == b""


def test_output_arrives_in_order_and_as_it_comes(run_c):
    seen = []
    result = run_c(
        "int main(void) { for (int i = 0; i < 300; i++) { put('a' + i % 26); if (i % 30 == 29) put('\\n'); } return 0; }",
        on_output=seen.append,
    )
    assert b"".join(seen) == result.output and len(result.output) == 310 and result.output[:4] == b"abcd"


def test_input_is_given_as_fast_as_it_is_taken(run_c):
    data = bytes(range(256)) * 3
    result = run_c(
        "int main(void) { for (int i = 0; i < 768; i++) put(get() ^ 0x55); return 0; }", stdin=data
    )
    assert result.output == bytes(byte ^ 0x55 for byte in data)


def test_data_bss_and_stack(run_c):
    result = run_c(
        """static int table[4] = {1, 2, 3, 4}; static int zeros[1000];
        static int sum(int n) { volatile int x[8]; x[n & 7] = n; return n ? x[n & 7] + sum(n - 1) : 0; }
        int main(void) { int s = sum(10); for (int i = 0; i < 4; i++) s += table[i] + zeros[i * 200]; return s; }"""
    )
    assert result.exit_code == 65


def test_cfu_instructions_reach_the_cfu(run_c):
    source = """int main(void) {{
      for (u32 i = 0; i < 50; i++) {{
        if (CFU(0, 0, i, 1000u * i) != 1001u * i) return 1;
        if (CFU(1, {funct7}, i, ~i) != 0xffffffffu) return 2;
      }}
      return 0;
    }}"""
    for funct7 in (0, 1, 40, 127):
        assert run_c(source.format(funct7=funct7)).exit_code == 0


def test_the_same_run_twice_is_the_same(run_c):
    source = "int main(void) { u32 s = 0; for (int i = 0; i < 99; i++) s += (u32)get() / 3; put((int)s); return (int)s; }"
    first, second = (run_c(source, stdin=bytes(range(99))) for _ in range(2))
    assert first == second and first.cycles > 2000


def test_cycles_and_instructions_agree_with_the_registers(run_c):
    result = run_c(f"""int main(void) {{
      u32 c = cycles(), i = *(volatile u32 *){INSTRET:#x};
      put((int)(c >> 8)); put((int)c); put((int)i);
      return 0; }}""")
    cycles, instructions = int.from_bytes(result.output[:2], "big"), result.output[2]
    assert 0 < result.cycles - cycles < 400
    assert 0 < result.instructions - instructions < 150


def test_trace_has_one_line_per_instruction(system, tmp_path):
    elf = assemble(
        "  .globl main\nmain:\n  li a0, 6\n  li a1, 7\n  mul a0, a0, a1\n  sw a0, -4(sp)\n  ret\n", tmp_path
    )
    trace = tmp_path / "trace.txt"
    result = system.run(elf, trace=trace)
    lines = trace.read_text().splitlines()
    assert result.exit_code == 42 and len(lines) == result.instructions
    assert lines[0] == "40000000 41ff0137 x2=41ff0000"
    assert any(line.endswith("x10=0000002a") for line in lines)
    assert any(len(line.split()) == 2 for line in lines), "the store writes no register"
    assert result == system.run(elf), "tracing changes nothing"


def test_a_cfu_that_never_answers_is_named(run_c):
    result = run_c(
        "int main(void) {\n  u32 a = 0x1234;\n  return (int)CFU(7, 5, a, -2);\n}", hang_cycles=5000
    )
    fault = result.fault
    assert result.exit_code is None and fault.kind == "cfu_hang" and fault.cfu.accepted
    assert (fault.cfu.funct3, fault.cfu.funct7, fault.cfu.a, fault.cfu.b) == (7, 5, 0x1234, 0xFFFFFFFE)
    assert fault.function == "main" and Path(fault.file).name == "program.c" and fault.line == 3
    assert fault.instruction & 0x7F == 0x0B and 0x1234 in fault.registers.values()
    assert (
        "never answered the instruction funct3=7 funct7=5 with operands 0x00001234, 0xfffffffe"
        in fault.message
    )
    assert 5000 < fault.cycle < 6000


def test_a_cfu_that_never_accepts_is_named(run_asm):
    fault = run_asm(
        "  .globl main\nmain:\n  li a1, 3\n  .insn r 0x0B, 6, 1, a0, a1, a1\n  ret\n", hang_cycles=2000
    ).fault
    assert fault.kind == "cfu_hang" and not fault.cfu.accepted and fault.cfu.a == fault.cfu.b == 3
    assert fault.function == "main" and "never accepted" in fault.message


@pytest.mark.slow
def test_a_cfu_that_answers_unasked_is_a_fault(system, tmp_path):
    broken = tmp_path / "cfu.v"
    broken.write_text(
        ODD_CFU.read_text().replace("assign rsp_valid = busy", "assign rsp_valid = 1'b1 | busy")
    )
    elf = compile_c(
        "int main(void) { u32 s = 0; for (u32 i = 0; i < 9; i++) s += CFU(1, 3, i, i); return (int)s; }",
        tmp_path,
    )
    simulator = build_simulator(system.soc_json, broken, build_dir=system.build_dir)
    fault = simulate(simulator, system.soc_json, elf, max_cycles=99999).fault
    assert fault.kind == "cfu_protocol" and "no instruction had asked for" in fault.message


def test_long_latency_is_no_hang(run_c):
    assert run_c("int main(void) { return (int)CFU(1, 127, 5, 5); }", hang_cycles=400).exit_code == 0


def test_waiting_for_an_interrupt_that_never_comes_is_a_hang(run_asm):
    fault = run_asm("  .globl main\nmain:\n  wfi\n  ret\n", hang_cycles=3000, max_cycles=50_000).fault
    assert fault.kind in ("hang", "time_out")


def test_endless_loop_reaches_max_cycles(run_c):
    result = run_c('int main(void) { for (;;) asm volatile(""); }', max_cycles=20_000)
    assert result.exit_code is None and result.cycles == 20_000
    assert result.fault.kind == "time_out" and result.fault.function == "main"
    assert result.fault.message.startswith("still running after 20000 cycles at 0x4")


@pytest.mark.parametrize(
    "access, code",
    [("load", "return *(volatile int *)0x30000010"), ("store", "*(volatile int *)0x30000010 = 7")],
)
def test_data_access_where_nothing_is(run_c, access, code):
    fault = run_c(f'int main(void) {{\n  asm volatile("nop");\n  {code};\n  return 0; }}').fault
    assert fault.kind == "bus_error" and fault.access == access
    assert fault.address & ~31 == 0x30000000
    assert fault.function == "main" and (Path(fault.file).name, fault.line) == ("program.c", 3)
    assert "where nothing answers" in fault.message


def test_uncached_access_where_nothing_is(run_c):
    fault = run_c("int main(void) { return *(volatile int *)0x90000004; }").fault
    assert (fault.kind, fault.access, fault.address) == ("bus_error", "load", 0x90000004)
    assert fault.function == "main"


def test_a_jump_into_nothing_ends_at_once(run_asm):
    result = run_asm("  .globl main\nmain:\n  li t0, 0x20000000\n  jr t0\n")
    fault = result.fault
    assert fault.kind == "trap" and fault.pc == 0x20000000 and fault.cause == 2
    assert "trap without a handler: illegal instruction at 0x20000000" in fault.message
    assert result.cycles < 20_000


def test_a_jump_into_empty_memory_ends_at_once(run_asm):
    fault = run_asm("  .globl main\nmain:\n  li t0, 0x41000000\n  jr t0\n").fault
    assert fault.kind == "trap" and fault.pc == 0x41000000 and fault.value == 0


def test_a_trap_with_a_handler_is_the_programs_affair(run_asm):
    result = run_asm(
        "  .globl main\nmain:\n  la t0, handler\n  csrw mtvec, t0\n  .word 0\n  li a0, 1\n  ret\n"
        "  .balign 4\nhandler:\n  csrr a0, mcause\n  addi a0, a0, 40\n  ret\n"
    )
    assert result.exit_code == 42


def test_program_outside_the_memories_is_refused(system, tmp_path):
    elf = assemble_raw(
        f'  .section .text.start, "ax"\n  .globl _start\n_start: li t0, {EXIT}\n  sw t0, 0(t0)\n', tmp_path
    )
    data = bytearray(elf.read_bytes())
    moved = data.replace((0x40000000).to_bytes(4, "little"), (0x50000000).to_bytes(4, "little"))
    (tmp_path / "moved.elf").write_bytes(moved)
    with pytest.raises(
        UsageError, match=r"moved\.elf: its entry is 0x50000000; the CPU of board 'sim' starts at 0x40000000"
    ):
        system.run(tmp_path / "moved.elf")
    (tmp_path / "text.elf").write_text("hello")
    with pytest.raises(UsageError, match=r"text\.elf: cannot be read"):
        system.run(tmp_path / "text.elf")


def test_interrupt_leaves_nothing_behind(system, tmp_path):
    elf = compile_c("int main(void) { for (;;) put('x'); }", tmp_path / "program")
    trace = tmp_path / "out" / "trace.txt"
    simulator = system.simulator()
    # When the tests run in the background, the signal is ignored unless a handler is installed.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        started = time.monotonic()
        threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            simulate(simulator, system.soc_json, elf, trace=trace, timeout_seconds=60)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - started < 50  # well before its own time limit
    assert not list(trace.parent.iterdir())
    assert not _running_children(os.getpid())


def test_a_killed_parent_takes_the_simulator_along(system, tmp_path):
    elf = compile_c("int main(void) { for (;;) { } }", tmp_path)
    arguments = ", ".join(f"Path({str(path)!r})" for path in (system.simulator(), system.soc_json, elf))
    code = f"from pathlib import Path; import cfukit_soc; cfukit_soc.simulate({arguments})"
    parent = subprocess.Popen([sys.executable, "-c", code])
    children: list[int] = []
    deadline = time.monotonic() + 120
    while not children and time.monotonic() < deadline:
        time.sleep(0.05)
        children = _running_children(parent.pid)
    time.sleep(0.1)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 120
    while any(map(_runs, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert children and not any(map(_runs, children))


def _stat(pid):
    """State and parent of a process; None when it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return words[0], int(words[1])


def _runs(pid):
    stat = _stat(pid)
    return stat is not None and stat[0] != "Z"


def _running_children(parent):
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if (stat := _stat(pid)) and stat[0] != "Z" and stat[1] == parent]


def test_time_limit_leaves_nothing_behind(system, tmp_path):
    elf = compile_c("int main(void) { for (;;) put('x'); }", tmp_path / "program")
    with pytest.raises(ResultError, match="still running after 0.3 s"):
        simulate(system.simulator(), system.soc_json, elf, trace=tmp_path / "out" / "t", timeout_seconds=0.3)
    assert not list((tmp_path / "out").iterdir())


def test_full_disk_is_a_message(system, tmp_path):
    elf = compile_c("int main(void) { for (int i = 0; i < 9999; i++) put('x'); return 0; }", tmp_path)
    (tmp_path / ".trace.partial").symlink_to("/dev/full")
    with pytest.raises(ResultError, match="No space left") as caught:
        simulate(system.simulator(), system.soc_json, elf, trace=tmp_path / "trace")
    assert "free space" in caught.value.hint and not (tmp_path / "trace").exists()


def test_locate_names_assembly_labels_and_unknown_places(tmp_path):
    elf = assemble("  .globl main\nmain:\n  nop\nlater:\n  nop\n  ret\n", tmp_path)
    assert locate(elf, 0x40000000).function == "_start"
    assert locate(elf, 0x30000000) == Location()
