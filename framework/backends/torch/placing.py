"""Numbers and arrays of the host as tensors on a device.

A copy from the host's memory makes the host wait, and no CUDA graph can hold it. So a single number
is written by a kernel, and arrays that a call makes are kept while the call is being recorded.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch


def number(value: Any, dtype: Any, device: Any) -> Any:
    """Returns a number as a tensor without axes; of the dtype that torch gives it, if None."""
    if device is not None and device.type != "cpu":
        try:
            return torch.full((), value, dtype=dtype, device=device)
        except (RuntimeError, OverflowError, TypeError):  # as of uint64's upper half
            pass
    return torch.tensor(value, dtype=dtype, device=device)


def beside(x: Any, tensor: Any) -> Any:
    """Returns a tensor, number or array where another tensor is."""
    if isinstance(x, torch.Tensor):
        return x if x.device == tensor.device else x.to(tensor.device)
    if isinstance(x, bool | int | float | complex):
        return number(x, None, tensor.device)
    return sent(torch.as_tensor(x), tensor.device)


def sent(x: Any, device: Any, dtype: Any = None) -> Any:
    """Returns a tensor of the host on a device, in a dtype."""
    if device.type == "cpu" or x.device.type != "cpu" or torch.compiler.is_compiling():
        return x.to(device, dtype)
    if x.numel() == 1 and type(x) is torch.Tensor:
        return number(x.item(), dtype or x.dtype, device).reshape(x.shape)
    constants = _work.constants
    return x.to(device, dtype) if constants is None else constants.take(x, device, dtype)


class Constants:
    """Arrays that a call sends to a device, by their contents.

    While `gathering`, they are kept; while `giving`, they are taken from what was kept.
    """

    def __init__(self) -> None:
        self._kept: dict[Any, Any] = {}
        self.gives = False

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Within the ``with`` block, what is sent to a device is kept, too."""
        before, _work.constants = _work.constants, self
        self.gives = False
        try:
            yield
        finally:
            _work.constants = before

    @contextmanager
    def giving(self) -> Iterator[None]:
        """Within the ``with`` block, nothing is sent: RuntimeError for what was not kept."""
        before, _work.constants = _work.constants, self
        self.gives = True
        try:
            yield
        finally:
            _work.constants = before

    def take(self, x: Any, device: Any, dtype: Any) -> Any:
        """Returns the tensor of the host on the device, with memory of its own."""
        raw = x.contiguous().view(-1).view(torch.uint8).numpy().tobytes() if x.numel() else b""
        key = raw, tuple(x.shape), x.dtype, dtype, device
        if not self.gives:
            self._kept[key] = x.to(device, dtype)
        elif key not in self._kept:
            raise RuntimeError("An array of the host that differs from call to call.")
        return self._kept[key].clone()


def is_recording() -> bool:
    """Whether a call is being recorded in this thread, which computes nothing on the device."""
    return _work.constants is not None and _work.constants.gives


class Watch(Protocol):
    """What notes the kernels of a call on the CPU.

    Attributes:
        steps: whether the call is a step that changes variables, and each replay of it does, too.
    """

    steps: bool

    def refuse(self, reason: str) -> None:
        """Is told why a replay would not do the same."""

    def host(self, function: Callable[..., Any], args: tuple, changes: bool) -> Any:
        """Returns what a function gives, which each replay calls anew; see `on_host`."""


@contextmanager
def noting(watch: Watch | None) -> Iterator[None]:
    """Within the ``with`` block, the kernels of a call on the CPU are noted; by none if None."""
    before, _work.watch = _work.watch, watch
    try:
        yield
    finally:
        _work.watch = before


def is_noted() -> bool:
    """Whether a call's kernels are noted in this thread, and numbers must not be read past them."""
    return _work.watch is not None


def is_noted_step() -> bool:
    """Whether what is noted is a step, in which functions can be run by `on_host`."""
    return _work.watch is not None and _work.watch.steps


def note_change(reason: str) -> None:
    """Says that a variable changes, which a call must not do whose replays leave them alone."""
    if _work.watch is not None and not _work.watch.steps:
        _work.watch.refuse(reason)


def on_host(function: Callable[..., Any], *args: Any, changes: bool = False) -> Any:
    """Returns `function(*args)`, which may read the numbers of tensors.

    Where a step is being noted, its replays call the function in its place, with the tensors that
    stand there for those of the arguments.

    Args:
        function: gives tensors of new memory, or None.
        args: tensors, lists of them, and other values, which stay the same.
        changes: whether it writes to the tensors among the arguments.
    """
    watch = _work.watch
    return function(*args) if watch is None else watch.host(function, args, changes)


class _Work(threading.local):
    def __init__(self) -> None:
        self.constants: Constants | None = None
        self.watch: Watch | None = None


_work = _Work()
