"""Steps on CPUs as straight lines of kernels: what a call computed once, without Python between.

A step of a decoder calls thousands of small kernels, and what Python does between two of them takes
longer than many of them. A recording keeps the kernels, writes each one's results where they were
written before, and so needs no view made anew: what a view looks at stays where it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch._C._functorch import peek_interpreter_stack  # pyright: ignore[reportMissingImports]
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ...nested import map_structure
from ...structures import split
from . import placing, straight_lines
from .graphs import NotRecorded

_aten = torch.ops.aten
# Of results on the way, in all: what computes more is no small step, and waits for no Python.
MOST_BYTES = 1 << 28
MOST_BYTES_OF_STEPS = 1 << 26  # of these a result is read again on the way back, and lies longer
# A recording takes four times as long as a call, and saves a sixth to a half of each that follows.
CALLS_BEFORE = 8
_PLAIN = (torch.Tensor, torch.nn.Parameter)


class Host(NamedTuple):
    """A function of Python among the kernels; see `placing.on_host`.

    Attributes:
        run: the function.
        changes: whether it writes to the tensors among its arguments.
    """

    run: Callable[..., Any]
    changes: bool


class Call(NamedTuple):
    """A kernel and what it was called with.

    Attributes:
        function: the operator of torch, or a `Host`.
        args: its arguments.
        kwargs: those by name.
        results: the tensors that it gave, in order; None for what it left out.
        read: the memory of the tensors among the arguments; see `straight_lines.memory`.
        made: the memory of the results; None for what it left out.
    """

    function: Any
    args: tuple
    kwargs: dict[str, Any]
    results: list[Any]
    read: frozenset[Any]
    made: list[Any]


class CpuDriver:
    """Records and replays on CPUs; see `graphs.CudaDriver`, whose place it takes."""

    # Packed kernels are made of weights, and know nothing of what is written to these later.
    watches_versions = True
    errors = (RuntimeError, IndexError)

    @staticmethod
    def calls_before() -> int:
        """Returns how many calls run before one is recorded, which takes longer than a call."""
        return CALLS_BEFORE

    def is_usable(self, tensors: list[Any]) -> bool:
        """Whether a call with these tensors can be recorded, and nothing of torch's watches it."""
        return (
            bool(tensors)
            and all(type(x) is torch.Tensor and x.device.type == "cpu" for x in tensors)
            and self._has_its_mode()
            and not torch.compiler.is_compiling()
            and not torch.is_autocast_enabled("cpu")
            and not torch._C._len_torch_dispatch_stack()
            and not torch._C._len_torch_function_stack()
            and peek_interpreter_stack() is None
            and torch._C._get_tracing_state() is None
        )

    def _has_its_mode(self) -> bool:
        return torch.is_inference_mode_enabled()

    def _watch(self) -> _Watch:
        return _Watch()

    def record(
        self, function: Callable[[], Any], device: Any, inputs: Sequence[Any] = ()
    ) -> tuple[Any, Any, Callable[[], None]]:
        """Runs `function`, and notes its kernels; see `graphs.CudaDriver.record`.

        Raises:
            NotRecorded: with the outputs of the run, where a replay would not do the same.
        """
        watch = self._watch()
        with placing.noting(watch), _Reads(watch), watch:
            outputs = function()
        leaves = [x for x in split(outputs)[0] if isinstance(x, torch.Tensor)]
        first = map_structure(_copied_unless(inputs), outputs)  # what stays the same is ours
        try:
            if watch.reason:
                raise RuntimeError(watch.reason)
            line = straight_lines.planned(_needed(watch.calls), leaves, inputs)
        except Exception as error:
            raise NotRecorded(outputs) from error
        return first, line.moved(outputs), line.run


class StepDriver(CpuDriver):
    """Records and replays steps of training and testing, which change variables in their place.

    What Python reads on the way (targets that are checked, draws, a rate) is read in replays, too.
    """

    watches_versions = False  # a step writes to the weights itself, and its kernels read them anew

    def _has_its_mode(self) -> bool:
        return not (torch.is_inference_mode_enabled() or torch.is_anomaly_enabled())

    def _watch(self) -> _Watch:
        return _Watch(steps=True)


def _copied_unless(inputs: Sequence[Any]) -> Callable[[Any], Any]:
    """A function that copies tensors which lie in no input's memory."""
    kept = {straight_lines.memory(x) for x in inputs}

    def own(x: Any) -> Any:
        plain = isinstance(x, torch.Tensor)
        return x.clone() if plain and straight_lines.memory(x) not in kept else x

    return own


