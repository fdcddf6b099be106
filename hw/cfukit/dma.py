"""The CFU's DMA port: main memory as streams for the gateware and as bytes for the model.

    class Fetcher(State):
        def __init__(self, dma):
            self.dma = dma      # the gateware uses dma.read_commands and dma.read_data; the model calls dma.load
    ...
    dma = DmaPort(width=128)
    return Cfu({...}, dma=dma, autonomous=True)

* A command asks for `count` elements of `width` bits, 1 to 65,535, from address `addr` on. The address is that of main memory, as
  the CPU sees it, aligned to an element. C passes `CFU_DMA_ADDR(pointer)`.
* Commands may follow each other before their data come: at least two are outstanding.
* Elements come in the order of commands. The CFU may hold them back with `ready` for as long as it likes.
* A read sees what the CPU stored before the instruction that started it. A store that the CPU executes later may be seen or not.
"""

from __future__ import annotations

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, stream

from cfukit_base.cfu_ports import DMA_ADDRESS_BITS, DMA_COUNT_BITS, DMA_WIDTHS, DmaShape, dma_ports
from cfukit_base.errors import ResultError, UsageError

# Main memory in the automatic tests.
DMA_TEST_BASE = 0x4000_0000
DMA_TEST_BYTES = 16 * 1024

COMMAND = data.StructLayout({"addr": unsigned(DMA_ADDRESS_BITS), "count": unsigned(DMA_COUNT_BITS)})


class DmaPort:
    """Streams and model of the DMA port of one Cfu.

    * read_commands: a stream of COMMAND; the gateware drives `valid` and `payload`.
    * read_data: a stream of elements; the gateware drives `ready`.
    * The model calls `load`. In tests main memory has DMA_TEST_BYTES from DMA_TEST_BASE on.
    """

    def __init__(self, width: int = 128):
        if width not in DMA_WIDTHS:
            raise UsageError(
                "DmaPort",
                f"width is {width!r}",
                allowed=f"one of {', '.join(map(str, DMA_WIDTHS))}",
            )
        self.shape = DmaShape(width=width)
        self.width = width
        self.read_commands = stream.Signature(COMMAND).create(path=("dma_read_commands",))
        self.read_data = stream.Signature(unsigned(width)).create(path=("dma_read_data",))
        self.signals = {port.name: Signal(port.bits, name=port.name) for port in dma_ports(self.shape)}
        self.fill(bytes(DMA_TEST_BYTES))

    def connect(self, m: Module) -> None:
        """Connect the streams with the ports of module Cfu; `Cfu` calls it."""
        ports, commands, elements = self.signals, self.read_commands, self.read_data
        m.d.comb += [
            ports["dma_read_cmd_valid"].eq(commands.valid),
            ports["dma_read_cmd_payload_addr"].eq(commands.payload.addr),
            ports["dma_read_cmd_payload_count"].eq(commands.payload.count),
            commands.ready.eq(ports["dma_read_cmd_ready"]),
            elements.valid.eq(ports["dma_read_rsp_valid"]),
            elements.payload.eq(ports["dma_read_rsp_payload_data"]),
            ports["dma_read_rsp_ready"].eq(elements.ready),
        ]

    # model

    def fill(self, contents: bytes, base: int = DMA_TEST_BASE) -> None:
        """Set the contents of main memory, which begins at address `base`."""
        self.contents, self.base = bytearray(contents), base

    def load(self, address: int, count: int) -> bytes:
        """`count` bytes at `address` of main memory."""
        at = address - self.base
        if not 0 <= at <= at + count <= len(self.contents):
            raise ResultError(
                "the CFU's model",
                f"it reads {count} bytes at address {address:#x} by DMA",
                allowed=f"main memory has {len(self.contents)} bytes from {self.base:#x} on",
                hint="`operands` of the instruction narrows what the tests choose",
            )
        return bytes(self.contents[at : at + count])
