"""ONNX's casts.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

from typing import Any

from ... import ops
from ..calls import Call, dtype_of
from ..registry import rule


@rule("Cast")
def _cast(call: Call, x: Any) -> Any:
    return ops.cast(x, call.dtype(call.get("to")))


@rule("CastLike")
def _cast_like(call: Call, x: Any, like: Any) -> Any:
    return ops.cast(x, dtype_of(like))
