"""A stand-in for Renode that understands what cfukit exports: scripts, platform files, Python peripherals, the CFU's library.

It is called as Renode is, runs the program on an RV32IM interpreter, and calls the library in Renode's order. It has Renode's
unpleasant habits too:

* It ends with code 0 when a script fails, and leaves rd unchanged when a CFU instruction fails.
* It creates and deletes the UART's file before it creates it in earnest, and moves away what is there.
* It complains of every access to where nothing is, and of every illegal instruction, without end.
* After a CPU abort it goes on, with a processor that stands still; its monitor takes commands from stdin.
* Before 1.15 it reads a cpuType letter by letter, and executes what the extensions so found would.

It refuses what it does not know. So a test that passes says that the files are consistent; only Renode can tell whether it
takes them.

* FAKE_RENODE_VERSION: 1.16.0 by default.
* FAKE_RENODE_SAYS: the version that it calls itself.
* FAKE_RENODE_DEAF: if set, it takes no commands from stdin.
"""

from __future__ import annotations

import ctypes
import os
import re
import select
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from elftools.elf.elffile import ELFFile

VERSION = tuple(int(part) for part in os.environ.get("FAKE_RENODE_VERSION", "1.16.0").split("."))
MASK = 0xFFFF_FFFF
STEPS_PER_SECOND = 1_000_000  # of virtual time; Renode's are 100 times as many
RECREATED_SECONDS = (
    0.05  # how long the first file of the UART exists: longer than a reader waits between two looks
)


class ScriptError(Exception):
    pass


class Abort(Exception):
    """The processor reached an address without code."""


def say(level: str, name: str, text: str) -> None:
    print(f"02:03:04.0506 [{level}] {name}: {text}", flush=True)


class Cfu:
    """The calls that Renode's binder makes, in its order."""

    def __init__(self, path: str):
        library = ctypes.CDLL(path)
        self._attach = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda message: None)
        library.renode_external_attach__ActionIntPtr__HandleSenderMessage(self._attach)
        library.initialize_native()
        library.reset_peripheral()
        library.execute.restype = ctypes.c_uint64
        self.library = library

    def execute(self, function: int, a: int, b: int) -> tuple[int, int]:
        error = ctypes.c_int(-1)
        return int(self.library.execute(function, a, b, ctypes.byref(error))), error.value


