"""The command `cfukit`, its Python API and reports: the only package that orchestrates the others."""