class _Watch(TorchDispatchMode):
    """Notes the kernels of a call; `reason` says why a replay would not do the same."""

    def __init__(self, steps: bool = False) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.reason = ""
        self.steps = steps
        # While a function of the host runs, what it calls is its own.
        self.paused = False
        self._bytes, self._most = 0, MOST_BYTES_OF_STEPS if steps else MOST_BYTES

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to say so to Dynamo, torch would import it, for seconds

    def refuse(self, reason: str) -> None:
        """Gives the recording up; the call goes on."""
        self.reason = self.reason or reason
        self.calls.clear()

    def host(self, function: Callable[..., Any], args: tuple, changes: bool) -> Any:
        """Runs a function of the host, and notes it as one call; see `placing.on_host`."""
        if self.reason or not self.steps:
            self.refuse("Python reads numbers of tensors.")
        self.paused = True
        try:
            with placing.noting(None):
                result = function(*args)
        finally:
            self.paused = False
        if not self.reason:
            self._note(Host(function, changes), args, {}, straight_lines.results_in(result))
        return result

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.reason or self.paused:
            return func(*args, **kwargs)
        parts = _PARTS.get(func)
        if parts is not None:
            with self:
                found = parts(*args, **kwargs)
            if found is not None:
                return found
        result = func(*args, **kwargs)
        results = straight_lines.results_in(result)
        fault = _fault(func, args, kwargs, result, results)
        if fault:
            self.refuse(fault)
        else:
            self._note(func, args, kwargs, results)
        return result

    def _note(self, func: Any, args: Any, kwargs: Any, results: list[Any]) -> None:
        read = frozenset(map(straight_lines.memory, straight_lines.tensors_in((args, kwargs))))
        made = [None if x is None else straight_lines.memory(x) for x in results]
        self.calls.append(Call(func, args, kwargs, results, read, made))
        new = (x for x, key in zip(results, made, strict=True) if x is not None and key not in read)
        self._bytes += sum(x.nbytes for x in new)
        if self._bytes > self._most:
            self.refuse(f"Results of more than {self._most >> 20} MB.")


_CHANGING = {
    torch.Tag.nondeterministic_seeded,
    torch.Tag.data_dependent_output,
    torch.Tag.dynamic_output_shape,
}


_ATTENTION = _aten.scaled_dot_product_attention.default


def _dropout(q: Any, k: Any, v: Any, mask: Any = None, dropout_p: float = 0.0, *_: Any, **__: Any):
    return dropout_p


def _fault(func: Any, args: Any, kwargs: Any, result: Any, results: list[Any]) -> str:
    """Why a replay of a kernel would not do the same; empty where it does."""
    name = str(func)
    tags = set(func.tags)
    if tags & _CHANGING and not (func is _ATTENTION and not _dropout(*args, **kwargs)):
        return f"{name} gives what hangs on values or draws."
    if torch.Tag.inplace_view in tags and func is not _aten.detach_.default:
        return f"{name} changes the form of a tensor in its place."
    if (
        not results
        and not func._schema.is_mutable
        and any(True for _ in straight_lines.tensors_in((args, kwargs)))
    ):
        return f"{name} gives a number that Python reads."
    given = (x for x in results if x is not None)
    if any(type(x) not in _PLAIN or x.device.type != "cpu" for x in given):
        return f"{name} gives what lies elsewhere."
    return ""


class _Reads(TorchFunctionMode):
    """Notes that Python reads numbers of tensors, past all kernels."""

    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self._watch = watch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _READERS and not self._watch.paused:
            self._watch.refuse(f"Python reads a tensor's numbers ({func.__name__}).")
        return func(*args, **(kwargs or {}))


_READERS = frozenset(
    getattr(torch.Tensor, name) for name in ("numpy", "tolist", "item", "__array__", "__dlpack__")
)


def _needed(calls: list[Call]) -> list[Call]:
    """Those calls of which a replay needs the kernel: no views, and nothing that stays the same."""
    written = {  # memory that a kernel writes to after it was made
        straight_lines.memory(x) for call in calls for x in _changed(call)
    }
    alike: set[Any] = set()
    found = []
    for call in calls:
        read, made = call.read, call.made
        if call.function is _aten.empty.memory_format:
            continue  # what fills it later writes to the memory that it has got
        if isinstance(call.function, Host):
            found.append(call)
        elif not call.function._schema.is_mutable and read.issuperset(made):
            if call.function is _aten.lift_fresh.default:  # a number or array of Python's
                alike.update(made)
        elif alike.issuperset(read) and written.isdisjoint(read) and written.isdisjoint(made):
            alike.update(made)
        else:
            found.append(call)
    return found


def _changed(call: Call) -> Iterator[Any]:
    """The tensors that a kernel writes to among those it was given."""
    if isinstance(call.function, Host):
        yield from straight_lines.tensors_in(call.args if call.function.changes else ())
        return
    if not call.function._schema.is_mutable:
        return
    for place, argument in enumerate(call.function._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            given = call.args[place] if place < len(call.args) else call.kwargs.get(argument.name)
            yield from straight_lines.tensors_in(given)


# What is recorded as its parts, which can write where they are told to --------------------------


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """`linear` as the product that it calls."""
    rows = x.numel() // max(x.shape[-1], 1)
    if weight.ndim != 2 or x.ndim < 2 or not rows or not x.is_contiguous():
        return None
    flat = x.reshape(rows, x.shape[-1])
    y = flat.mm(weight.t()) if bias is None else torch.addmm(bias, flat, weight.t())
    return y.view(*x.shape[:-1], weight.shape[0])


def _rms_norm(x: Any, sizes: Any, weight: Any = None, eps: Any = None) -> Any:
    """`rms_norm` of float32 as torch composes it, but for the mean, which takes it two kernels."""
    alike = weight is None or weight.dtype is x.dtype
    if x.dtype is not torch.float32 or eps is None or not alike:
        return None
    axes = list(range(x.ndim - len(sizes), x.ndim))
    total = x.square().sum(axes, True)
    share = 1.0 / max(math.prod(x.shape[axis] for axis in axes), 1)
    y = x * torch.rsqrt(torch.add(total.new_tensor(eps), total, alpha=share))
    return y if weight is None else y * weight


_PARTS: dict[Any, Callable[..., Any]] = {
    _aten.linear.default: _linear,
    _aten.rms_norm.default: _rms_norm,
}
