"""Rows of ops: linear algebra."""

from __future__ import annotations

import numpy as np

from isozoo.scripts.references import linalg as by_hand

from .table import BATCH, FLOAT, FLOATS, NUMBERS, case, numbers, rows

INFINITY = float("inf")
# Well conditioned, also when cut to integers of one sign; 16 * eye outweighs each row's rest.
SQUARE = rows(3, 3) + 16 * np.eye(3, dtype=np.float32)
HERMITIAN = (SQUARE + SQUARE.swapaxes(1, 2)) / 2
# Apart by more than a unit, so that eigenvectors turn little when an element moves.
SPREAD = rows(3, 3, low=-0.5, high=0.5) + np.diag(np.float32([2, 5, 9]))
TALL, WIDE = rows(4, 3) + 4 * np.eye(4, 3, dtype=np.float32), rows(3, 4)
WIDE = WIDE + np.float32(4) * np.eye(3, 4, dtype=np.float32)
EXACT = {"dtype": FLOAT, "of_largest": True}

case("cholesky", HERMITIAN, reference=by_hand.cholesky, tried=NUMBERS, **EXACT)
case("cholesky", HERMITIAN, upper=True, reference=by_hand.cholesky, tried=FLOATS,
     **EXACT)  # fmt: skip
case("cholesky", SQUARE, reference=by_hand.cholesky, tried=(), note="lower-triangle", **EXACT)
for upper in (False, True):
    case("cholesky_inverse", SQUARE / 8, upper=upper, reference=by_hand.cholesky_inverse,
         tried=FLOATS, note="", error=2e-6, **EXACT)  # fmt: skip
for name in ("det", "inv"):
    case(name, SQUARE, reference=getattr(np.linalg, name), tried=NUMBERS, **EXACT)
case("inv", numbers(3, 3) + 4 * np.eye(3, dtype=np.float32), reference=np.linalg.inv, tried=(),
     note="single", **EXACT)  # fmt: skip
case("slogdet", SQUARE, reference=lambda x: tuple(np.linalg.slogdet(x)), tried=NUMBERS, **EXACT)
case("slogdet", -SQUARE, reference=lambda x: tuple(np.linalg.slogdet(x)), tried=(), note="negative",
     **EXACT)  # fmt: skip
case("logdet", HERMITIAN, reference=lambda x: np.linalg.slogdet(x)[1], tried=NUMBERS, **EXACT)
case("eig", SPREAD, reference=by_hand.eig, dtype="complex64", tried=("int32", "float16"),
     of_largest=True, gradient=False, error=5e-6)  # fmt: skip
case("eigh", SPREAD, reference=by_hand.eigh, tried=NUMBERS, error=2e-6, **EXACT)
case("lu_factor", SQUARE[:, ::-1].copy(), reference=by_hand.lu_factor, dtype="float32/int32",
     tried=(), of_largest=True, gradient=False)  # fmt: skip
for name, matrices in (("tall", TALL), ("wide", WIDE)):
    case("lu_factor", matrices[:, ::-1].copy(), reference=by_hand.lu_factor, of_largest=True,
         dtype="float32/int32", tried=(), gradient=False, note=name)  # fmt: skip
    case("pinv", matrices, reference=np.linalg.pinv, tried=FLOATS, error=2e-6, **EXACT)
    case("qr", matrices, reference=by_hand.qr, tried=(), gradient=name == "tall",
         error=2e-6, **EXACT)  # fmt: skip
    case("qr", matrices, mode="complete", reference=by_hand.qr, tried=(), gradient=False,
         note=f"complete-{name}", error=2e-6, **EXACT)  # fmt: skip
    case("svd", matrices, full_matrices=False, reference=by_hand.svd, tried=(), error=5e-6,
         **EXACT)  # fmt: skip
    case("svd", matrices, reference=by_hand.svd, tried=(), gradient=False, note=f"full-{name}",
         error=5e-6, **EXACT)  # fmt: skip
    case("svd", matrices, compute_uv=False, reference=by_hand.svd, tried=FLOATS, error=2e-6,
         **EXACT)  # fmt: skip
case("qr", SPREAD, reference=by_hand.qr, tried=NUMBERS, error=2e-6, **EXACT)
case("svd", SPREAD, reference=by_hand.svd, tried=NUMBERS, error=5e-6, **EXACT)
case("solve", SQUARE, rows(3, 2), reference=np.linalg.solve, tried=NUMBERS, **EXACT)
case("solve", SQUARE, rows(3), reference=by_hand.solve_vectors, tried=FLOATS, **EXACT)  # fmt: skip
case("solve", SQUARE[0], numbers(3), reference=np.linalg.solve, tried=(), note="single", **EXACT)
case("solve", SQUARE[0], rows(3, 2), reference=np.linalg.solve, tried=(), **EXACT)
for lower in (False, True):
    case("solve_triangular", SQUARE, rows(3, 2), lower=lower, reference=by_hand.solve_triangular,
         tried=FLOATS, note="", **EXACT)  # fmt: skip
case("solve_triangular", SQUARE, rows(3), reference=by_hand.solve_triangular, tried=(),
     note="vectors", **EXACT)  # fmt: skip
for name, matrix in (("", TALL[0]), ("wide", WIDE[0])):
    for columns in ((), (2,)):
        b = numbers(len(matrix), *columns)
        case("lstsq", matrix, b, reference=by_hand.lstsq, tried=FLOATS, error=4e-6,
             note="" if name else "0", **EXACT)  # fmt: skip
LOW_RANK = rows(4, 1) @ rows(1, 3)
case("matrix_rank", LOW_RANK, reference=lambda x: np.ones(BATCH), dtype="int32", gradient=False,
     tried=())  # fmt: skip
case("matrix_rank", SQUARE, tol=16.5, reference=np.linalg.matrix_rank, dtype="int32",
     gradient=False, tried=FLOATS, note="tol")  # fmt: skip
case("pinv", LOW_RANK, 1e-3, reference=np.linalg.pinv, tried=(), gradient=False, note="low-rank",
     error=4e-6, **EXACT)  # fmt: skip
CUBES = rows(3, 4)
for ord in (None, 1, 2, 3, 0.5, -1, INFINITY, -INFINITY, 0):
    for axis in (1, -1):
        case("norm", CUBES, ord=ord, axis=axis, keepdims=axis == 1, reference=np.linalg.norm,
             tried=NUMBERS if ord is None else (), gradient=ord != 0, error=2e-6,
             note=f"{ord}-kept" if axis == 1 else "", **EXACT)  # fmt: skip
for ord in (None, "fro", "nuc", 1, -1, 2, -2, INFINITY, -INFINITY):
    for axis in ((1, 2), (-1, 0)):
        note = "" if axis == (1, 2) else f"matrix-{ord}"
        case("norm", CUBES, ord=ord, axis=axis, keepdims=not note, reference=np.linalg.norm,
             tried=(), error=4e-6, note=note, **EXACT)  # fmt: skip
case("norm", CUBES, reference=np.linalg.norm, **EXACT)
case("norm", CUBES[0], 2, reference=np.linalg.norm, tried=(), note="whole-matrix", error=2e-6,
     **EXACT)  # fmt: skip
case("norm", CUBES[0], reference=np.linalg.norm, keepdims=True, tried=(), note="kept", **EXACT)
POINTS, OTHERS = rows(3, 4), rows(5, 4)
case("cdist", POINTS, OTHERS, reference=by_hand.cdist, tried=NUMBERS, **EXACT)
case("cdist", POINTS, numbers(5, 4), reference=by_hand.cdist, tried=(), **EXACT)
