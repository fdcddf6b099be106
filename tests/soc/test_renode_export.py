"""The files for Renode describe the same system as soc.json, in each version's syntax."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.soc import Register
from cfukit_base.errors import UsageError
from cfukit_soc.renode.csrs import foreign_csrs
from cfukit_soc.renode.export import RenodeScripts, export_renode
from cfukit_soc.renode.platform import _memory, dialect_of, platform, silenced
from cfukit_soc.renode.scripts import registers_script, uart_rest_script
from support.bare import assemble
from support.socs import make_soc, memory

NEW, OLD = "1.16", "1.13"


@pytest.fixture(scope="module", params=["sim", "sim_slow", "arty"])
def soc_json(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_soc(request.param, tmp_path_factory.mktemp("soc"), sram_bytes=1024)


@pytest.fixture
def exported(soc_json: Path, tmp_path: Path) -> RenodeScripts:
    elf = assemble(".globl main\nmain:\n csrr a0, 0xb04\n csrr a0, 0xbc0\n csrr a0, mcycle\n ret\n", tmp_path)
    library = tmp_path / "libcfu.so"
    expected = [b"\x93\x01\xc0"]
    return export_renode(tmp_path / "out", soc_json, elf, library, stdin=b"\xc0\x80A", expected=expected)


def regions(repl: str) -> dict[str, tuple[str, int, int]]:
    """name -> (class, base, bytes) of every device on the bus."""
    found = {}
    for entry in re.split(r"\n(?=\w)", repl):
        head = re.match(r"(\w+): ([\w.]+) @ sysbus (?:<(0x\w+), \+(0x\w+)>|(0x\w+))", entry)
        if head:
            size = head[4] or re.search(r"size: (0x\w+)", entry)[1]  # type: ignore[index]
            found[head[1]] = (head[2], int(head[3] or head[5], 16), int(size, 16))
    return found


def test_memories_are_those_of_the_system_in_whole_pages(soc_json: Path, exported: RenodeScripts) -> None:
    placed = regions((exported.folder / "soc.repl").read_text())
    for each in Soc.read(soc_json).memories:
        kind, base, size = placed[each.name]
        assert (kind, base) == ("Memory.MappedMemory", each.base)
        assert size % 0x1000 == base % 0x1000 == 0 and each.bytes <= size < each.bytes + 0x1000


def test_every_register_of_the_system_has_one_place_and_no_two_places_overlap(
    soc_json: Path, exported: RenodeScripts
) -> None:
    soc = Soc.read(soc_json)
    places = [(base, size) for _, base, size in regions((exported.folder / "soc.repl").read_text()).values()]
    places += silenced(soc)
    for register in soc.csrs.values():
        assert sum(base <= register.address < base + size for base, size in places) == 1
    ordered = sorted(places)
    assert all(base + size <= after for (base, size), (after, _) in itertools.pairwise(ordered))


def test_a_memory_that_begins_inside_a_page_has_all_of_it() -> None:
    flash = memory("flash", 0x19_FFC0, kind="flash", base=0x0806_0040)
    assert regions(_memory(flash)) == {"flash": ("Memory.MappedMemory", 0x0806_0000, 0x1A_0000)}


def test_registers_without_a_model_are_silenced(soc_json: Path) -> None:
    soc = Soc.read(soc_json)
    before = silenced(soc)
    more = {"pads_a": (0xF0003000, 32), "pads_b": (0xF0003004, 64), "leds_out": (0xF0004000, 32)}
    registers = {name: Register(address=address, bits=bits) for name, (address, bits) in more.items()}
    soc = replace(soc, csrs=soc.csrs | registers)
    assert silenced(soc) == [*before, (0xF0003000, 12), (0xF0004000, 4)]
    assert "SilenceRange <0xf0003000 0xc>" in platform(soc, Path("/a.py"), Path("/b.py"))


def test_versions_differ_in_the_cfu_and_the_uart_only(exported: RenodeScripts) -> None:
    new, old = ((exported.folder / f"soc_{suffix}.repl").read_text() for suffix in (NEW, OLD))
    assert "cfu0: CoSimulated.CoSimulatedCFU @ cpu0 0" in new and "txFifoCapacity: 0" in new
    assert "cfu0: Verilated.CFUVerilatedPeripheral @ cpu0 0" in old and "txFifoCapacity" not in old
    assert new.splitlines()[0] == old.splitlines()[0] == 'using "./soc.repl"'
    texts = [path for path in exported.folder.iterdir() if path.suffix != ".bin"]
    everything = "".join(path.read_text() for path in texts)
    # Fatal on 1.16.0; crashes up to 1.15.3.
    assert "frequency" not in everything and "machine Reset" not in everything


@pytest.mark.parametrize(
    ("version", "suffix"),
    [((1, 13), OLD), ((1, 14, 0), OLD), ((1, 15, 3), OLD), ((1, 16), NEW), ((2, 0), NEW), ((), NEW)],
)
def test_the_script_follows_the_version(
    exported: RenodeScripts, version: tuple[int, ...], suffix: str
) -> None:
    script = exported.run(dialect_of(version))
    assert script.name == f"run_{suffix}.resc" and script.is_file()


def test_a_renode_that_is_too_old_is_refused() -> None:
    with pytest.raises(UsageError, match=r"version 1\.12; 1\.13 or newer"):
        dialect_of((1, 12))


@pytest.mark.parametrize("suffix", [NEW, OLD])
def test_scripts_name_files_that_exist_and_come_in_order(exported: RenodeScripts, suffix: str) -> None:
    setup = (exported.folder / f"setup_{suffix}.resc").read_text().splitlines()
    lines = [line for line in setup if not line.startswith("#")]
    order = ("$uart_log", "using", "mach", "machine", "cpu0", "cpu0.cfu0", "uart", "sysbus", "include")
    starts = [line.split()[0].split("?")[0] for line in lines]
    assert starts == list(order)
    for path in re.findall(r"@(\S+)", "\n".join(setup)):
        assert Path(path).is_absolute()
        assert Path(path).exists() or path.endswith(("uart.log", "libcfu.so"))
    run = (exported.folder / f"run_{suffix}.resc").read_text().splitlines()
    assert run[-1] == "start" and run[-2] == f"include @{exported.folder}/setup_{suffix}.resc"


def test_the_input_goes_to_the_uart_with_one_command(exported: RenodeScripts) -> None:
    """At a command of the monitor per byte 20,000 bytes took 53 s."""
    assert (exported.folder / "stdin.bin").read_bytes() == b"\xc0\x80A"
    setup = (exported.folder / f"setup_{NEW}.resc").read_text()
    assert "WriteChar" not in setup and setup.splitlines()[-1] == f"include @{exported.folder}/stdin.py"
    received: list[int] = []
    monitor = SimpleNamespace(Machine={"sysbus.uart": SimpleNamespace(WriteChar=received.append)})
    system = SimpleNamespace(
        IO=SimpleNamespace(File=SimpleNamespace(ReadAllBytes=lambda path: Path(path).read_bytes()))
    )
    exec((exported.folder / "stdin.py").read_text(), {"self": monitor, "System": system})
    assert received == [0xC0, 0x80, 0x41]


def test_the_processor_has_no_letters_that_old_versions_take_for_extensions(exported: RenodeScripts) -> None:
    """1.13 and 1.14 find F and C in "rv32im_zicsr_zifencei"."""
    (isa,) = re.findall(r'cpuType: "rv32(.*)"', (exported.folder / "soc.repl").read_text())
    assert set(isa) == {"i", "m"}


def test_a_limit_in_cycles_is_virtual_time(exported: RenodeScripts, soc_json: Path) -> None:
    clock_hz = Soc.read(soc_json).clock_hz
    script = exported.limited(dialect_of((1, 14)), clock_hz * 70 + 1)
    assert script.read_text().splitlines() == [
        f"include @{exported.folder}/setup_{OLD}.resc",
        'emulation RunFor "70.000001"',
        f"include @{exported.folder}/state.py",
    ]


def test_registers_that_the_program_uses_and_renode_lacks(exported: RenodeScripts, tmp_path: Path) -> None:
    setup = (exported.folder / f"setup_{NEW}.resc").read_text()
    assert re.findall(r"RegisterCustomCSR .*", setup) == ['RegisterCustomCSR "csr_b04" 0xb04 3']
    assert foreign_csrs(assemble(".globl main\nmain:\n csrw 0xbc0, a0\n ret\n", tmp_path)) == []


def test_the_robot_file_demands_what_the_uart_must_send(exported: RenodeScripts) -> None:
    text = exported.robot.read_text()
    assert "bytes.fromhex('9301c0') in $sent" in text
    tables = re.findall(r"^\*\*\* (.*) \*\*\*$", text, re.MULTILINE)
    assert tables == ["Settings", "Variables", "Test Cases", "Keywords"]


@pytest.mark.parametrize("name", ["a;b", 'a"b', "a\\b", "a[1]", "a\nb", "a\tb", "a\u00a0b"])
def test_a_path_that_the_scripts_cannot_name_is_refused(tmp_path: Path, name: str) -> None:
    soc_json = make_soc("sim", tmp_path / "soc")
    with pytest.raises(UsageError, match="in a path; Renode's scripts cannot name a path with"):
        export_renode(tmp_path / name, soc_json, tmp_path / "elf", tmp_path / "library")
    assert not (tmp_path / name).exists()


class Registers:
    """A Python peripheral as Renode runs it, with the member names of that version."""

    def __init__(self, text: str, capitals: bool):
        self._code, self._capitals, self._scope = compile(text, "peripheral", "exec"), capitals, {}
        self.do("Init", 0)

    def do(self, kind: str, offset: int, value: int = 0) -> int:
        members: dict[str, Any] = {f"Is{name}": name == kind for name in ("Init", "Read", "Write")}
        members |= {"Offset": offset, "Value": value}
        if not self._capitals:
            members = {name[0].lower() + name[1:]: item for name, item in members.items()}
        request = self._scope["request"] = SimpleNamespace(**members)
        exec(self._code, self._scope)
        return request.Value if self._capitals else request.value


@pytest.mark.parametrize("capitals", [True, False])
def test_registers_of_the_system(soc_json: Path, tmp_path: Path, capitals: bool) -> None:
    soc, ended = Soc.read(soc_json), tmp_path / "exit"
    registers = Registers(registers_script(soc, ended), capitals)
    first, second = registers.do("Read", 4), registers.do("Read", 4)
    assert second > first and registers.do("Read", 0) == 0 and registers.do("Read", 12) == 0
    assert not ended.exists()
    registers.do("Write", 8, 0xFFFFFFFF)
    assert ended.read_text() == "4294967295\n"
    rest = Registers(uart_rest_script(), capitals)
    assert (rest.do("Read", 0), rest.do("Read", 4)) == (1, 0)
