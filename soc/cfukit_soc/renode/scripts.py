"""The Python that Renode runs: registers that it has no model of, the program's input, and the state of the processor.

Renode runs it with IronPython 2.7. A script of a peripheral finds `request` in its scope; a script that the monitor
includes finds `self`, the monitor, and `System`, the root of .NET.
"""

from __future__ import annotations

from pathlib import Path

from cfukit_base.artefacts import Soc

STACK_GUARD = 0x5AFE57AC  # as in sw/src/runtime/stack.c
GUARD_WORDS = 16

# The members of `request` begin with small letters up to 1.15.3, with capitals later.
_PROLOGUE = """\
new = hasattr(request, "IsRead")
reading = request.IsRead if new else request.isRead
writing = request.IsWrite if new else request.isWrite
beginning = request.IsInit if new else request.isInit
offset = request.Offset if new else request.offset
value = request.Value if new else request.value
answer = 0
"""
_EPILOGUE = """\
if reading:
    if new:
        request.Value = answer
    else:
        request.value = answer
"""


def registers_script(soc: Soc, exit_file: Path) -> str:
    """The block `cfukit`: a counter that grows at each reading, since Renode has no cycles to count, and the exit register.

    A write to the exit register is the program's end; its value goes to `exit_file`.
    """
    base = soc.csrs["cfukit_cycles"].address
    at_exit = soc.csrs["cfukit_exit"].address - base
    return f"""\
# Registers of the block cfukit. Generated.
{_PROLOGUE}
if beginning:
    counted = 0
elif writing and offset == {at_exit}:
    written = open({_text(exit_file)}, "w")
    written.write(str(value) + "\\n")
    written.close()
elif reading and offset == 0:
    answer = counted >> 32
elif reading and offset == 4:
    counted = counted + 64
    answer = counted & 0xFFFFFFFF
{_EPILOGUE}"""


def uart_rest_script() -> str:
    """The UART's registers that Renode's model lacks: the transmitter is always empty, the receiver never full."""
    return f"# uart_txempty (1) and uart_rxfull (0). Generated.\n{_PROLOGUE}\nif offset == 0:\n    answer = 1\n{_EPILOGUE}"


def stdin_script(stdin_file: Path) -> str:
    """Give the UART all bytes of `stdin_file` at once. A line of the monitor per byte would take 3 ms each."""
    return f"""\
# The program's input. Generated.
cfukit_uart = self.Machine["sysbus.uart"]
for cfukit_byte in System.IO.File.ReadAllBytes({_text(stdin_file)}):
    cfukit_uart.WriteChar(cfukit_byte)
"""


def state_script(state_file: Path, stack_guard: int | None) -> str:
    """Write where the processor is to `state_file`: one line of numbers, which `state.read_state` reads.

    stack_guard: the address of the guard below the stack; None if the program has none. What Renode cannot tell is -1.
    """
    if stack_guard is None:
        guard = "return -1"
    else:
        guard = (
            f"return int(all(bus.ReadDoubleWord({stack_guard:#x} + 4 * word) == {STACK_GUARD:#x}"
            f" for word in range({GUARD_WORDS})))"
        )
    return f"""\
# Where the processor is: pc, x0 to x31, mtvec, mcause, mepc, mtval, and whether the stack's guard is whole. Generated.
def cfukit_state():
    cpu, bus = self.Machine["sysbus.cpu0"], self.Machine["sysbus"]

    def guard_is_whole():
        {guard}

    def number(read):
        try:
            return str(int(read()))
        except Exception:
            return "-1"

    found = [number(lambda: cpu.PC.RawValue)]
    found += [number(lambda: cpu.X[index].RawValue) for index in range(32)]
    found += [number(lambda: getattr(cpu, name).RawValue) for name in ("MTVEC", "MCAUSE", "MEPC", "MTVAL")]
    written = open({_text(state_file)}, "w")
    written.write(" ".join(found + [number(guard_is_whole)]) + "\\n")
    written.close()

cfukit_state()
"""


def _text(path: Path) -> str:
    """A path as a string of Python 2, in ASCII."""
    return f"u{str(path)!a}"
