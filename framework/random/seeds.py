"""Where keys come from: generators of seeds, the global one, and what a `seed` argument means."""

from typing import Any

import numpy as np

from ..backends import host_random, philox, registry
from ..context import entered, state
from ..core.naming import auto_name
from ..core.trackable import Trackable
from ..core.variable import SeedState
from ..ops.dispatch import Tensor

# Of the congruential sequence that `next(ordered=False)` follows (Numerical Recipes, 2nd ed.).
_FACTOR, _STEP = 1664525, 1013904223

_FROZEN = (
    "When tracing a JAX function, you should only use seeded random ops, and a SeedGenerator only "
    "where its state goes through the function: it would become a constant of the program, which "
    "would draw the same values at each call. Make a SeedGenerator outside, keep it in your layer, "
    "call the layer in a StatelessScope (`stateless_call`), and give it as the `seed` argument."
)


class SeedGenerator(Trackable):
    """A stream of keys, each of which gives other draws.

    Its `state` is a variable of shape (2,), int32, on the backend that was current when it was
    made: the seed's 32 bits and the number of the next draw.

    Args:
        seed: an int, of which the lowest 32 bits count; follows from the global seed if None.
        name: of the generator, in its config.
        kwargs: `backend`, the name of a backend to be on in the place of the current one.

    Raises ValueError for a seed that is not an integer and for other keyword arguments.
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        backend = kwargs.pop("backend", None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
        if seed is not None and not isinstance(seed, int | np.integer):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed!r}")
        self.name = auto_name("seed_generator") if name is None else name
        self._initial_seed = seed
        first = make_default_seed() if seed is None else int(seed)
        chosen = registry.current() if backend is None else registry.get(backend)
        # It has its values at once, also where weights wait for a file.
        with entered(backend=chosen, deferred=False):
            self.state = SeedState(
                _words(first), dtype="int32", trainable=False, name="seed_generator_state"
            )

    def next(self, ordered: bool = True) -> Tensor:
        """Returns the key of the next draw, int32 of shape (2,).

        The number of the draw then grows by one or, with `ordered=False`, jumps along a sequence
        that meets all 2^32 numbers in no apparent order.
        """
        backend = self.state.backend
        if state.inferring:  # only shapes are wanted, and nothing is drawn
            return backend.zeros((2,), "int32")
        if ordered and state.substitutes is None:
            key = backend.advance(self.state.native)
            if key is not None:
                return key
        held = self.state.value
        key = backend.copy(backend.read(held))
        given = state.substitutes is not None and id(self.state) in state.substitutes
        if not given and backend.is_traced_constant(held, key):
            raise ValueError(_FROZEN)
        # The state stays where it lies, whatever the draw is for.
        before, state.device = state.device, backend.device_of(key)
        try:
            if not ordered:
                key_after = backend.multiply(key, backend.asarray([1, _FACTOR], "int32"))
                step = backend.asarray([0, _STEP], "int32")
            else:
                # Made on the device: nothing of the host's is waited for.
                key_after, step = key, backend.arange(0, 2, 1, "int32")
            self.state.assign(backend.add(key_after, step))
        finally:
            state.device = before
        return key

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this generator in its first state."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SeedGenerator":
        """Returns the generator that `get_config` describes."""
        return cls(**config)


def _words(seed: int) -> np.ndarray:
    """The first key of a seed: int32 of shape (2,), the seed's lowest 32 bits and 0."""
    return np.array([seed & philox.MASK, 0], np.uint32).view(np.int32)


def make_default_seed() -> int:
    """Returns a seed below 2^31 that follows from the global one, another at each call."""
    return int(philox.words(host_random.next_key(), 1)[0]) >> 1


def _global_one(backend: Any) -> SeedGenerator | None:
    return host_random.generators.get(backend.name)


def global_seed_generator() -> SeedGenerator:
    """Returns the generator of draws without a seed on the current backend.

    Each backend has one; all begin anew with `set_random_seed`, and at the same draw. While JAX
    traces, its `next` is a ValueError: the program would keep one key for ever.
    """
    _ensure_global()
    made = _global_one(registry.current())
    assert made is not None
    return made


def _ensure_global() -> int:
    """Make the global generator of the current backend, if there is none yet."""
    backend = registry.current()
    if _global_one(backend) is None:
        with backend.eagerly():
            with entered(backend=backend):
                made = SeedGenerator(host_random.global_seed(), "global_seed_generator")
        host_random.generators[backend.name] = made
    return 0


# What `torch.compiler.assume_constant_result` sets: torch.compile then runs the function while it
# traces, in the place of tracing it.
_ensure_global._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


def draw_seed(seed: Any) -> Tensor:
    """Returns the key that a `seed` argument means, as a tensor: int32 of shape (2,)."""
    backend, key = key_of(seed)
    return backend.asarray(_words(key[0]), "int32") if isinstance(key, tuple) else key


def key_of(seed: Any) -> tuple[Any, Any]:
    """Returns the backend and the key of a `seed` argument: a tensor of two words, or two integers.

    An int is the same key at each call, a SeedGenerator gives its next, None stands for the global
    generator; a tensor of two integers (such as `jax.random.PRNGKey` makes) is a key by itself.
    """
    if seed is None:
        seed = global_seed_generator()
    if isinstance(seed, SeedGenerator):
        return seed.state.backend, seed.next()
    if isinstance(seed, int | np.integer):
        return registry.current(), (int(seed) & philox.MASK, 0)
    owner = registry.owner_of(seed)
    if owner is registry.ARRAY and np.shape(seed) == (2,) and np.asarray(seed).dtype.kind in "iu":
        return registry.current(), tuple(int(word) & philox.MASK for word in np.asarray(seed))
    if owner in registry.loaded() and owner.static_shape(seed) == (2,):
        return owner, owner.cast(seed, "int32")
    raise ValueError(
        "Argument `seed` must be either an integer or an instance of `SeedGenerator`, None, or a "
        f"tensor of two integers. Received: seed={seed!r} (of type {type(seed).__name__})"
    )
