"""`sim`: no hardware; the simplest memory system, so that a figure means the same to everyone."""

from cfukit_soc.boards import MAIN_RAM_BASE, Board, BusMemory

BOARD = Board(
    name="sim",
    about="simulated only: 32 MiB RAM on one shared classic Wishbone, 2 cycles per word, no L2",
    clock_hz=100_000_000,  # nominal: cycles do not depend on it
    cpu="full+cfu",
    reset_address=MAIN_RAM_BASE,
    memories=(BusMemory("main_ram", MAIN_RAM_BASE, 32 * 1024 * 1024, "ram", read_cycles=2, write_cycles=2),),
)
