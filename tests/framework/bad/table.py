"""Calls that an op has no meaning for, and what their error must name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Bad:
    """A call of a public op; `names` are words that its error must have, beside the op's name."""

    op: str
    args: tuple
    kwargs: dict[str, Any]
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.op}-{'-'.join(self.names)}"


BAD: list[Bad] = []


def bad(op: str, *args: Any, names: str, **kwargs: Any) -> None:
    """Append a row. `names` are words apart by spaces; arrays become tensors of the backend."""
    BAD.append(Bad(op, args, kwargs, tuple(names.split())))


def floats(*shape: int) -> np.ndarray:
    """A float32 array of ones."""
    return np.ones(shape, np.float32)
