"""The table of all ops, one file for each group. `table.py` says what a row is."""

from __future__ import annotations

from . import (
    arrays,
    creation,
    elementwise,
    image,
    linalg,
    neural,
    numeric,
    reductions,
    selecting,
    signal,
    statistics,
)
from .table import BATCH as BATCH
from .table import CASES as CASES
from .table import FLOATS as FLOATS
from .table import Case as Case

__all__ = [
    "arrays",
    "creation",
    "elementwise",
    "image",
    "linalg",
    "neural",
    "numeric",
    "reductions",
    "selecting",
    "signal",
    "statistics",
]

# Ops that give no tensor, or take functions: who tests them.
ELSEWHERE = {
    "convert_to_numpy": "test_backends.py",
    "is_tensor": "test_backends.py",
    "shape": "test_backends.py",
    "dtype": "test_edges_arrays.py",
    "size": "test_edges_arrays.py",
    "ndim": "test_backends.py",
    "value_and_grad": "test_programs.py",
    "grad": "test_programs.py",
    "jit": "test_programs.py",
    "rearrange": "test_rearrange.py",
    "vectorize": "test_control.py",
    "associative_scan": "test_control.py",
    "vectorized_map": "test_control.py",
    "map": "test_control.py",
    "scan": "test_control.py",
    "fori_loop": "test_control.py",
    "while_loop": "test_control.py",
    "switch": "test_control.py",
    "cond": "test_control.py",
    "custom_gradient": "test_programs.py",
    "jvp": "test_programs.py",
    "vmap": "test_programs.py",
    "vjp": "test_programs.py",
    "BackendMismatchError": "test_backends.py",
    "InvalidArgumentError": "test_errors.py",
}
