"""Keras's namespace `ops.numpy`: NumPy's functions, as a view of the rooms that define them."""

from .. import ops as _ops

globals().update(_ops.in_namespace("numpy"))
