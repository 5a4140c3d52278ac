"""Batches as tensors of the model's backend, where the model lies."""

from typing import Any

import ml_dtypes
import numpy as np

from ... import config, dtypes
from ...backends import registry
from ...context import entered
from ...nested import map_structure
from .columns import as_host_array
from .foreign import is_from


class Converter:
    """A function of nested arrays and tensors that returns native tensors of one backend.

    Floats get one dtype, integers and booleans keep theirs. None stays None.

    Args:
        backend: the backend.
        device: where tensors are to lie, as `Layer._native_device` gives it; None for the default.
        float_dtype: the dtype of floats; the default float if None.
        copies: whether arrays are copied although the backend could share their memory: for sources
            that may write the next batch into the same array.
    """

    def __init__(
        self, backend: Any, device: Any = None, float_dtype: str | None = None, copies: bool = False
    ) -> None:
        self._backend, self._device, self._copies = backend, device, copies
        self._float = float_dtype or config.floatx()
        self._numpy_float = _numpy_dtype(self._float)
        self._others = {_numpy_dtype(name) for name in dtypes.FLOATS} - {self._numpy_float}

    def __call__(self, batch: Any) -> Any:
        """Returns the batch with native tensors for its leaves."""
        with entered(device=self._device), self._backend.unrecorded():
            found = map_structure(self._leaf, batch)
        distribution = config.distribution()
        if distribution is None:
            return found
        place = distribution.place_data
        return map_structure(lambda x: None if x is None else place(self._backend, x), found)

    def _leaf(self, x: Any) -> Any:
        if x is None:
            return None
        backend, owner = self._backend, registry.owner_of(x)
        if isinstance(owner, registry.Kind) or (owner.full_backend or owner) is not backend:
            x = self._host_array(x, isinstance(owner, registry.Kind))
            x = backend.feed(x) if self._device is None else backend.asarray(x)
        elif _dtype(owner, x) in dtypes.FLOATS and _dtype(owner, x) != self._float:
            x = owner.cast(x, self._float)
        return x if self._device is None else backend.place(x, self._device)

    def _host_array(self, x: Any, is_array: bool) -> np.ndarray:
        if type(x) is np.ndarray:
            array = x
        else:
            array = x.to_numpy() if is_from(x, "pandas") else as_host_array(x)
        if array.dtype.kind in "OSUT":
            if self._backend.has_text:
                return array
            if not all(isinstance(v, str | bytes) for v in array.reshape(-1)[:100]):
                raise ValueError(
                    "A batch holds Python objects and not numbers, perhaps rows of different "
                    "lengths: pad them to one length first."
                )
            raise ValueError(
                f"The data hold text ({array.reshape(-1)[:1]!r}, ...), and {self._backend.name} "
                "has no tensors of text. Turn it into numbers first, by a tokenizer or a "
                "StringLookup layer applied to the data."
            )
        if array.dtype in self._others:
            return array.astype(self._numpy_float)
        return array.copy() if self._copies and is_array else array


def _numpy_dtype(name: str) -> np.dtype:
    return np.dtype(getattr(ml_dtypes, name, name))


def _dtype(owner: Any, x: Any) -> str | None:
    """The name of a tensor's dtype; None for one that no op knows, such as TensorFlow's text."""
    try:
        return owner.dtype(x)
    except KeyError:
        return None
