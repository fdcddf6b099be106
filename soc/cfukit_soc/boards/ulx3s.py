"""`ulx3s`: Radiona ULX3S with a Lattice LFE5U-45F and 32 MiB of SDRAM."""

from cfukit_soc.boards import MAIN_RAM_BASE, Board, Fpga, Hardware, Pin, Sdram

_A = ["M20", "M19", "L20", "L19", "K20", "K19", "K18", "J20", "J19", "H20", "N19", "G20", "G19"]
_DQ = [
    "J16",
    "L18",
    "M18",
    "N18",
    "P18",
    "T18",
    "T17",
    "U20",
    "E19",
    "D20",
    "D19",
    "C20",
    "E18",
    "F18",
    "J18",
    "J17",
]
_ONE = {"clk_pin": "F19", "cke": "F20", "cs_n": "P20", "ras_n": "R20", "cas_n": "T19", "we_n": "T20"}

BOARD = Board(
    name="ulx3s",
    about="Radiona ULX3S (Lattice LFE5U-45F): 32 MiB SDRAM, 8 KiB L2, 64 KiB on-chip RAM",
    clock_hz=50_000_000,
    cpu="full+cfu",
    reset_address=MAIN_RAM_BASE,
    memories=(),
    sram_bytes=64 * 1024,
    bus_rom_bytes=8 * 1024,
    sdram=Sdram("MT48LC16M16", data_bits=16, bytes=32 << 20),
    hardware=Hardware(
        fpga=Fpga(
            "ecp5",
            "LFE5U-45F",
            {"lut": 43848, "ff": 43848, "bram": 108, "dsp": 72},
            place=("--45k", "--package", "CABGA381", "--speed", "6"),
            pack=("--compress",),
        ),
        # 25 MHz x 24 / 12: the oscillator inside runs at 600 MHz.
        clocking="""\
  wire clk, sdram_clk, ready;
  EHXPLLL #(
    .CLKI_DIV(1), .CLKFB_DIV(2), .CLKOP_DIV(12), .CLKOP_CPHASE(11), .CLKOP_FPHASE(0), .CLKOP_ENABLE("ENABLED"),
    .CLKOS_DIV(12), .CLKOS_CPHASE(14), .CLKOS_FPHASE(0), .CLKOS_ENABLE("ENABLED"),  // a quarter of a cycle later
    .FEEDBK_PATH("CLKOP"), .OUTDIVIDER_MUXA("DIVA"), .PLLRST_ENA("DISABLED"), .INTFB_WAKE("DISABLED"),
    .STDBY_ENABLE("DISABLED"), .DPHASE_SOURCE("DISABLED")
  ) pll (
    .RST(1'b0), .STDBY(1'b0), .CLKI(clk_pin), .CLKOP(clk), .CLKOS(sdram_clk), .CLKFB(clk), .CLKINTFB(), .LOCK(ready),
    .PHASESEL0(1'b0), .PHASESEL1(1'b0), .PHASEDIR(1'b1), .PHASESTEP(1'b1), .PHASELOADREG(1'b1),
    .PLLWAKESYNC(1'b0), .ENCLKOP(1'b0)
  );
""",
        pin_hz=25_000_000,
        pins=(
            Pin("clk_pin", "G2"),
            Pin("serial_tx", "L4"),
            Pin("serial_rx", "M1"),
            *(Pin(f"sdram_{name}", place) for name, place in _ONE.items()),
            *(Pin(f"sdram_ba[{n}]", place) for n, place in enumerate(("P19", "N20"))),
            *(Pin(f"sdram_dm[{n}]", place) for n, place in enumerate(("U19", "E20"))),
            *(Pin(f"sdram_a[{n}]", place) for n, place in enumerate(_A)),
            *(Pin(f"sdram_dq[{n}]", place) for n, place in enumerate(_DQ)),
        ),
        serial="US1, the socket of the USB serial chip",
    ),
)
