"""Bad calls of all ops, one file for each group."""

from __future__ import annotations

from . import elementary, image, linalg, neural, statistics
from .table import BAD as BAD

__all__ = ["elementary", "image", "linalg", "neural", "statistics"]
