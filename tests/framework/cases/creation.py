"""Rows of ops: making tensors."""

from __future__ import annotations

import numpy as np

from .table import (
    NUMBERS,
    A,
    case,
)

for name in ("convert_to_tensor", "array"):
    case(name, A, reference=np.array)
case("convert_to_tensor", [[1, 2], [3, 4]], reference=np.array, dtype="int32", note="list")
case("convert_to_tensor", [1, 2.5], reference=np.array, dtype="float32", note="floats")
case("convert_to_tensor", A, dtype_argument="int32", dtype="int32",
     reference=lambda x, dtype_argument: np.trunc(x), gradient=False, tried=NUMBERS,
     note="dtype")  # fmt: skip
case("cast", A, "int32", reference=lambda x, _: np.trunc(x), dtype="int32", gradient=False,
     tried=NUMBERS)  # fmt: skip
case("cast", A, "float16", reference=lambda x, _: x.astype(np.float16), dtype="float16",
     gradient=False, note="half")  # fmt: skip
case("stop_gradient", A, reference=np.array, gradient=False)
case("copy", A)
case("zeros", (2, 3), dtype="float32")
case("zeros", 4, dtype="float32", note="int")
case("ones", (2, 3), dtype="float32")
case("full", (2, 3), 1.5, dtype="float32")
case("full", (2, 3), 2, dtype="float32", note="int")
case("zeros_like", A, gradient=False)
case("ones_like", A, gradient=False)
case("full_like", A, 2, gradient=False, tried=NUMBERS)
case("arange", 5, dtype="int32")
case("arange", 2, 11, 3, dtype="int32", note="steps")
case("arange", 5, -1, -2, dtype="int32", note="down")
case("arange", 0.0, 1.0, 0.25, dtype="float32", note="floats")
case("linspace", 0, 1, 7, dtype="float32")
case("linspace", -1.0, 2, 5, endpoint=False, dtype="float32", note="open")
case("eye", 3, dtype="float32")
case("eye", 3, 5, 1, dtype="float32", note="above")
case("eye", 5, 3, -2, dtype="float32", note="below")
