"""JAX: pure functions over pytrees, compiled by XLA."""

from .backend import JaxBackend

# Pyright does not see the kernels of `backends.renames`; a test does.
BACKEND = JaxBackend()  # pyright: ignore[reportAbstractUsage]