class Memory:
    def __init__(self, base: int, size: int):
        self.base, self.data = base, bytearray(size)

    def read(self, offset: int, size: int) -> int:
        return int.from_bytes(self.data[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        self.data[offset : offset + size] = value.to_bytes(size, "little")


class PythonPeripheral:
    """Runs a script per access, with `request` in its scope. The case of its members changed in 1.16."""

    def __init__(self, filename: str):
        # IronPython silently accepts no other characters.
        self._code = compile(Path(filename).read_text(encoding="ascii"), filename, "exec")
        self._scope: dict[str, Any] = {"self": self}
        self._do("Init", 0, 0)

    def _do(self, kind: str, offset: int, value: int) -> int:
        members = {f"Is{name}": name == kind for name in ("Init", "Read", "Write", "User")}
        members |= {"Offset": offset, "Value": value}
        if VERSION < (1, 16):
            members = {name[0].lower() + name[1:]: member for name, member in members.items()}
        self._scope["request"] = request = SimpleNamespace(**members)
        exec(self._code, self._scope)
        return int(request.Value if VERSION >= (1, 16) else request.value) & MASK

    def read(self, offset: int, size: int) -> int:
        return self._do("Read", offset, 0)

    def write(self, offset: int, size: int, value: int) -> None:
        self._do("Write", offset, value)


class Uart:
    """Renode's LiteX_UART: reading rxtx consumes the byte; offsets from 0x18 on are unknown."""

    def __init__(self) -> None:
        self.received: deque[int] = deque()
        self.log: Any = None

    def read(self, offset: int, size: int) -> int:
        if offset == 0:
            return self.received.popleft()
        return {4: 0, 8: int(not self.received), 0x10: 2 * bool(self.received), 0x14: 0}[offset]

    def write(self, offset: int, size: int, value: int) -> None:
        if offset == 0:
            self.log.write(bytes((value & 0xFF,)))
            self.log.flush()

    def WriteChar(self, byte: int) -> None:
        self.received.append(byte)

    def create_file_backend(self, path: Path) -> None:
        if path.exists():
            path.rename(f"{path}.1")
        path.open("xb").close()
        time.sleep(RECREATED_SECONDS)
        path.unlink()
        self.log = path.open("xb")


class System:
    """As much of .NET as the exported scripts use."""

    IO = SimpleNamespace(File=SimpleNamespace(ReadAllBytes=lambda path: Path(path).read_bytes()))


class Processor:
    """The processor as a script of the monitor sees it."""

    def __init__(self, program: Program):
        def value(number: int) -> SimpleNamespace:
            return SimpleNamespace(RawValue=number)

        csrs = program.machine.csrs
        self.PC = value(program.pc)
        self.X = [value(number) for number in program.x]
        self.MTVEC, self.MCAUSE = value(csrs[0x305]), value(csrs[0x342])
        self.MEPC, self.MTVAL = value(csrs[0x341]), value(csrs[0x343])


def tokens(line: str) -> list[str]:
    """The words of a monitor line. In a path the tokenizer expects \\ before a space."""
    found = re.findall(r'@(?:(?!;)(?:\\ |\S))+|"[^"]*"|[^\s@"]+(?:=@(?:(?!;)(?:\\ |\S))+)?', line)
    if "".join(found) != re.sub(r"(?<!\\)\s", "", line) and '"' not in line:
        raise ScriptError(f"Could not tokenize here: {line}")
    return found


def path_of(word: str) -> Path:
    if not word.startswith("@"):
        raise ScriptError(f"not a path: {word}")
    return Path(word[1:].replace("\\ ", " "))


class Machine:
    """Reads platform files and executes monitor commands."""

    def __init__(self) -> None:
        self.regions: list[tuple[int, int, Any]] = []
        self.names: dict[str, Any] = {}
        self.silent: list[range] = []
        self.csrs = {0xBC0: 0, 0x305: 0, 0x341: 0, 0x342: 0, 0x343: 0}
        self.tolerant = False  # executes what RV32IM lacks
        self.cfu: Cfu | None = None
        self.cfu_class = ""
        self.entry = 0
        self.started = False
        self.program: Program | None = None
        self.variables: dict[str, str] = {}

    def load_platform(self, path: Path) -> None:
        text = re.sub(r"//.*", "", path.read_text())
        for block in re.split(r"\n(?=\S)", text):
            lines = [line for line in block.splitlines() if line.strip()]
            if lines:
                self._entry(path, lines[0].strip(), [line.strip() for line in lines[1:]])

    def _entry(self, path: Path, head: str, rest: list[str]) -> None:
        properties = dict(line.split(": ", 1) for line in rest if ": " in line)
        if head.startswith("using "):
            self.load_platform(path.parent / head.split('"')[1])
        elif head in ("sysbus:", "uart:"):
            known = {"SilenceRange", "init", "txFifoCapacity:"}
            if any(line.split()[0] not in known for line in rest):
                raise ScriptError(f"Error E04: {head} {rest}")
            for line in rest:
                if found := re.search(r"SilenceRange <(\w+) (\w+)>", line):
                    base, size = (int(text, 16) for text in found.groups())
                    self.silent.append(range(base, base + size))
            if "txFifoCapacity" in properties and VERSION < (1, 16):
                raise ScriptError("Error E21: no such property: txFifoCapacity")
        else:
            name, kind, place = re.fullmatch(r"(\w+): ([\w.]+) @ (.*)", head).groups()  # type: ignore[union-attr]
            self._add(name, kind, place, properties)

    def _add(self, name: str, kind: str, place: str, properties: dict[str, str]) -> None:
        found = re.fullmatch(r"sysbus (?:<(\w+), \+(\w+)>|(0x\w+))", place)
        base = int(found[1] or found[3], 16) if found else 0
        thing: Any
        if kind == "CPU.VexRiscv" and place == "sysbus":
            base_isa, *extensions = properties["cpuType"].strip('"').removeprefix("rv32").split("_")
            letters = set("".join([base_isa, *extensions]) if VERSION < (1, 15) else base_isa)
            self.tolerant = bool(letters & set("cf"))
            return
        if kind in ("CoSimulated.CoSimulatedCFU", "Verilated.CFUVerilatedPeripheral") and place == "cpu0 0":
            if (kind == "CoSimulated.CoSimulatedCFU") != (VERSION >= (1, 16)):
                raise ScriptError(f"Error E01: Could not resolve type: '{kind}'")
            return
        if kind == "Memory.MappedMemory":
            size = int(properties["size"], 16)
            if base % 0x1000 or size % 0x1000:
                raise ScriptError("Error E22: memory is not aligned to 0x1000")
            thing = Memory(base, size)
        elif kind == "Python.PythonPeripheral":
            thing, size = PythonPeripheral(properties["filename"].strip('"')), int(properties["size"], 16)
        elif kind == "UART.LiteX_UART" and found:
            thing, size = Uart(), int(found[2] or "0x100", 16)
        else:
            raise ScriptError(f"Error E01: Could not resolve type: '{kind}'")
        if any(base < other + length and other < base + size for other, length, _ in self.regions):
            raise ScriptError(f"Error E30: {name} overlaps")
        self.regions.append((base, size, thing))
        self.names[name] = thing

    def command(self, line: str) -> None:
        words = [self._value(word) for word in tokens(line)]
        if words[0] in ("include", "i"):
            self.include(path_of(words[1]))
        elif found := re.fullmatch(r"\$(\w+)\?=(@.+)", line):
            self.variables.setdefault(found[1], found[2])
        elif found := re.fullmatch(r"\$(\w+)=(@.+)", line):
            self.variables[found[1]] = found[2]
        elif words[:2] == ["machine", "LoadPlatformDescription"]:
            self.load_platform(path_of(words[2]))
        elif words[:2] == ["cpu0.cfu0", "SimulationFilePathLinux"]:
            self.cfu = Cfu(str(path_of(words[2])))
        elif words[:2] == ["cpu0", "RegisterCustomCSR"]:
            if int(words[3], 16) in self.csrs:
                raise ScriptError("An item with the same key has already been added")
            self.csrs[int(words[3], 16)] = 0
        elif words[:2] == ["uart", "CreateFileBackend"]:
            self.names["uart"].create_file_backend(path_of(words[2]))
        elif words[:2] == ["sysbus", "LoadELF"]:
            self._load_elf(path_of(words[2]))
        elif words[:2] == ["emulation", "RunFor"]:
            self.running().run(int(float(words[2].strip('"')) * STEPS_PER_SECOND))
        elif words in (["start"], ["pause"]):
            self.started = words == ["start"]
        elif words[0] not in ("using", "mach"):
            raise ScriptError(f"No such command or device: {line}")

    def include(self, path: Path) -> None:
        if not path.is_file():
            raise ScriptError(f"No such file {path}.")
        if path.suffix == ".py":
            # IronPython takes no other characters without a word about them.
            code = compile(path.read_text(encoding="ascii"), str(path), "exec")
            exec(code, {"self": SimpleNamespace(Machine=self), "System": System})
            return
        for line in path.read_text().splitlines():
            if line and not line.startswith("#"):
                self.command(line)

    def __getitem__(self, name: str) -> Any:
        """A peripheral for a script of the monitor."""
        if name == "sysbus":
            return SimpleNamespace(ReadDoubleWord=lambda address: self.running().load(address, 4, 0))
        return (
            Processor(self.running()) if name == "sysbus.cpu0" else self.names[name.removeprefix("sysbus.")]
        )

    def running(self) -> Program:
        self.program = self.program or Program(self)
        return self.program

    def _value(self, word: str) -> str:
        return self.variables[word[1:]] if re.fullmatch(r"\$\w+", word) else word

    def _load_elf(self, path: Path) -> None:
        with path.open("rb") as file:
            program = ELFFile(file)
            self.entry = program["e_entry"]
            for segment in program.iter_segments("PT_LOAD"):
                if data := segment.data():
                    thing, offset = self.at(segment["p_paddr"])
                    thing.data[offset : offset + len(data)] = data

    def at(self, address: int) -> tuple[Any, int]:
        for base, size, thing in self.regions:
            if base <= address < base + size:
                return thing, address - base
        return None, address


def signed(value: int, bits: int = 32) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


BRANCH: dict[int, Callable[[int, int], bool]] = {
    0: lambda a, b: a == b,
    1: lambda a, b: a != b,
    4: lambda a, b: signed(a) < signed(b),
    5: lambda a, b: signed(a) >= signed(b),
    6: lambda a, b: a < b,
    7: lambda a, b: a >= b,
}


def _divide(a: int, b: int) -> int:
    quotient = abs(a) // abs(b) if b else 1
    return -1 if b == 0 else quotient if (a < 0) == (b < 0) else -quotient


ALU: dict[tuple[int, int], Callable[[int, int], int]] = {
    (0, 0): lambda a, b: a + b,
    (0, 32): lambda a, b: a - b,
    (1, 0): lambda a, b: a << (b & 31),
    (2, 0): lambda a, b: int(signed(a) < signed(b)),
    (3, 0): lambda a, b: int(a < b),
    (4, 0): lambda a, b: a ^ b,
    (5, 0): lambda a, b: a >> (b & 31),
    (5, 32): lambda a, b: signed(a) >> (b & 31),
    (6, 0): lambda a, b: a | b,
    (7, 0): lambda a, b: a & b,
    (0, 1): lambda a, b: a * b,
    (1, 1): lambda a, b: signed(a) * signed(b) >> 32,
    (2, 1): lambda a, b: signed(a) * b >> 32,
    (3, 1): lambda a, b: a * b >> 32,
    (4, 1): lambda a, b: _divide(signed(a), signed(b)),
    (5, 1): lambda a, b: a // b if b else MASK,
    (6, 1): lambda a, b: signed(a) - signed(b) * _divide(signed(a), signed(b)) if b else a,
    (7, 1): lambda a, b: a % b if b else a,
}


class Program:
    """An interpreter of RV32IM with custom-0."""

    def __init__(self, machine: Machine):
        self.machine, self.pc, self.x = machine, machine.entry, [0] * 32
        self.aborted = False
        self._decoded: dict[int, Callable[[], int]] = {}
        self._memories = [
            (m.base, m.base + len(m.data), m.data) for _, _, m in machine.regions if isinstance(m, Memory)
        ]

    def run(self, steps: int) -> None:
        if self.aborted:
            return
        decoded, pc = self._decoded, self.pc
        try:
            for _ in range(steps):
                step = decoded.get(pc)
                if step is None:
                    step = decoded[pc] = self._decode(pc, self._fetch(pc))
                pc = step()
        except Abort:
            self.aborted = True
            text = f"CPU abort [PC={pc:#X}]: Trying to execute code outside RAM or ROM at {pc:#010X}."
            say("ERROR", "cpu0", text.replace("0X", "0x"))
        finally:
            self.pc = pc

    def _fetch(self, pc: int) -> int:
        word = self.load(pc, 4, pc)
        if not any(begin <= pc < end for begin, end, _ in self._memories):
            raise Abort
        return word

    def _nowhere(self, access: str, size: int, address: int, pc: int, value: str = "") -> None:
        if not any(address in silent for silent in self.machine.silent):
            width = {1: "Byte", 2: "Word", 4: "DoubleWord"}[size]
            text = f"{access.split()[0]}{width} {access.split()[1]} non existing peripheral at 0x{address:X}"
            say("WARNING", "sysbus", f"[cpu0: 0x{pc:X}] {text}{value}.")

    def load(self, address: int, size: int, pc: int) -> int:
        for begin, end, data in self._memories:
            if begin <= address < end:
                offset = address - begin
                return int.from_bytes(data[offset : offset + size], "little")
        thing, offset = self.machine.at(address)
        if thing is None:
            self._nowhere("Read from", size, address, pc)
            return 0
        return int(thing.read(offset, size))

    def store(self, address: int, size: int, value: int, pc: int) -> None:
        value &= (1 << 8 * size) - 1
        for begin, end, data in self._memories:
            if begin <= address < end:
                data[address - begin : address - begin + size] = value.to_bytes(size, "little")
                return
        thing, offset = self.machine.at(address)
        if thing is None:
            self._nowhere("Write to", size, address, pc, f", value 0x{value:X}")
        else:
            thing.write(offset, size, value)

    def _decode(self, pc: int, word: int) -> Callable[[], int]:
        opcode, rd, funct3 = word & 0x7F, word >> 7 & 31, word >> 12 & 7
        rs1, rs2, funct7 = word >> 15 & 31, word >> 20 & 31, word >> 25
        x, after = self.x, pc + 4
        imm_i = signed(word >> 20, 12)

        def result(value: Callable[[], int]) -> Callable[[], int]:
            def step() -> int:
                got = value() & MASK
                if rd:
                    x[rd] = got
                return after

            return step

        if opcode == 0x37:
            return result(lambda: word & 0xFFFFF000)
        if opcode == 0x17:
            return result(lambda: pc + (word & 0xFFFFF000))
        if opcode == 0x13:
            shift = funct3 in (1, 5)
            do = ALU[funct3, funct7 if shift else 0]
            operand = rs2 if shift else imm_i & MASK
            return result(lambda: do(x[rs1], operand))
        if opcode == 0x33:
            do = ALU[funct3, funct7]
            return result(lambda: do(x[rs1], x[rs2]))
        if opcode == 0x03:
            size, sign = 1 << (funct3 & 3), funct3 < 2
            if sign:
                return result(lambda: signed(self.load(x[rs1] + imm_i & MASK, size, pc), 8 * size))
            return result(lambda: self.load(x[rs1] + imm_i & MASK, size, pc))
        if opcode == 0x23:
            offset = signed(funct7 << 5 | rd, 12)

            def store() -> int:
                self.store(x[rs1] + offset & MASK, 1 << funct3, x[rs2], pc)
                return after

            return store
        if opcode == 0x63:
            imm = signed(
                word >> 31 << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 63) << 5 | (word >> 8 & 15) << 1, 13
            )
            taken, target = BRANCH[funct3], pc + imm
            return lambda: target if taken(x[rs1], x[rs2]) else after
        if opcode in (0x6F, 0x67):
            imm = signed(
                word >> 31 << 20
                | (word >> 12 & 255) << 12
                | (word >> 20 & 1) << 11
                | (word >> 21 & 1023) << 1,
                21,
            )

            def jump() -> int:
                target = pc + imm if opcode == 0x6F else x[rs1] + imm_i & 0xFFFFFFFE
                if rd:
                    x[rd] = after
                return target

            return jump
        if opcode == 0x73 and funct3:
            return result(lambda: self._csr(word >> 20, funct3, x[rs1]))
        if opcode == 0x0B:
            if rd == 0:
                raise SystemExit("Fatal error: CFU with rd = x0")  # the effect on Renode
            return self._cfu(funct7 << 3 | funct3, rd, rs1, rs2, after)
        return (lambda: after) if self.machine.tolerant else (lambda: self._trap(2, pc, word))

    def _trap(self, cause: int, pc: int, value: int) -> int:
        csrs = self.machine.csrs
        csrs[0x342], csrs[0x341], csrs[0x343] = cause, pc, value
        say("WARNING", "cpu0", f"Illegal instruction 0x{value:X} at 0x{pc:X}")
        return csrs[0x305]

    def _csr(self, number: int, funct3: int, value: int) -> int:
        before = self.machine.csrs[number]
        self.machine.csrs[number] = {1: value, 2: before | value, 3: before & ~value}[funct3]
        return before

    def _cfu(self, function: int, rd: int, rs1: int, rs2: int, after: int) -> Callable[[], int]:
        cfu, x = self.machine.cfu, self.x
        assert cfu is not None

        def step() -> int:
            value, error = cfu.execute(function, x[rs1], x[rs2])
            if error:
                say("ERROR", "cfu0", f"CFU operation timeout, error: {error}")
            else:
                x[rd] = value & MASK
            return after

        return step


def main(arguments: list[str]) -> int:
    if "--version" in arguments:
        said = os.environ.get("FAKE_RENODE_SAYS", ".".join(map(str, VERSION)))
        print(f"Renode v{said}.12345 (0123456789abcdef)")
        return 0
    machine = Machine()
    do(machine, arguments[arguments.index("-e") + 1])
    said = b""
    while os.getppid() != 1:
        if machine.started:
            machine.running().run(10_000)
        # The monitor, which Renode's end of stdin ends.
        idle = not machine.started or machine.running().aborted
        if "FAKE_RENODE_DEAF" in os.environ:
            time.sleep(0.1 if idle else 0)
        elif select.select([0], [], [], 0.1 if idle else 0)[0]:
            if not (fresh := os.read(0, 1000)):
                return 0
            *lines, said = (said + fresh).split(b"\n")
            for line in lines:
                do(machine, line.decode())
    return 0


def do(machine: Machine, line: str) -> None:
    """A command of the monitor, which goes on if it fails."""
    try:
        machine.command(line)
    except (ScriptError, OSError, KeyError, TypeError) as error:
        print(f"There was an error executing command\n{error}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
