"""Operands whose dtypes must be one: ONNX promotes nothing.

Definition: github.com/onnx/onnx, docs/Operators.md, the type constraints of each operator. Other
kinds of numbers in one place are a fault of the file, which a framework would compute all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import dtypes
from .calls import Call, Narrow, dtype_of
from .formulas import is_formula

_ALL = slice(None)
# Operator -> places of the inputs that are of one dtype.
_ALIKE: dict[str, slice | tuple[int, ...]] = {
    **dict.fromkeys(
        "Add Sub Mul Div Mod MatMul Gemm Conv ConvTranspose Concat Max Min Mean Sum Equal Less "
        "LessOrEqual Greater GreaterOrEqual And Or Xor BitwiseAnd BitwiseOr BitwiseXor PRelu "
        "InstanceNormalization Einsum Range Det".split(),
        _ALL,
    ),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (0, 1, 2, 3, 5, 6, 7)),
    **dict.fromkeys(("ScatterElements", "ScatterND", "Scatter", "Pad"), (0, 2)),
    "Where": (1, 2),
}


def check_dtypes(call: Call, inputs: Sequence[Any]) -> None:
    """Raises GraphError for operands of other dtypes where the operator takes those of one.

    Integers of all widths pass for one: what a graph computes of its own sizes is int64 here.
    """
    places = None if call.node.domain else _ALIKE.get(call.node.op)
    if places is None:
        return
    given = inputs[places] if isinstance(places, slice) else _at(inputs, places)
    found = [x for x in given if x is not None and not isinstance(x, Narrow | list)]
    kinds = {"int64" if is_formula(x) else dtype_of(x) for x in found}
    if len({"integer" if kind in dtypes.INTEGERS else kind for kind in kinds}) > 1:
        raise call.wrong(
            f"its operands are of {' and '.join(sorted(kinds))}; one dtype is expected"
        )


def _at(inputs: Sequence[Any], places: tuple[int, ...]) -> list[Any]:
    return [inputs[place] for place in places if place < len(inputs)]
