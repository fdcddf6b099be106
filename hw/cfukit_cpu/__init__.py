"""VexRiscv configurations: from a table of options to one checked Verilog file."""
