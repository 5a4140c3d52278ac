"""The table of all ops, one file for each group. `table.py` says what a row is."""

from __future__ import annotations

from . import arrays, creation, elementwise, image, neural, reductions
from .table import BATCH as BATCH
from .table import CASES as CASES
from .table import FLOATS as FLOATS
from .table import Case as Case

__all__ = ["arrays", "creation", "elementwise", "image", "neural", "reductions"]

# Ops that give no tensor, or take functions: who tests them.
ELSEWHERE = {
    "convert_to_numpy": "test_backends.py",
    "is_tensor": "test_backends.py",
    "shape": "test_backends.py",
    "ndim": "test_backends.py",
    "value_and_grad": "test_programs.py",
    "grad": "test_programs.py",
    "jit": "test_programs.py",
    "BackendMismatchError": "test_backends.py",
    "InvalidArgumentError": "test_errors.py",
}
