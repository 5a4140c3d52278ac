"""Bad calls of the elementary ops."""

from __future__ import annotations

from .table import bad, floats

for name in ("add", "multiply", "maximum", "less", "power"):
    bad(name, floats(2, 3), floats(4, 5), names="x2 (4, 5) (2, 3)")
bad("matmul", floats(2, 3), floats(2, 3), names="x1 x2 (2, 3)")
bad("exp", "text", names="x 'text' tensor")
bad("sum", floats(2, 3), axis=2, names="axis 2 -2 1")
bad("reshape", floats(2, 3), (4,), names="newshape (4,) (2, 3)")
bad("cast", floats(2), "float31", names="dtype float31 float32")
bad("softmax", floats(2, 3), axis=-3, names="axis -3")
