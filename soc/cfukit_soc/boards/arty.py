"""`arty`: Digilent Arty A7-35T, 256 MiB of DDR3 behind LiteDRAM and an L2 cache. `arty100t` is the same with a larger FPGA."""

from cfukit_soc.boards import MAIN_RAM_BASE, Board, Ddr3, Fpga, Hardware, Pin, with_values

_ADDRESS = ["R2", "M6", "N4", "T1", "N6", "R7", "V6", "U7", "R8", "V7", "R6", "U6", "T6", "T8"]
_DATA = ["K5", "L3", "K3", "L6", "M3", "M1", "L4", "M2", "V4", "T5", "U4", "V5", "V1", "T3", "U3", "R3"]
_ONE = {"ras_n": "P3", "cas_n": "M4", "we_n": "P5", "cs_n": "U8", "cke": "N5", "odt": "R5", "reset_n": "K6"}
_PAIRS = {"dqs_p": ("N2", "U2"), "dqs_n": ("N1", "V2")}
_SSTL = "SSTL135"
_TERMINATED = "SLEW FAST IN_TERM UNTUNED_SPLIT_40"

PINS = (
    Pin("clk_pin", "E3"),
    Pin("serial_tx", "D10"),
    Pin("serial_rx", "A9"),
    *(Pin(f"ddram_a[{n}]", place, _SSTL, "SLEW FAST") for n, place in enumerate(_ADDRESS)),
    *(Pin(f"ddram_ba[{n}]", place, _SSTL, "SLEW FAST") for n, place in enumerate(("R1", "P4", "P2"))),
    *(Pin(f"ddram_{name}", place, _SSTL, "SLEW FAST") for name, place in _ONE.items()),
    *(Pin(f"ddram_dm[{n}]", place, _SSTL, "SLEW FAST") for n, place in enumerate(("L1", "U1"))),
    *(Pin(f"ddram_dq[{n}]", place, _SSTL, _TERMINATED) for n, place in enumerate(_DATA)),
    *(
        Pin(f"ddram_{name}[{n}]", place, f"DIFF_{_SSTL}", _TERMINATED)
        for name, places in _PAIRS.items()
        for n, place in enumerate(places)
    ),
    Pin("ddram_clk_p", "U9", f"DIFF_{_SSTL}", "SLEW FAST"),
    Pin("ddram_clk_n", "V9", f"DIFF_{_SSTL}", "SLEW FAST"),
)

# The reference voltage of DDR3's bank is made inside; the configuration bank is at 3.3 V.
_XDC = (
    "set_property INTERNAL_VREF 0.675 [get_iobanks 34]",
    "set_property CFGBVS VCCO [current_design]",
    "set_property CONFIG_VOLTAGE 3.3 [current_design]",
)

# The PLL multiplies 100 MHz by MULTIPLY (to 800 to 1600 MHz) and divides that for the system's clock, for four times that clock, for
# the same a quarter period later, and for 200 MHz.
_CLOCKING = """\
  wire feedback, locked, ready = locked;
  wire clk_raw, clk4x_raw, clk4x_dqs_raw, idelay_raw;
  wire clk, sys4x_clk, sys4x_dqs_clk, idelay_clk;
  PLLE2_ADV #(
    .CLKIN1_PERIOD(10.0), .DIVCLK_DIVIDE(1), .CLKFBOUT_MULT(MULTIPLY), .STARTUP_WAIT("FALSE"), .REF_JITTER1(0.01),
    .CLKOUT0_DIVIDE(SYSTEM), .CLKOUT1_DIVIDE(FOURFOLD), .CLKOUT2_DIVIDE(FOURFOLD), .CLKOUT2_PHASE(90.0), .CLKOUT3_DIVIDE(IDELAY)
  ) pll (
    .CLKIN1(clk_pin), .RST(1'b0), .PWRDWN(1'b0), .CLKFBIN(feedback), .CLKFBOUT(feedback), .LOCKED(locked),
    .CLKOUT0(clk_raw), .CLKOUT1(clk4x_raw), .CLKOUT2(clk4x_dqs_raw), .CLKOUT3(idelay_raw)
  );
  BUFG clk_buffer (.I(clk_raw), .O(clk));
  BUFG clk4x_buffer (.I(clk4x_raw), .O(sys4x_clk));
  BUFG clk4x_dqs_buffer (.I(clk4x_dqs_raw), .O(sys4x_dqs_clk));
  BUFG idelay_buffer (.I(idelay_raw), .O(idelay_clk));
  reg [1:0] idelay_wait = 2'b11;
  always @(posedge idelay_clk) idelay_wait <= {idelay_wait[0], !locked};
  wire idelay_rst = idelay_wait[1];
"""


def _clocking(multiply: int, system: int, fourfold: int, idelay: int) -> str:
    return with_values(_CLOCKING, MULTIPLY=multiply, SYSTEM=system, FOURFOLD=fourfold, IDELAY=idelay)


def arty(name: str, device: str, available: dict[str, int], sram_bytes: int, loader: str) -> Board:
    """An Arty A7 with this FPGA and on-chip RAM; loader: its name in openFPGALoader."""
    return Board(
        name=name,
        about=f"Digilent Arty {device}: 256 MiB DDR3, 8 KiB L2, {sram_bytes >> 10} KiB on-chip RAM",
        clock_hz=100_000_000,
        cpu="full+cfu",
        reset_address=MAIN_RAM_BASE,
        memories=(),
        sram_bytes=sram_bytes,
        bus_rom_bytes=16 * 1024,
        ddr3=Ddr3("MT41K128M16", data_bits=16, bytes=256 << 20),
        hardware=Hardware(
            fpga=Fpga("xc7", device, available),
            clocking=_clocking(16, 16, 4, 8),
            # At 50 MHz DDR3 runs below what its standard allows: it may work.
            other_clocking={75_000_000: _clocking(12, 16, 4, 6), 50_000_000: _clocking(16, 32, 8, 8)},
            pin_hz=100_000_000,
            pins=PINS,
            xdc=_XDC,
            openfpgaloader=loader,
            serial="its USB socket, the second serial port",
        ),
    )


BOARD = arty(
    "arty",
    "xc7a35ticsg324-1L",
    {"lut": 20800, "ff": 41600, "bram": 50, "dsp": 90},
    sram_bytes=64 * 1024,
    loader="arty_a7_35t",
)
