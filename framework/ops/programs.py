"""Differentiation and compilation, in one form on every backend that has them."""

from collections.abc import Callable
from typing import Any

from ..backends import registry


def value_and_grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that gives `function(*tensors)`, a scalar, and its gradient for each tensor.

    Runs on the backend that is current at the call. RuntimeError on numpy, which does not
    differentiate.
    """

    def differentiated(*inputs):
        backend = registry.current()
        return backend.value_and_grad(function)(*(backend.asarray(x) for x in inputs))

    return differentiated


def grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """Like `value_and_grad`, without the value."""

    def differentiated(*inputs):
        return value_and_grad(function)(*inputs)[1]

    return differentiated


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled by XLA on jax and tensorflow; itself on torch and numpy."""
    made: dict[str, Callable[..., Any]] = {}

    def compiled(*args, **kwargs):
        backend = registry.current()
        if backend.name not in made:
            made[backend.name] = backend.jit(function)
        return made[backend.name](*args, **kwargs)

    return compiled
