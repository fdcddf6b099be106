"""`tang20k`: Sipeed Tang Nano 20K, a Gowin GW2AR-18 with 8 MiB of SDRAM in its package."""

from cfukit_soc.boards import MAIN_RAM_BASE, Board, Fpga, Hardware, Pin, Sdram, with_values

# The PLL's oscillator may run at 500 to 1250 MHz. The SDRAM's clock is 112.5 degrees later: in the middle between the commands before
# it and the next edge, by which the data must be back.
_PLL = """\
  wire clk, sdram_clk, ready;
  rPLL #(
    .FCLKIN("27"), .DEVICE("GW2AR-18C"), .IDIV_SEL(IDIV), .FBDIV_SEL(FBDIV), .ODIV_SEL(ODIV), .PSDA_SEL("0101"), .DUTYDA_SEL("1000"),
    .DYN_IDIV_SEL("false"), .DYN_FBDIV_SEL("false"), .DYN_ODIV_SEL("false"), .DYN_DA_EN("false"), .DYN_SDIV_SEL(2),
    .CLKFB_SEL("internal"), .CLKOUT_BYPASS("false"), .CLKOUTP_BYPASS("false"), .CLKOUTD_BYPASS("false"),
    .CLKOUTD_SRC("CLKOUT"), .CLKOUTD3_SRC("CLKOUT")
  ) pll (
    .CLKIN(clk_pin), .CLKOUT(clk), .CLKOUTP(sdram_clk), .LOCK(ready), .CLKOUTD(), .CLKOUTD3(), .RESET(1'b0), .RESET_P(1'b0),
    .CLKFB(1'b0), .FBDSEL(6'd0), .IDSEL(6'd0), .ODSEL(6'd0), .PSDA(4'd0), .DUTYDA(4'd0), .FDLY(4'd0)
  );
"""


def _pll(multiply: int, divide: int, oscillator: int) -> str:
    """27 MHz times multiply / divide; oscillator: how many times faster it runs."""
    return with_values(_PLL, IDIV=divide - 1, FBDIV=multiply - 1, ODIV=oscillator)


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
        clocking=_pll(1, 1, 32),
        other_clocking={48_000_000: _pll(16, 9, 16)},
        pin_hz=27_000_000,
        pins=(Pin("clk_pin", "4"), Pin("serial_tx", "69"), Pin("serial_rx", "70")),
        openfpgaloader="tangnano20k",
        serial="its USB socket, the second serial port",
    ),
)
