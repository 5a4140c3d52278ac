"""The rows of all ops, by subject."""

from . import (
    activations,
    arithmetic,
    creation,
    functions,
    images,
    indexing,
    joining,
    linear_algebra,
    logic,
    losses,
    mathematical,
    neural,
    numbers,
    ordering,
    products,
    reductions,
    shaping,
    signals,
)
from .numbers import RANDOM as RANDOM

__all__ = [
    "activations",
    "arithmetic",
    "creation",
    "functions",
    "images",
    "indexing",
    "joining",
    "linear_algebra",
    "logic",
    "losses",
    "mathematical",
    "neural",
    "numbers",
    "ordering",
    "products",
    "reductions",
    "shaping",
    "signals",
]
