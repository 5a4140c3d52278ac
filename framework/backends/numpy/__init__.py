"""NumPy: inference without differentiation, and the float64 reference of the other backends."""

from .backend import NumpyBackend

BACKEND = NumpyBackend()
