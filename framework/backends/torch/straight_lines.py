"""Recorded kernels as a program: where each result lies, and how they run one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import torch

_ALIGNED = 64  # bytes, as torch's own allocator has it


def memory(x: Any) -> Any:
    """What tensors share that lie in one piece of memory."""
    try:
        return x.untyped_storage()._cdata
    except NotImplementedError:  # as of what oneDNN has arranged
        return id(x)


def tensors_in(x: Any) -> Iterator[Any]:
    """Yields the tensors of nested tuples, lists and dicts, in order."""
    if isinstance(x, torch.Tensor):
        yield x
    elif isinstance(x, list | tuple):
        for one in x:
            yield from tensors_in(one)
    elif isinstance(x, dict):
        yield from tensors_in(list(x.values()))


def results_in(x: Any) -> list[Any]:
    """Returns the tensors that a kernel gave, in order; None stands for one that it left out."""
    if isinstance(x, list | tuple):
        return [one for part in x for one in (results_in(part) if part is not None else [None])]
    return [x] if isinstance(x, torch.Tensor) else []


class Line:
    """A program of kernels whose tensors all have their places.

    Attributes:
        run: runs it.
        moved: a recorded tensor -> where a run of the program writes or reads it.
    """

    def __init__(self, steps: list[Any], moved: Callable[[Any], Any]) -> None:
        self.moved = moved
        parts = [
            partial(_one_by_one, list(part)) if on_host else _of_kernels(list(part))
            for on_host, part in groupby(steps, lambda step: not _is_kernel(step[0]))
        ]
        self.run: Callable[[], None] = parts[0] if len(parts) == 1 else partial(_in_order, parts)


def _in_order(parts: list[Callable[[], None]]) -> None:
    for part in parts:
        part()


def _is_kernel(function: Any) -> bool:
    return hasattr(function, "_schema")


def _of_kernels(steps: list[Any]) -> Callable[[], None]:
    return _interpreted(steps) or partial(_one_by_one, steps)


def _one_by_one(steps: list[Any]) -> None:
    for function, args, kwargs, targets in steps:
        run = function if _is_kernel(function) else function.run
        with torch.no_grad():
            results = run(*args, **kwargs)
        if targets:
            for target, result in zip(targets, results_in(results), strict=True):
                if target is not None:
                    target.copy_(result)


def planned(calls: Sequence[Any], outputs: Sequence[Any], inputs: Sequence[Any]) -> Line:
    """Returns the program of recorded calls.

    Results on the way share memory where the one is not needed any more when the other is made.

    Args:
        calls: `cpu_graphs.Call`s, in order.
        outputs: tensors of which the numbers count when all have run.
        inputs: tensors that are given anew before each run.
    """
    places = _Places(calls, outputs, inputs)
    steps = []
    for call in calls:
        args, kwargs = places.moved(call.args), places.moved(call.kwargs)
        results = [places.moved(x) for x in call.results]
        if not _is_kernel(call.function):
            steps.append((call.function, args, kwargs, results))
            continue
        if call.read.issuperset(call.made):  # it writes where it was told to
            steps.append((call.function, args, kwargs, []))
            continue
        returns = call.function._schema.returns
        found = _writing(call.function) if len(returns) == 1 else None
        if found is None:
            if len(results) != len(returns):
                raise RuntimeError(f"{call.function} gives lists of new tensors, or none.")
            steps.append((call.function, args, kwargs, results))
        else:
            function, name = found
            many = str(returns[0].type) == "List[Tensor]"
            steps.append((function, args, {**kwargs, name: results if many else results[0]}, []))
    return Line(steps, places.moved)


class _Places:
    """Where results lie: in one piece of memory, which those share that are not needed at once."""

    def __init__(self, calls: Sequence[Any], outputs: Sequence[Any], inputs: Sequence[Any]) -> None:
        own = {memory(x) for x in inputs}
        first: dict[Any, int] = {}
        last: dict[Any, int] = {}
        sizes: dict[Any, int] = {}
        for number, call in enumerate(calls):
            for x, key in zip(call.results, call.made, strict=True):
                if key not in call.read and key not in own and key not in first and x is not None:
                    first[key], sizes[key] = number, x.untyped_storage().nbytes()
            for key in (*call.read, *call.made):
                last[key] = number
        for x in outputs:
            last[memory(x)] = len(calls)
        self._starts, size = _packed(first, last, sizes)
        self._arena = torch.empty(size + _ALIGNED, dtype=torch.uint8)
        shift = -self._arena.data_ptr() % _ALIGNED
        self._starts = {key: start + shift for key, start in self._starts.items()}
        self._views: dict[int, tuple[Any, Any]] = {}

    def moved(self, x: Any) -> Any:
        """Returns a structure with tensors in the places of recorded ones."""
        if isinstance(x, torch.Tensor):
            return self._moved_one(x)
        if isinstance(x, list | tuple):
            return type(x)(map(self.moved, x))
        if isinstance(x, dict):
            return {key: self.moved(value) for key, value in x.items()}
        return x

    def _moved_one(self, x: Any) -> Any:
        start = self._starts.get(memory(x))
        if start is None:
            return x
        found = self._views.get(id(x))
        if found is None:
            offset = start // x.element_size() + x.storage_offset()
            view = torch.empty(0, dtype=x.dtype)
            view.set_(self._arena.untyped_storage(), offset, x.shape, x.stride())
            found = self._views[id(x)] = view, x  # the tensor, too: it must not lend its id
        return found[0]


def _packed(
    first: dict[Any, int], last: dict[Any, int], sizes: dict[Any, int]
) -> tuple[dict[Any, int], int]:
    """Where each piece of memory begins, each at the lowest place that is free; and the end."""
    starts: dict[Any, int] = {}
    busy: list[tuple[int, int, int]] = []  # (start, end, last use), by start
    top = 0
    for key in sorted(first, key=lambda key: first[key]):
        busy = [piece for piece in busy if piece[2] >= first[key]]
        size = -(-max(sizes[key], 1) // _ALIGNED) * _ALIGNED
        place = 0
        for start, end, _ in busy:
            if start - place >= size:
                break
            place = max(place, end)
        starts[key] = place
        busy.append((place, place + size, last[key]))
        busy.sort()
        top = max(top, place + size)
    return starts, top


_known: dict[Any, Any] = {}


def _writing(function: Any) -> Any:
    """The overload that writes its result where it is told to, and the name of where; or None."""
    if function not in _known:
        _known[function] = _found_writing(function)
    return _known[function]


def _found_writing(function: Any) -> Any:
    wanted = [(a.name, str(a.type)) for a in function._schema.arguments]
    packet = function._overloadpacket
    if function._schema.is_mutable or function.namespace != "aten":
        return None
    for name in packet.overloads():
        other = getattr(packet, name)
        targets = [a.name for a in other._schema.arguments if a.is_out]
        rest = [(a.name, str(a.type)) for a in other._schema.arguments if not a.is_out]
        if len(targets) == 1 and rest == wanted:
            return other, targets[0]
    return None


# Without Python between the kernels ---------------------------------------------------------------


def _interpreted(steps: list[Any]) -> Callable[[], None] | None:
    """The program run by TorchScript's interpreter; None where torch has none, or not for it."""
    try:
        graph: Any = torch._C.Graph()
        script = _Script(graph)
        for function, args, kwargs, targets in steps:
            values = script.call(function, args, kwargs)
            for target, value in zip(targets, values, strict=False):
                if target is None:
                    continue
                copied = [script.value(target), value, graph.insertConstant(False)]
                graph.insertNode(graph.create("aten::copy_", copied, 1))
        graph.registerOutput(graph.insertConstant(0))
        run = torch._C._create_function_from_graph("step", graph)
    except Exception:
        return None
    given = script.tensors()

    def interpret() -> None:
        before = torch._C._get_graph_executor_optimize()
        torch._C._set_graph_executor_optimize(False)
        try:
            run(*given)
        finally:
            torch._C._set_graph_executor_optimize(before)

    return interpret


