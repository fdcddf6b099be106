"""The bottom layer of cfukit: errors, digests, the artefact cache, tool discovery, processes, progress, wire protocol.

Every other package may import this one; it imports none of them.
"""
