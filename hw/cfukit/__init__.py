"""What a project imports: instructions, CFUs, and the names of Amaranth that gateware needs.

from cfukit import Cfu, Fixed, Instruction, Signal
"""

from amaranth.hdl import (
    Array,
    C,
    Cat,
    Const,
    Module,
    Mux,
    Shape,
    Signal,
    Value,
    signed,
    unsigned,
)
from amaranth.lib.memory import Memory

from cfukit.base import BaseCfu
from cfukit.cfu import Cfu
from cfukit.declaration import Fixed, Mode, Variable
from cfukit.dma import DmaPort
from cfukit.gateware import Command, Port, State, Work
from cfukit.instruction import HandshakeInstruction, Instruction, SequentialInstruction
from cfukit.integers import int8_lanes, to_signed
from cfukit.load import CfuCode, load_cfu, load_code
from cfukit.memory import MemoryPort
from cfukit.migen_cfu import MigenCfu
from cfukit.verilog_cfu import VerilogCfu
from cfukit_base.cfu_ports import PORTS

__all__ = [
    "PORTS",
    "Array",
    "BaseCfu",
    "C",
    "Cat",
    "Cfu",
    "CfuCode",
    "Command",
    "Const",
    "DmaPort",
    "Fixed",
    "HandshakeInstruction",
    "Instruction",
    "Memory",
    "MemoryPort",
    "MigenCfu",
    "Mode",
    "Module",
    "Mux",
    "Port",
    "SequentialInstruction",
    "Shape",
    "Signal",
    "State",
    "Value",
    "Variable",
    "VerilogCfu",
    "Work",
    "int8_lanes",
    "load_cfu",
    "load_code",
    "signed",
    "to_signed",
    "unsigned",
]
