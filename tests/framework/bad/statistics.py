"""Bad calls of arithmetic, products and statistics."""

from __future__ import annotations

import numpy as np

from .table import bad, floats

WHOLE = np.ones((2, 3), np.int32)

for name in ("floor_divide", "mod", "fmod", "fmax", "hypot", "logaddexp", "nextafter", "divide"):
    bad(name, floats(2, 3), floats(4, 5), names="x2 (4, 5) (2, 3)")
bad("gcd", floats(2), floats(2), names="x1 float32 integers")
bad("lcm", floats(2), WHOLE[0], names="x1 float32 integers")
bad("ldexp", floats(2), floats(2), names="x2 float32 integers")
bad("hypot", np.ones(2, np.complex64), floats(2), names="x1 complex64 real")
bad("sign", np.ones(2, bool), names="x bool numbers")
bad("cross", np.ones((2, 3), bool), np.ones((2, 3), bool), names="x1 bool numbers")
bad("cross", floats(2, 4), floats(2, 4), names="x1 (2, 4) 2 3")
bad("cross", floats(2, 3), floats(2, 3), axisb=2, names="axisb 2")
bad("inner", floats(2, 3), floats(2, 4), names="x2 (2, 4) 3")
bad("dot", floats(2, 3), floats(2, 4), names="3 2")
bad("vdot", floats(3), floats(4), names="3 4")
bad("tensordot", floats(2, 3), floats(4, 5), axes=1, names="axes [3] [4]")
bad("tensordot", floats(2, 3), floats(3, 2), axes=3, names="axes 3 2")
bad("tensordot", floats(2, 3), floats(3, 2), axes=([0, 1], [0]), names="axes")
bad("tensordot", floats(2, 3), floats(3, 2), axes=([2], [0]), names="axes 2")
bad("einsum", "ij,jk->ik", floats(2, 3), floats(4, 5), names="subscripts ij,jk->ik")
for name in ("sum", "prod", "mean", "var", "std", "max", "min", "ptp", "all", "any", "logsumexp",
             "nansum", "nanmean", "nanmax", "median"):  # fmt: skip
    bad(name, floats(2, 3), axis=2, names="axis 2 -2 1")
for name in ("argmax", "argmin", "nanargmax", "cumsum", "cumprod", "nancumsum", "trapezoid"):
    bad(name, floats(2, 3), axis=-3, names="axis -3")
for name in ("max", "min", "argmax", "argmin", "ptp", "amax"):
    bad(name, floats(0, 3), axis=0, names="x (0, 3) elements")
for name in ("prod", "cumsum", "nancumprod"):
    bad(name, floats(2), dtype="float31", names="dtype float31")
bad("quantile", floats(3), 1.5, names="q 1.5 1")
bad("percentile", floats(3), [50, 101], names="q 101 100")
bad("nanquantile", floats(3), -0.5, names="q -0.5")
bad("quantile", floats(3), 0.5, method="median", names="method median linear")
bad("quantile", floats(3), 0.5, axis=1, names="axis 1")
bad("average", floats(2, 3), weights=floats(3), names="weights (3,) (2, 3)")
bad("average", floats(2, 3), axis=0, weights=floats(3), names="weights (3,) 2")
bad("corrcoef", floats(2, 3, 4), names="x (2, 3, 4)")
bad("correlate", floats(2, 3), floats(3), names="x1 (2, 3) 1")
bad("correlate", floats(3), floats(0), names="x2 (0,)")
bad("correlate", floats(3), floats(3), mode="half", names="mode half valid")
bad("average", "text", names="x 'text'")
