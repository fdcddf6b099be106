"""The memories behind a `Tcm`, as Verilog that every tool maps to block RAM or SPRAM, with bytes enabled.

It is written by hand rather than elaborated, because synthesis recognises this form, and tests poison collisions in its text.
"""

from __future__ import annotations

_PORTS = {
    "simple": """
  input read_enable, input [16:0] read_address, output reg [31:0] read_data,
  input [3:0] write_mask, input [16:0] write_address, input [31:0] write_data""",
    "single": """
  input enable, input [16:0] address, input [3:0] mask, input [31:0] write_data, output reg [31:0] read_data""",
    "shared": """
  input fetch_enable, input [16:0] fetch_address, output reg [31:0] fetch_data,
  input enable, input [16:0] address, input [3:0] mask, input [31:0] write_data, output reg [31:0] read_data""",
}
_BYTES = "    if ({mask}[0]) mem[{address}][7:0] <= write_data[7:0];\n" + "".join(
    f"    if ({{mask}}[{n}]) mem[{{address}}][{8 * n + 7}:{8 * n}] <= write_data[{8 * n + 7}:{8 * n}];\n"
    for n in (1, 2, 3)
)


def memory_verilog(name: str, size_bytes: int, kind: str) -> str:
    """A memory of words with byte enables. A read that collides with a write gives anything in the bytes that are written."""
    words = size_bytes // 4
    bits = (words - 1).bit_length()
    style = "huge" if kind == "single" else "block"
    at = f"address[{bits - 1}:0]"
    if kind == "simple":
        body = _BYTES.format(mask="write_mask", address="write_" + at)
        body += f"    if (read_enable) read_data <= mem[read_{at}];\n"
    else:
        body = "    if (enable) begin\n" + _BYTES.format(mask="mask", address=at)
        body += f"    if (mask == 4'd0) read_data <= mem[{at}];\n    end\n"
        if kind == "shared":
            body += f"    if (fetch_enable) fetch_data <= mem[fetch_{at}];\n"
    return (
        f"module {name} (\n  input clk,{_PORTS[kind]}\n);\n"
        f'  (* ram_style = "{style}", no_rw_check *) reg [31:0] mem [0:{words - 1}];\n'
        f"  always @(posedge clk) begin\n{body}  end\nendmodule\n"
    )


def boot_rom_verilog(size_bytes: int) -> str:
    """The boot ROM. The macro CFUKIT_BOOT_ROM names the $readmemh file of its contents; a simulator writes them itself."""
    words = size_bytes // 4
    return f"""module BootRom (
  input clk, input enable, input [{(words - 1).bit_length() - 1}:0] address, output reg [31:0] data
);
  (* ram_style = "block" *) reg [31:0] mem [0:{words - 1}];
`ifdef CFUKIT_BOOT_ROM
  initial $readmemh(`CFUKIT_BOOT_ROM, mem);
`endif
  always @(posedge clk) if (enable) data <= mem[address];
endmodule
"""


def row_memory_verilog(name: str, size_bytes: int, bits: int, style: str) -> str:
    """A memory of rows with byte enables; style "block" has a second port that only reads.

    A load of what the other port writes in the same cycle is undefined, and so is what the other port reads out after a write.
    With the macro CFUKIT_POISON both give the inverse of what is there.
    """
    rows = size_bytes * 8 // bits
    index = f"address[{(rows - 1).bit_length() - 1}:0]"
    range_, last = f"[{bits - 1}:0]", bits // 8 - 1
    inputs = [f"input enable, input [16:0] address, input [{last}:0] mask, input {range_} write_data"]
    inputs += [f"output reg {range_} read_data"]
    bytes_ = "".join(
        f"      if (mask[{n}]) mem[{index}][{8 * n + 7}:{8 * n}] <= write_data[{8 * n + 7}:{8 * n}];\n"
        for n in range(bits // 8)
    )
    body = f"    if (enable) begin\n{bytes_}      if (mask == 0) read_data <= mem[{index}];\n    end\n"
    poison = f"    if (enable && mask != 0) read_data <= ~mem[{index}];\n"
    if style == "block":
        inputs += ["input load_enable, input [16:0] load_address", f"output reg {range_} load_data"]
        body += f"    if (load_enable) load_data <= mem[load_{index}];\n"
        poison += f"    if (load_enable && enable && mask != 0 && load_{index} == {index}) begin\n"
        for n in range(bits // 8):
            part = f"[{8 * n + 7}:{8 * n}]"
            poison += f"      if (mask[{n}]) load_data{part} <= ~mem[load_{index}]{part};\n"
        poison += "    end\n"
    body += f"`ifdef CFUKIT_POISON\n{poison}`endif\n"
    return (
        f"module {name} (\n  input clk,\n  " + ",\n  ".join(inputs) + "\n);\n"
        f'  (* ram_style = "{"block" if style == "block" else "huge"}", no_rw_check *) reg {range_} mem [0:{rows - 1}];\n'
        f"  always @(posedge clk) begin\n{body}  end\nendmodule\n"
    )
