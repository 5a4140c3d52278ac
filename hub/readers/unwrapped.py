"""A weights file whose keys all carry the name of a wrapper that a trainer put around the model."""

from __future__ import annotations

from collections.abc import Container, Hashable, Mapping, Sequence

import numpy as np

from ..weight_map import WeightMap
from .base import Reader, TensorInfo

# DataParallel and DistributedDataParallel, torch.compile: no network names a layer so.
ALWAYS = ("module.", "_orig_mod.")
# Where Lightning and other trainers keep the network; a network may name a layer so.
IF_IT_FITS = ("model.", "net.")


class UnwrappedReader(Reader):
    """Another reader's tensors under their keys without a wrapper's name.

    Args:
        reader: of the file; every key begins with `wrapper`.
        wrapper: what is taken off the front of each key, such as "module.".
    """

    def __init__(self, reader: Reader, wrapper: str) -> None:
        self.path, self.wrapper, self._reader = reader.path, wrapper, reader

    def keys(self) -> Sequence[str]:
        """Returns the names of the tensors without the wrapper's, in the order of the file."""
        return [key.removeprefix(self.wrapper) for key in self._reader.keys()]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.wrapper + key in self._reader

    def info(self, key: str) -> TensorInfo:
        """Returns shape and dtype of a tensor, by its name without the wrapper."""
        return self._reader.info(self.wrapper + key)

    def read(self, key: str) -> np.ndarray:
        """Returns a tensor as the wrapped reader gives it, by its name without the wrapper."""
        return self._reader.read(self.wrapper + key)

    def release(self, key: str) -> None:
        """Drops the pages of a tensor from memory. Changes made to views of it are lost."""
        self._reader.release(self.wrapper + key)

    def identity(self, key: str) -> Hashable:
        """Returns the identity that the wrapped reader gives the tensor."""
        return self._reader.identity(self.wrapper + key)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The texts that the wrapped reader found beside the tensors."""
        return self._reader.metadata

    def close(self) -> None:
        """Closes the wrapped reader. Arrays that were read stay valid."""
        self._reader.close()


def unwrapped(reader: Reader, paths: Container[str], weight_map: WeightMap) -> tuple[Reader, str]:
    """Takes wrappers' names off a file's keys: (reader, the weight map's prefix for its keys).

    `module.` and `_orig_mod.` are taken off wherever all keys begin with them; `model.` and `net.`
    only where more keys then name one of the variables `paths`.
    """
    wrapper, keys = "", list(reader.keys())
    while found := next((w for w in ALWAYS if keys and all(k.startswith(w) for k in keys)), ""):
        wrapper, keys = wrapper + found, [key.removeprefix(found) for key in keys]
    prefix = weight_map.choose_prefix(keys, paths)
    for candidate in IF_IT_FITS:
        if not all(key.startswith(candidate) for key in keys):
            continue
        inner = [key.removeprefix(candidate) for key in keys]
        other = weight_map.choose_prefix(inner, paths)
        fits = weight_map.count_fits(keys, prefix, paths)
        if weight_map.count_fits(inner, other, paths) > fits:
            wrapper, prefix = wrapper + candidate, other
            break
    return (UnwrappedReader(reader, wrapper) if wrapper else reader), prefix
