"""The streaming engine: a CFU that computes whole convolutions in the data TCM."""

from cfukit.engine.gateware import Engine
from cfukit.engine.instructions import make_engine
from cfukit.engine.model import Descriptor, EngineModel, Job, Status
from cfukit.engine.size import EngineSize

__all__ = [
    "Descriptor",
    "Engine",
    "EngineModel",
    "EngineSize",
    "Job",
    "Status",
    "make_engine",
]
