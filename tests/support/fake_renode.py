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

import os
import re
import select
import sys
import time
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from elftools.elf.elffile import ELFFile

sys.path.insert(0, str(Path(__file__).parents[1]))  # it is called as a program, too

from support.fake_renode_processor import MASK, Cfu, Memory, Program

VERSION = tuple(int(part) for part in os.environ.get("FAKE_RENODE_VERSION", "1.16.0").split("."))
STEPS_PER_SECOND = 1_000_000  # of virtual time; Renode's are 100 times as many
RECREATED_SECONDS = (
    0.05  # how long the first file of the UART exists: longer than a reader waits between two looks
)


class ScriptError(Exception):
    pass


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
