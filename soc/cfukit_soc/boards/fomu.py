"""`fomu`: Fomu PVT, an iCE40UP5K in a USB socket: 128 KiB of SPRAM as tightly coupled memories, 2 MiB of flash."""

from cfukit_soc.boards import FLASH_BASE, FLASH_HEADER_BYTES, Board, Flash, Fpga, Hardware, Pin

UP5K = {"lc": 5280, "bram": 30, "dsp": 8, "spram": 4}

BOARD = Board(
    name="fomu",
    about="Fomu PVT (iCE40UP5K): 64 + 64 KiB SPRAM as tightly coupled memories, 2 MiB flash, UART on the touch pins",
    clock_hz=12_000_000,
    cpu="fomu",
    reset_address=FLASH_BASE + 0x60000 + FLASH_HEADER_BYTES,  # of a CPU with I$; `cpu` starts in its boot ROM
    memories=(),
    boot_rom_bytes=1024,
    # The bootloader has the first 256 KiB; it starts the image behind it, which begins with the gateware.
    flash=Flash(2 << 20, begin_bytes=0x60000, lanes=4),
    hardware=Hardware(
        fpga=Fpga("ice40", "up5k", UP5K, place=("--up5k", "--package", "uwg30")),
        clocking="""\
  reg [1:0] divided = 2'd0;  // 48 MHz / 4
  always @(posedge clk_pin) divided <= divided + 2'd1;
  wire clk;
  SB_GB clock_buffer (.USER_SIGNAL_TO_GLOBAL_BUFFER(divided[1]), .GLOBAL_BUFFER_OUTPUT(clk));
  wire ready = 1'b1;
""",
        pin_hz=48_000_000,
        pins=(
            Pin("clk_pin", "F4"),
            Pin("serial_tx", "E4"),
            Pin("serial_rx", "D5"),
            Pin("flash_cs_n", "C1"),
            Pin("flash_clk", "D1"),
            Pin("flash_dq[0]", "F1"),
            Pin("flash_dq[1]", "E1"),
            Pin("flash_dq[2]", "F2"),
            Pin("flash_dq[3]", "B1"),
            Pin("usb_pullup", "A4"),
        ),
        serial="touch pad 1 (E4): TX of Fomu, pad 2 (D5): RX of Fomu, both 3.3 V; ground from USB",
        image_begin_bytes=0x40000,
        dfu=(0x1209, 0x5BF0),
    ),
)
