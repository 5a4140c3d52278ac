"""JAX: pure functions over pytrees, compiled by XLA."""

from .backend import JaxBackend

BACKEND = JaxBackend()
