"""NumPy: inference without differentiation, and the float64 reference of the other backends."""

from .backend import NumpyBackend

# Pyright does not see the kernels of `backends.renames`; a test does.
BACKEND = NumpyBackend()  # pyright: ignore[reportAbstractUsage]
