"""`tang20k`: Sipeed Tang Nano 20K, a Gowin GW2AR-18 with 8 MiB of SDRAM in its package."""

from cfukit_soc.boards import MAIN_RAM_BASE, Board, Fpga, Hardware, Pin, Sdram

_PLACE = ("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C")

BOARD = Board(
    name="tang20k",
    about="Sipeed Tang Nano 20K (Gowin GW2AR-18): 8 MiB SDRAM, 8 KiB L2, 16 KiB on-chip RAM",
    clock_hz=27_000_000,
    cpu="full+cfu",
    reset_address=MAIN_RAM_BASE,
    memories=(),
    sram_bytes=16 * 1024,
    bus_rom_bytes=8 * 1024,
    sdram=Sdram("M12L64322A", data_bits=32, bytes=8 << 20, address_bits=11, in_package=True),
    hardware=Hardware(
        fpga=Fpga(
            "gowin",
            "GW2AR-LV18QN88C8/I7",
            {"lut": 20736, "ff": 15552, "bram": 46, "dsp": 48},
            place=_PLACE,
            pack=("-d", "GW2A-18C"),
        ),
        clocking="  wire clk = clk_pin;\n  wire ready = 1'b1;\n  wire sdram_clk = ~clk;\n",
        pin_hz=27_000_000,
        pins=(Pin("clk_pin", "4"), Pin("serial_tx", "69"), Pin("serial_rx", "70")),
        serial="its USB socket, the second serial port",
        loads="openFPGALoader -b tangnano20k FILE.fs",
    ),
)
