"""Where an op's tensors lie: what is made or converted inside a call goes there, too.

Of the frameworks only torch needs this: it refuses operands on two devices, and makes new tensors
on the CPU. It is asked for only where a backend has accelerators, and once for a call: inside of it
`context.state.device` tells.
"""

from typing import Any

from ..backends import registry
from ..backends.registry import BOX, KINDS, TENSORS
from ..context import entered
from ..nested import leaves, map_structure


def placed(call: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Returns `call(*args, **kwargs)` with its CPU tensors on the device of the others.

    The device is that of the first tensor that lies on one. A tensor without axes stays: torch
    takes it as a number.
    """
    device = next((d for x in leaves((args, kwargs)) if (d := _device_of(x)) is not None), None)
    if device is None:
        return call(*args, **kwargs)

    def moved(x: Any) -> Any:
        backend: Any = TENSORS.get(type(x))
        if backend in registry.accelerated and x.ndim and _device_of(x) is None:
            return backend.place(x, device)
        return x

    args, kwargs = map_structure(moved, args), map_structure(moved, kwargs)
    with entered(device=device):
        return call(*args, **kwargs)


def _device_of(x: Any) -> Any:
    """Where a tensor or variable lies, if that is not the CPU."""
    if KINDS.get(type(x)) is BOX:
        x = x.native
    backend: Any = TENSORS.get(type(x))
    return backend.device_of(x) if backend in registry.accelerated else None
