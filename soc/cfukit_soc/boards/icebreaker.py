"""`icebreaker`: iCEBreaker 1.0 (iCE40UP5K): the system of `fomu` with other pins, a 12 MHz clock and 16 MiB of flash."""

from cfukit_soc.boards import FLASH_BASE, FLASH_HEADER_BYTES, Board, Flash, Fpga, Hardware, Pin
from cfukit_soc.boards.fomu import UP5K

BOARD = Board(
    name="icebreaker",
    about="iCEBreaker (iCE40UP5K): 64 + 64 KiB SPRAM as tightly coupled memories, 16 MiB flash, UART over USB",
    clock_hz=12_000_000,
    cpu="fomu",
    reset_address=FLASH_BASE
    + 0x100000
    + FLASH_HEADER_BYTES,  # of a CPU with I$; `cpu` starts in its boot ROM
    memories=(),
    bus_timeout_cycles=1024,  # the first word from the flash takes longer than the others: it has to wake up
    boot_rom_bytes=1024,
    flash=Flash(16 << 20, begin_bytes=0x100000, lanes=1),
    hardware=Hardware(
        fpga=Fpga("ice40", "up5k", UP5K, place=("--up5k", "--package", "sg48")),
        clocking="  wire clk = clk_pin;\n  wire ready = 1'b1;\n",
        pin_hz=12_000_000,
        pins=(
            Pin("clk_pin", "35"),
            Pin("serial_tx", "9"),
            Pin("serial_rx", "6"),
            Pin("flash_cs_n", "16"),
            Pin("flash_clk", "15"),
            Pin("flash_dq[0]", "14"),
            Pin("flash_dq[1]", "17"),
            Pin("flash_dq[2]", "12"),
            Pin("flash_dq[3]", "13"),
        ),
        openfpgaloader="ice40_generic",
        serial="the second port of its USB socket, /dev/ttyUSB1",
    ),
)
