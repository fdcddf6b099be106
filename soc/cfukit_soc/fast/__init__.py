"""The fast simulator: the RTL's cycles from a model in C++, whose parameters are the system's."""

from cfukit_soc.fast.build import build_cfu_library as build_cfu_library
from cfukit_soc.fast.build import build_fast_simulator as build_fast_simulator
from cfukit_soc.fast.engine import fast_digest as fast_digest
from cfukit_soc.fast.engine import not_modelled as not_modelled
from cfukit_soc.fast.engine import simulate_fast as simulate_fast
