"""The same system in Renode: a functional simulator, so its cycles mean nothing (docs/renode.md).

`cfukit_soc.renode.library` compiles the CFU for it, `export` writes scripts and platform files, `engine` runs them.
"""
