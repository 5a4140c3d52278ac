"""What stands around a layer's `__init__` and `build`, whoever wrote them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from .. import dtype_policies
from ..context import state


def constructing(init: Callable[..., None]) -> Callable[..., None]:
    """Returns `__init__` in which parts get the layer's dtype, and then what follows it."""

    @wraps(init)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        if "_constructing" in vars(self):
            init(self, *args, **kwargs)
            return
        vars(self)["_constructing"] = True
        dtype = kwargs.get("dtype")
        before = state.policy
        if dtype is not None:
            state.policy = dtype_policies.get(dtype)
        try:
            init(self, *args, **kwargs)
        finally:
            state.policy = before
            del vars(self)["_constructing"]
        if "_policy" not in vars(self):
            raise RuntimeError(
                f"In layer {type(self).__name__!r}, you forgot to call `super().__init__()` as the "
                "first statement in the `__init__()` method."
            )
        self._constructed()

    return wrapped


def build_on_backend(build: Callable[..., None]) -> Callable[..., None]:
    """Returns `build` with the layer's backend current, which then marks the layer as built."""

    @wraps(build)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        before = state.backend, state.policy, state.journal, state.autocast, state.owner
        state.backend, state.policy, state.owner = self._backend, self._policy, None
        # What is built while shapes are inferred stays.
        state.journal = state.autocast = None
        try:
            build(self, *args, **kwargs)
            self.built = True
            if type(self).build is wrapped:  # not that of a class above
                self._after_build()
        finally:
            state.backend, state.policy, state.journal, state.autocast, state.owner = before
        self._note_build(build, args, kwargs)

    return wrapped
