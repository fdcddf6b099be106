"""The bottom layer of cfukit. Every other package may import it; it imports none of them.

* errors: what a command reports, and its exit code
* artefacts: the documents that areas exchange
* digest, cache: artefacts that are built once
* process, interrupts: other programs, and signals that end a command
* progress: what a person sees of long work
* tools: where compilers and simulators are
* protocol: records on the serial line
* symbols: function and line of an address
"""
