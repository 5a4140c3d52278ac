"""Bad calls of all ops, one file for each group."""

from __future__ import annotations

from . import arrays, elementary, image, linalg, neural, statistics
from .table import BAD as BAD

__all__ = ["arrays", "elementary", "image", "linalg", "neural", "statistics"]
