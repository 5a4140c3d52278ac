"""What is under way in a thread: the backend, the layer, its settings, and who listens.

One object holds it. A scope changes fields of it with `entered` and puts them back; the call of a
layer does the same for the fields that it owns (`core.layer`). What a user may hold open across an
`await` (the choice of a backend) is a context variable in `config`, so that tasks do not see each
other's.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class CallContext(threading.local):
    """The state of one thread. Each field has its value for "nothing is under way" as default."""

    # The backend that ops without tensors run on; None for the user's choice.
    backend: Any = None
    # Backend and dtypes of the layer whose call is under way; None outside of calls.
    owner: Any = None
    # Whether the call trains, where somebody said so; None leaves it to each layer's own mode.
    training: bool | None = None
    # id of a tensor -> (tensor, mask), while a call with masks is under way.
    masks: dict[int, tuple[Any, Any]] | None = None
    # Layers that added losses during the call.
    losses: list[Any] | None = None
    # The dtype as which float variables are read; None for their own.
    autocast: str | None = None
    # Where a call makes new tensors; None for the backend's default device.
    device: Any = None
    # How products of float32 numbers are computed; None for the user's setting.
    float32_precision: str | None = None
    # The dtype policy of layers that are made now: that of the layer around them.
    policy: Any = None
    # The names around variables that are made now, with dots between them.
    name_scope: str = ""
    # Called with (layer, outputs) after each call of a layer.
    observer: Callable[[Any, Any], None] | None = None
    # id of a variable -> the tensor that stands in for its value.
    substitutes: dict[int, Any] | None = None
    # The StatelessScope that is open.
    scope: Any = None
    # Whether variables are made without values; perhaps what each of them is noted in.
    deferred: Any = False
    # Whether only shapes and dtypes of results are wanted.
    inferring: bool = False
    # The RematMode of layers that are made now.
    remat: Any = None
    # id of a variable -> the variable, of those assigned in a call that is made again.
    written: dict[int, Any] | None = None
    # (layer, loss) that such a call added.
    gathered: list[tuple[Any, Any]] | None = None
    # Attributes set while shapes are inferred, to be put back: (object, name, value before).
    journal: list[tuple[Any, str, Any]] | None = None

    def __init__(self) -> None:
        # Each thread has all fields from the start: torch.compile guards on which ones are there.
        for name in CallContext.__annotations__:
            setattr(self, name, getattr(CallContext, name))


state = CallContext()


@contextmanager
def entered(**changes: Any) -> Iterator[None]:
    """Sets fields of this thread's context within the ``with`` block, and puts them back after."""
    before = [(name, getattr(state, name)) for name in changes]
    for name, value in changes.items():
        setattr(state, name, value)
    try:
        yield
    finally:
        for name, value in before:
            setattr(state, name, value)
