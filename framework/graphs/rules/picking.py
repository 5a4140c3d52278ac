"""ONNX's operators that pick elements by their places, or put them there.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ..calls import Call, dtype_of, rank_of
from ..ir import TEXT
from ..registry import rule


@rule("Gather", weights=(0,), moves=True)
def _gather(call: Call, x: Any, indices: Any) -> Any:
    axis = call.axis(call.get("axis", 0), rank_of(x))
    if dtype_of(x) == TEXT:
        return np.take(x, call.numbers(indices, "the indices"), axis)
    return ops.take(x, indices, axis)
