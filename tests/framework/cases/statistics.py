"""Rows of ops: weighted means, quantiles, correlations, and reductions past NaN."""

from __future__ import annotations

import numpy as np

from .table import CUBE, FLOAT, FLOATS, NUMBERS, SAME, SMALL, SUM, A, case, numbers, rows

LARGEST = {"of_largest": True}
AXES = ({}, {"axis": 1}, {"axis": (0, 2), "keepdims": True})

for i, kwargs in enumerate(({}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": (1, 2)})):
    case("ptp", CUBE, tried=NUMBERS, note=str(i), **kwargs)
for name, reference in (("max", np.max), ("min", np.min)):
    case(name, CUBE, axis=1, initial=0.25, reference=reference, note="initial")
    case(name, np.zeros((0, 3), np.float32), axis=0, initial=2.0, reference=reference, tried=(),
         gradient=False, note="initial-empty")  # fmt: skip
for name in ("prod", "cumsum", "cumprod"):
    function = getattr(np, name)
    case(name, SMALL, axis=1, dtype_argument="float64", dtype="float64", tried=(), gradient=False,
         reference=lambda x, axis, f=function, **_: f(x, axis), note="dtype")  # fmt: skip


def _by_weights(x, axis=None, weights=None):
    return np.average(x, axis, weights)


WEIGHTS = numbers(3, low=0.25, high=2)
case("average", CUBE, dtype=FLOAT, **LARGEST)
case("average", CUBE, axis=1, dtype=FLOAT, **LARGEST, note="axis")
case("average", CUBE, 1, WEIGHTS, dtype=FLOAT, reference=_by_weights, **LARGEST, note="weights")
case("average", A, None, rows(5, low=0.25), dtype=FLOAT, reference=_by_weights, error=3e-6,
     **LARGEST, note="whole")  # fmt: skip

for name in ("median", "nanmedian"):
    for i, kwargs in enumerate(AXES):
        case(name, CUBE, dtype=FLOAT, note=str(i), **LARGEST, **kwargs)
for name, shares in (("quantile", [0.1, 0.5, 0.95]), ("percentile", [10, 50, 95])):
    for given in (name, f"nan{name}"):
        case(given, CUBE, shares[0], dtype=FLOAT, **LARGEST)
        case(given, CUBE, shares[1], axis=(0, 2), keepdims=True, dtype=FLOAT, **LARGEST, note="1")
        case(given, CUBE, [shares, shares], axis=1, dtype=FLOAT, gradient=False, **LARGEST,
             note="several")  # fmt: skip
        for method in ("lower", "higher", "midpoint", "nearest"):
            case(given, CUBE, shares[2], axis=-1, method=method, tried=(), **LARGEST, note=method)
        case(given, CUBE, np.array(shares), axis=1, fixed=(1,), tried=(), **LARGEST, note="tensor")

LOST = CUBE.copy()
LOST[::2, 1, ::2] = np.nan
LOST[3, 0, 1] = np.nan
for name, rule in (("nansum", SUM), ("nanprod", SUM), ("nanmax", SAME), ("nanmin", SAME),
                   ("nanmean", FLOAT), ("nanvar", FLOAT), ("nanstd", FLOAT)):  # fmt: skip
    for i, kwargs in enumerate(AXES):
        case(name, LOST, tried=FLOATS, gradient=False, note=f"lost-{i}", **LARGEST, **kwargs)
    case(name, CUBE, axis=1, dtype=rule, **LARGEST)
for name in ("nanmedian", "nanquantile", "nanpercentile"):
    share = () if name == "nanmedian" else (0.25,)
    case(name, LOST, *share, tried=(), gradient=False, note="lost", **LARGEST)
    case(name, LOST, *share, axis=1, tried=(), gradient=False, note="lost-axis", **LARGEST)
for name in ("nanargmax", "nanargmin"):
    for i, kwargs in enumerate(({}, {"axis": 1}, {"axis": -1, "keepdims": True})):
        case(name, LOST, dtype="int32", gradient=False, tried=FLOATS, note=f"lost-{i}", **kwargs)
    case(name, SMALL, dtype="int32", gradient=False, tried=NUMBERS)
for name in ("nancumsum", "nancumprod"):
    case(name, LOST, axis=1, tried=FLOATS, gradient=False, **LARGEST, note="lost")
    case(name, LOST[:2], tried=FLOATS, gradient=False, **LARGEST, note="flat-lost")
    case(name, CUBE, axis=1, dtype="nobool", **LARGEST)

case("trapezoid", CUBE, dtype=FLOAT, **LARGEST)
case("trapezoid", CUBE, dx=0.5, axis=1, dtype=FLOAT, **LARGEST, note="axis")
case("trapezoid", CUBE, numbers(4), dtype=FLOAT, **LARGEST, note="places")
case("trapezoid", CUBE, rows(3, 4), axis=0, dtype=FLOAT, gradient=False, **LARGEST, note="each")
case("corrcoef", A, dtype=FLOAT, **LARGEST)
case("corrcoef", numbers(6), dtype=FLOAT, gradient=False, **LARGEST, note="vector")
LONG, SHORT = numbers(9), numbers(4)
for mode in ("valid", "same", "full"):
    case("correlate", LONG, SHORT, mode=mode, dtype=FLOAT, **LARGEST, note=mode)
    case("correlate", SHORT[:2], LONG, mode=mode, dtype=FLOAT, **LARGEST, note=f"{mode}-short")
case("correlate", (LONG + 1j * LONG[::-1]).astype(np.complex64),
     (SHORT - 2j * SHORT[::-1]).astype(np.complex64), mode="full", tried=(), gradient=False,
     **LARGEST, note="complex")  # fmt: skip
