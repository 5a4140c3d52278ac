"""Keras's namespace `ops.linalg`: linear algebra, as a view of the rooms that define them."""

from .. import ops as _ops

globals().update(_ops.in_namespace("linalg"))