class _Script:
    """A graph of TorchScript in the making; its inputs are the tensors of the calls."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._inputs: dict[int, tuple[Any, Any]] = {}

    def tensors(self) -> list[Any]:
        """Returns the tensors that the graph takes, in order."""
        return [x for x, _ in self._inputs.values()]

    def call(self, function: Any, args: Any, kwargs: Any) -> list[Any]:
        """Adds a call; returns its results as values of the graph."""
        schema = function._schema
        values = []
        for place, argument in enumerate(schema.arguments):
            if argument.name in kwargs:
                given = kwargs[argument.name]
            elif place < len(args) and not argument.kwarg_only:
                given = args[place]
            else:
                given = argument.default_value
            if isinstance(given, bool | int | float) and _takes_tensor(argument.type):
                given = _as_tensor(given, [*tensors_in((args, kwargs))])
            values.append(self.value(given, argument.type))
        node = self._graph.create(schema.name, values, len(schema.returns))
        self._graph.insertNode(node)
        if node.schema() == "(no schema)":
            raise TypeError(f"{function} cannot be called from a program.")
        found = list(node.outputs())
        for value, returned in zip(found, schema.returns, strict=True):
            value.setType(returned.type)
        return found

    def value(self, x: Any, kind: Any = None) -> Any:
        """Returns a tensor or constant as a value of the graph."""
        if isinstance(x, torch.Tensor):
            found = self._inputs.get(id(x))
            if found is None:
                value = self._graph.addInput()
                value.setType(torch._C.TensorType.get())
                found = self._inputs[id(x)] = x.detach(), value
            return found[1]
        if isinstance(x, list | tuple):
            element = _element(kind)
            values = [self.value(one, element) for one in x]
            node = self._graph.create("prim::ListConstruct", values, 1)
            self._graph.insertNode(node)
            node.output().setType(torch._C.ListType(element))
            return node.output()
        if isinstance(x, torch.dtype | torch.layout | torch.memory_format):
            x = _NUMBERS[x]
        return self._graph.insertConstant(x)


def _takes_tensor(kind: Any) -> bool:
    return kind.kind() == "TensorType"


def _as_tensor(number: Any, others: list[Any]) -> Any:
    """A number in the place of a tensor, in a dtype that changes no other's."""
    dtype = others[0].dtype
    if isinstance(number, float) and not dtype.is_floating_point:
        dtype = torch.get_default_dtype()
    return torch.tensor(number, dtype=dtype)


def _element(kind: Any) -> Any:
    """The type of a list's elements."""
    while not isinstance(kind, torch._C.ListType):
        kind = kind.getElementType()
    return kind.getElementType()


# How torch numbers them in its programs (c10/core/ScalarType.h, MemoryFormat.h).
_NUMBERS: dict[Any, int] = {
    torch.uint8: 0, torch.int8: 1, torch.int16: 2, torch.int32: 3, torch.int64: 4,
    torch.float16: 5, torch.float32: 6, torch.float64: 7, torch.bool: 11, torch.bfloat16: 15,
    torch.strided: 0, torch.contiguous_format: 0, torch.preserve_format: 1,
}  # fmt: skip
