"""Keys for layers that draw on another backend than their own, or in a data pipeline."""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..backends import philox, registry
from ..context import entered
from .seeds import SeedGenerator, key_of, make_default_seed

# owner -> (backend, whether in a pipeline) -> its generator there. Not among the owner's parts: it
# is no variable of the owner's backend, and a copy of the owner begins anew.
_made: WeakKeyDictionary[Any, dict[Any, SeedGenerator]] = WeakKeyDictionary()


class _Place:
    """What stands for the variable of a generator that has none: where it draws."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend


class PipelineSeeds(SeedGenerator):
    """A SeedGenerator whose keys differ also where a graph runs many times at once.

    Made and used while a function of a data pipeline is traced. Its draws begin as those of a
    SeedGenerator of the same seed do. Where calls run in parallel, which of them gets which key
    follows from their order in time.
    """

    _keys: Any

    def __init__(self, seed: int, backend: Any) -> None:
        number = seed & philox.MASK
        self.name = "pipeline_seeds"
        self._initial_seed = seed
        vars(self)["state"] = _Place(backend)
        vars(self)["_keys"] = backend.GraphKeys(number - 2**32 if number >> 31 else number)

    def next(self, ordered: bool = True) -> Any:
        """Returns the key of the next draw, int32 of shape (2,)."""
        return self._keys.next()


class KeySequence(SeedGenerator):
    """The keys that follow from one: its first word, and its second one counted up. No state."""

    _key: Any
    _count: int

    def __init__(self, seed: Any) -> None:
        self.name = "key_sequence"
        self._initial_seed = None
        backend, key = key_of(seed)
        if isinstance(key, tuple):
            key = backend.asarray(np.array(key, np.uint32).view(np.int32), "int32")
        vars(self).update(state=_Place(backend), _key=key, _count=0)

    def next(self, ordered: bool = True) -> Any:
        """Returns the next key, int32 of shape (2,)."""
        backend, number = self.state.backend, self._count
        vars(self)["_count"] = number + 1
        return backend.add(self._key, backend.asarray([0, number], "int32"))


def generator_for(owner: Any, own: SeedGenerator) -> SeedGenerator:
    """Returns the generator of draws of `owner` on the current backend.

    That is `own`, unless the backend is another one, or traces a function of a data pipeline: then
    one that has the seed of `own`, and is kept for the next call.
    """
    backend = registry.current()
    in_pipeline = backend.in_data_pipeline()
    if backend is own.state.backend and not in_pipeline:
        return own
    known = _made.setdefault(owner, {})
    key = (backend.name, in_pipeline)
    if key not in known:
        seed = own.get_config()["seed"]
        seed = make_default_seed() if seed is None else seed
        if in_pipeline:
            known[key] = PipelineSeeds(seed, backend)
        else:
            with backend.eagerly(), entered(backend=backend):
                known[key] = SeedGenerator(seed)
    return known[key]
