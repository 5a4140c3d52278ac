"""Rows of ops: linear algebra."""

import numpy as np

from ...references import linalg
from ..draws import COMPLEX, FLOATS, Draw, name_of
from ..rows import Call, row

KINDS = (*FLOATS, *COMPLEX, "int32")


def _matrix(draw: Draw, kinds=KINDS, square: bool = True, kind: str = "regular") -> np.ndarray:
    """Matrices far from singular, or positive definite ones, or singular ones."""
    outer = draw.shape(0, 1)
    m = draw.pick(1, 2, 3, 3)
    n = m if square else draw.pick(1, 2, 3, 4)
    dtype = draw.dtype(kinds)
    if dtype == "int32":
        x = draw.random.integers(-2, 3, (*outer, m, n))
        return (x + 7 * np.eye(m, n)).astype("int32")
    x = draw.array((*outer, m, n), "complex128" if dtype in COMPLEX else "float64", "unit")
    if kind == "positive":
        x = x @ np.conj(x).swapaxes(-1, -2) + 2 * np.eye(m)
    elif kind == "regular":
        x = x + 3 * np.eye(m, n)
    elif kind == "singular":
        x[..., -1, :] = 0 if m == 1 else x[..., 0, :]
    from ..draws import numpy_dtype

    return x.astype(numpy_dtype(dtype))


def _one(kind: str = "regular", square: bool = True, kinds=KINDS, **choices):
    def make(draw: Draw) -> Call:
        return Call([_matrix(draw, kinds, square, kind)],
                    {k: draw.pick(*v) for k, v in choices.items()})  # fmt: skip

    return make


BOTH = (True, False)
ROUGH = {"meet": "float", "size": "largest", "error": 64}
SLOPE = {"gradient": (0,)}
SMOOTH = _one("regular", kinds=("float64",))
row("cholesky", _one("positive", upper=BOTH), linalg.cholesky, **ROUGH)
row("cholesky_inverse", _one("regular", upper=BOTH), linalg.cholesky_inverse, **ROUGH)
row("inv", _one(), np.linalg.inv, **ROUGH, **SLOPE, smooth=SMOOTH)
row("det", _one(), np.linalg.det, **ROUGH, **SLOPE, smooth=SMOOTH)
row("det", _one("singular", kinds=("float32", "float64")), np.linalg.det, meet="float", error=64,
    size=lambda x: 1 + 0 * np.linalg.det(x), **SLOPE,
    smooth=_one("singular", kinds=("float64",)))  # fmt: skip
row("slogdet", _one(), lambda x: list(np.linalg.slogdet(x)), **ROUGH, dtype=("met", "real"))
row("logdet", _one(), lambda x: np.linalg.slogdet(x)[1], **ROUGH, dtype="real", **SLOPE,
    smooth=SMOOTH)  # fmt: skip


def _complex_of(call: Call) -> str:
    return "complex128" if name_of(call.args[0]) in ("float64", "complex128") else "complex64"


def _lower(x):
    """The Hermitian matrix that the lower triangle makes."""
    low = np.tril(x)
    return low + np.conj(np.tril(x, -1)).swapaxes(-1, -2)


row("eigh", _one("positive"), lambda x: list(linalg.eigh(_lower(x))), meet="float", size="largest",
    error=512, dtype=("real", "met"))  # fmt: skip
row("eig", _one("positive", kinds=("float32", "float64")), lambda x: list(linalg.eig(x)),
    meet="float", size="largest", error=512, dtype=_complex_of)  # fmt: skip
row("qr", _one("regular", False, mode=("reduced", "complete")), lambda x, mode: list(linalg.qr(
    x, mode)), **ROUGH)  # fmt: skip
row("svd", _one("regular", False, compute_uv=(False,)), lambda x, compute_uv: np.linalg.svd(
    x, compute_uv=False), **ROUGH, dtype="real")  # fmt: skip


