"""`sim_slow`: `sim` with a large slow RAM and a small fast one, to show what the placement of a model's parts is worth."""

from cfukit_soc.boards import MAIN_RAM_BASE, Board, BusMemory

BOARD = Board(
    name="sim_slow",
    about="simulated only: 8 MiB RAM of 10 cycles per word read and 6 per word written, 64 KiB on-chip RAM of 2 cycles",
    clock_hz=100_000_000,  # nominal: cycles do not depend on it
    cpu="full+cfu",
    reset_address=MAIN_RAM_BASE,
    memories=(BusMemory("main_ram", MAIN_RAM_BASE, 8 * 1024 * 1024, "ram", read_cycles=10, write_cycles=6),),
    sram_bytes=64 * 1024,
)
