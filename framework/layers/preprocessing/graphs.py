"""Calls of layers in a data pipeline of another framework than their own."""

from contextlib import AbstractContextManager
from typing import Any

from ... import nested
from ...backends.registry import Kind, owner_of
from ...context import entered


def of_pipeline(own: Any, x: Any) -> Any:
    """Returns the backend of a tensor in a graph of another framework than the layer's, or None.

    Args:
        own: the layer's backend.
        x: nested arguments of a call.
    """
    for leaf in nested.leaves(x):
        owner = owner_of(leaf) if hasattr(leaf, "shape") else None
        if owner is None or isinstance(owner, Kind):
            continue
        backend = owner.full_backend or owner
        if backend.symbolic:
            return None
        if backend is not own and backend.is_tracing(leaf):
            return backend
    return None


def in_pipeline(backend: Any) -> AbstractContextManager:
    """Returns a context in which a layer computes with `backend`, and so do the layers in it."""
    changes: dict[str, Any] = {"backend": backend, "owner": (None, "pipeline")}
    return entered(**changes, masks=None, device=None, autocast=None)
