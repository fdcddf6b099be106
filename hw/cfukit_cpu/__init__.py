"""VexRiscv configurations: from a table of options to one checked Verilog file."""

from cfukit_cpu.configuration import PRESETS, Configuration, Named, configuration
from cfukit_cpu.table import list_cpus
from cfukit_cpu.writing import derive, write_cpu

__all__ = ["PRESETS", "Configuration", "Named", "configuration", "derive", "list_cpus", "write_cpu"]
