"""The system in Renode, a functional simulator whose cycles mean nothing (docs/renode.md).

* library: compiles the CFU for Renode.
* export: writes the scripts and platform files. platform and scripts hold their text, csrs finds registers to add.
* engine: runs them. output, state and faults make an outcome of what Renode leaves.
"""
