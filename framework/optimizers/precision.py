"""The dtype in which a step's numbers are computed, such as norms and corrections."""

from __future__ import annotations


def wide(dtype: str) -> str:
    """Returns float64 for variables of that dtype, and float32 for all others."""
    return dtype if dtype == "float64" else "float32"
