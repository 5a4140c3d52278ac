"""Which layer a format cannot hold: found in the traceback of the error that told."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .. import config
from ..configs import plain_class
from ..core.layer import Layer


@contextmanager
def whole_tracebacks() -> Iterator[None]:
    """A context in which the frames of our own layers stay in tracebacks."""
    filtered = config.is_traceback_filtering_enabled()
    config.disable_traceback_filtering()
    try:
        yield
    finally:
        if filtered:
            config.enable_traceback_filtering()


def layer_at(error: BaseException, model: Any) -> str | None:
    """Returns the innermost layer of a model in whose call an error arose, by its path and class.

    Args:
        error: the error, with those that it was raised from.
        model: on the backend that was traced.

    Returns:
        Such as "the layer encoder.layers.0 (TransformerLayer)"; None where no layer below the model
        was being called.
    """
    parts = {id(layer) for layer in model._flatten_layers(include_self=False)}
    cause: BaseException | None = error
    found = None
    while cause is not None:
        for frame, _ in traceback.walk_tb(cause.__traceback__):
            part = frame.f_locals.get("self")
            if isinstance(part, Layer) and id(part) in parts:
                found = told_as(part, model)
        cause = cause.__cause__ or cause.__context__
    return found


def told_as(part: Any, model: Any) -> str | None:
    """Returns how a layer of a model is named in an error; None for the model itself."""
    if part is None or part is model:
        return None
    return f"the layer {part.path} ({plain_class(type(part)).__name__})"
