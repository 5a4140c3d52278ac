"""ONNX's sequences, which are lists here, and optional values, which are the value or None.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...ops.joining import split
from ..calls import Call, rank_of, shape_of
from ..registry import rule


@rule("SequenceConstruct", absorbs=True)
def _construct(call: Call, *parts: Any) -> list[Any]:
    return list(parts)


@rule("SequenceEmpty", absorbs=True)
def _empty(call: Call) -> list[Any]:
    return []


def _place(call: Call, sequence: list[Any], position: Any, beyond: int = 0) -> int:
    found, count = int(call.int(position, "the position")), len(sequence)
    if not -count <= found < count + beyond:
        raise call.wrong(f"position {found} of a sequence of {count}")
    return found + count if found < 0 else found


@rule("SequenceAt", absorbs=True)
def _at(call: Call, sequence: list[Any], position: Any) -> Any:
    return sequence[_place(call, sequence, position)]


@rule("SequenceInsert", absorbs=True)
def _insert(call: Call, sequence: list[Any], x: Any, position: Any = None) -> list[Any]:
    made = list(sequence)
    made.insert(len(made) if position is None else _place(call, made, position, 1), x)
    return made


@rule("SequenceErase", absorbs=True)
def _erase(call: Call, sequence: list[Any], position: Any = None) -> list[Any]:
    made = list(sequence)
    del made[-1 if position is None else _place(call, made, position)]
    return made


@rule("SequenceLength", absorbs=True)
def _length(call: Call, sequence: list[Any]) -> Any:
    return np.asarray(len(sequence), np.int64)


@rule("ConcatFromSequence", absorbs=True)
def _concat(call: Call, sequence: list[Any]) -> Any:
    axis = call.get("axis")
    if call.get("new_axis", 0):
        return ops.stack(sequence, axis)
    return ops.concatenate(sequence, axis)


@rule("SplitToSequence", absorbs=True, numbers=(1,))
def _split(call: Call, x: Any, sizes: Any = None) -> list[Any]:
    axis = call.axis(call.get("axis", 0), rank_of(x))
    size = shape_of(x)[axis]
    if sizes is None:
        parts = split(x, size, axis) if size else []
        return list(parts) if call.get("keepdims", 1) else [ops.squeeze(p, axis) for p in parts]
    found = call.numbers(sizes, "the sizes")
    if found.ndim == 0:
        step = int(found)
        if step < 1:
            raise call.wrong(f"parts of {step} elements")
        ends = list(range(step, size, step))
    else:
        ends = np.cumsum(found)[:-1].tolist()
    return list(split(x, ends, axis)) if ends else [x]


@rule("Optional", absorbs=True)
def _optional(call: Call, x: Any = None) -> Any:
    return x


@rule("OptionalHasElement", absorbs=True)
def _has(call: Call, x: Any = None) -> Any:
    return np.asarray(x is not None)


@rule("OptionalGetElement", absorbs=True)
def _get(call: Call, x: Any) -> Any:
    if x is None:
        raise call.wrong("the optional value that it takes is not there")
    return x
