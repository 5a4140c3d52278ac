"""Keras's namespace `ops.image`: operations on images, as a view of the rooms that define them."""

from .. import ops as _ops

globals().update(_ops.in_namespace("image"))
