"""The CFU's memory port: the data TCM as signals for the gateware and as bytes for the model.

    class Engine(State):
        def __init__(self, memory):
            self.memory = memory      # the gateware drives memory.cmd_valid, ...; the model calls memory.load and memory.store
    ...
    memory = MemoryPort(width=32)
    return Cfu({...}, memory=memory, autonomous=True)

* An address is a byte offset into the data TCM, aligned to width / 8 bytes. C passes `CFU_ADDR(pointer)`.
* A command passes in a cycle in which `cmd_valid` and `cmd_ready` are 1: one per cycle at best.
* Writes are posted. Reads are answered in order after any number of cycles, and at most 4 are outstanding. The CFU cannot refuse
  a response.
* At any time a word of 4 bytes belongs either to the CPU or to the CFU.
"""

from __future__ import annotations

from amaranth.hdl import Signal

from cfukit_base.cfu_ports import MEMORY_PORT_WIDTHS, MemorySignals, memory_ports
from cfukit_base.errors import ResultError, UsageError

TEST_BYTES = 16 * 1024  # the memory of the automatic tests is as large as the smallest data TCM


class MemoryPort(MemorySignals[Signal]):
    """Signals and model of the port of one Cfu.

    * The gateware drives `cmd_valid`, `we`, `addr` (20 bits), `data` (`width` bits) and `mask` (a bit per byte to write).
    * The gateware sees `cmd_ready`, `rsp_valid` and `rsp_data`.
    * The model calls `load` and `store`. In tests the memory has TEST_BYTES.
    """

    def __init__(self, width: int = 32):
        if width not in MEMORY_PORT_WIDTHS:
            raise UsageError(
                "MemoryPort",
                f"width is {width!r}",
                allowed=f"one of {', '.join(map(str, MEMORY_PORT_WIDTHS))}",
            )
        self.width = width
        super().__init__({port.name: Signal(port.bits, name=port.name) for port in memory_ports(width)})
        self.fill(bytes(TEST_BYTES))

    # model

    def fill(self, contents: bytes) -> None:
        """Set the contents of the memory, and forget which words the CFU has touched."""
        self.contents = bytearray(contents)
        self.read_words: set[int] = set()
        self.written_words: set[int] = set()

    def load(self, address: int, count: int) -> bytes:
        """`count` bytes at byte offset `address`."""
        self.read_words.update(self._words(address, count))
        return bytes(self.contents[address : address + count])

    def store(self, address: int, data: bytes) -> None:
        """Write `data` at byte offset `address`."""
        self.written_words.update(self._words(address, len(data)))
        self.contents[address : address + len(data)] = data

    def _words(self, address: int, count: int) -> range:
        if not 0 <= address <= address + count <= len(self.contents):
            raise ResultError(
                "the CFU's model",
                f"it asks for {count} bytes at offset {address:#x}",
                allowed=f"the memory has {len(self.contents)} bytes",
                hint="`operands` of the instruction narrows what the tests choose",
            )
        return range(address // 4, -(-(address + count) // 4))