def _factors(x):
    found = [linalg.lu_factor(m[None]) for m in x.reshape(-1, *x.shape[-2:])]
    if not found:
        return [x, np.zeros(x.shape[:-1], int)]
    return [np.concatenate([f[i] for f in found]).reshape(s) for i, s in
            enumerate((x.shape, (*x.shape[:-2], min(x.shape[-2:]))))]  # fmt: skip


row("lu_factor", _one(), _factors, **ROUGH, dtype=("met", "int32"))


def _system(draw: Draw) -> Call:
    a = _matrix(draw)
    n = a.shape[-1]
    vector = draw.chance(0.4)
    shape = (*a.shape[:-2], n) if vector else (*a.shape[:-2], n, draw.size(1))
    kind = name_of(a) if draw.chance(0.7) else draw.dtype(KINDS)
    call = Call([a, draw.array(shape, kind, "tame")])
    return call


def _smooth_system(draw: Draw) -> Call:
    a = _matrix(draw, ("float64",))
    return Call([a, draw.array((*a.shape[:-2], a.shape[-1], 2), "float64", "tame")])


def _solve(a, b):
    vector = b.ndim == a.ndim - 1
    x = np.linalg.solve(a, b[..., None] if vector else b)
    return x[..., 0] if vector else x


row("solve", _system, _solve, **ROUGH, gradient=(0, 1), smooth=_smooth_system)


def _triangular(draw: Draw) -> Call:
    call = _system(draw)
    return Call(call.args, {"lower": draw.chance(0.5)})


row("solve_triangular", _triangular, lambda a, b, lower: _solve(np.tril(a) if lower else
    np.triu(a), b), **ROUGH)  # fmt: skip


def _fitted(draw: Draw) -> Call:
    a = _matrix(draw, square=False)
    a = a.reshape(-1, *a.shape[-2:])
    a = a[0] if len(a) else np.eye(2, dtype="float32")
    shape = (len(a), *draw.pick((), (2,)))
    return Call([a, draw.array(shape, name_of(a), "tame")])


row("lstsq", _fitted, linalg.lstsq, **{**ROUGH, "error": 256})
row("pinv", _one("regular", False), np.linalg.pinv, **{**ROUGH, "error": 256})
row("matrix_rank", _one("singular", kinds=("float32", "float64")), np.linalg.matrix_rank,
    meet="float", dtype="int32")  # fmt: skip
row("matrix_rank", _one(), np.linalg.matrix_rank, meet="float", dtype="int32")
ORDERS = (None, 1, 2, 3, np.inf, -np.inf, 0, 0.5)


def _lengths(draw: Draw) -> Call:
    x = draw.array(draw.shape(1, 3, 1), draw.dtype((*FLOATS, *COMPLEX, "int32")), "tame")
    return Call([x], {"ord": draw.pick(*ORDERS), "axis": draw.axis(x.ndim),
                      "keepdims": draw.chance(0.3)})  # fmt: skip


def _smooth_lengths(draw: Draw) -> Call:
    x = draw.array(draw.shape(1, 2, 1), "float64", "apart")
    return Call([x], {"ord": draw.pick(None, 1, 2, 3), "axis": draw.axis(x.ndim)})


row("norm", _lengths, np.linalg.norm, meet="float", dtype="real", error=32, gradient=(0,),
    smooth=_smooth_lengths)  # fmt: skip
row("norm", _one("regular", False, ord=(None, "fro", "nuc", 1, -1, 2, -2, np.inf), axis=((-2, -1),
    )), lambda x, ord, axis: np.linalg.norm(x, ord, axis), meet="float", dtype="real",
    error=128)  # fmt: skip


def _points(draw: Draw) -> Call:
    kind = draw.dtype(FLOATS)
    d, outer = draw.size(), draw.shape(0, 1)
    return Call([draw.array((*outer, draw.size(), d), kind, "tame"),
                 draw.array((*draw.alike(outer), draw.size(), d), kind, "tame")])  # fmt: skip


row("cdist", _points, linalg.cdist, meet="float", error=16, gradient=(0, 1))
