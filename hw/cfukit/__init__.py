"""What a project imports: instructions and CFUs in Amaranth, Migen or Verilog, their models and their tests."""
