"""Programs of torch's operators, recorded once and run again without the Python around them.

A small net on a CPU spends more time in Python than in kernels: PP-OCR's recognizer of 123 nodes
took 8 of its 28 ms so. What a call computed is kept as the list of operators that it ran; those
that no input reaches, such as rearrangements of weights, are not run again.
"""

import threading
from typing import Any

import torch
from torch._C._functorch import peek_interpreter_stack  # pyright: ignore[reportMissingImports]
from torch.utils._python_dispatch import TorchDispatchMode

# How many recordings each thread has under way, and whether one of them has seen numbers.
_state = threading.local()
_DRAWS = torch.Tag.nondeterministic_seeded
_BY_VALUE = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)


class Tape:
    """Operators in order, with the places of what they take and give.

    Args:
        inputs: tensors that are other ones at each run, in memory of their own order.
    """

    def __init__(self, inputs: list[torch.Tensor]) -> None:
        self.steps: list[Any] = []
        self.outputs: list[int] = []
        self.good = True
        self._places = {id(x): place for place, x in enumerate(inputs)}
        # Held while it is recorded, or another tensor could have the identity of one of these.
        self._held: list[Any] = list(inputs)
        self._count = len(inputs)

    def note(self, operator: Any, args: Any, kwargs: Any, found: Any) -> None:
        """Takes an operator down, with what it gave."""
        used: list[int] = []
        spec = _spec(args, self._places, used), _spec(kwargs, self._places, used)
        if not used:
            self.good &= not _is_free(operator, args, kwargs)
            return
        if _is_free(operator, args, kwargs):
            self.good = False
        if operator._schema.is_mutable and not _writes_inside(operator, args, self._places):
            self.good = False
        several = isinstance(found, list | tuple)
        outs = []
        for x in found if several else (found,):
            if not isinstance(x, torch.Tensor):
                self.good &= x is None
                outs.append(-1)
                continue
            place = self._places.get(id(x))
            if place is None:
                place = self._places[id(x)] = self._count
                self._count += 1
                self._held.append(x)
            outs.append(place)
        self.steps.append((operator, *spec, tuple(outs), several))

    def close(self, outputs: list[Any]) -> bool:
        """Ends the recording; tells whether it may be run in the place of the call."""
        places = [self._places.get(id(x)) for x in outputs]
        self.good &= None not in places and bool(self.steps)
        self.outputs = [place for place in places if place is not None]
        self._places, self._held = {}, []
        if self.good:
            self._cancel()
            self._free()
        return self.good

    def _cancel(self) -> None:
        """Leaves out orders of axes that undo others: both are views of the same memory."""
        orders: dict[int, tuple[int, list[int]]] = {}
        same: dict[int, int] = {}
        kept = []
        for operator, args, kwargs, outs, several in self.steps:
            args = _renamed(args, same)
            if operator is torch.ops.aten.permute.default:
                first, order = args[0].number, [n % len(args[1]) for n in args[1]]
                source, before = orders.get(first, (first, list(range(len(order)))))
                order = [before[n] for n in order]
                if order == sorted(order):
                    same[outs[0]] = source
                    continue
                args = (_Place(source), order)
                orders[outs[0]] = source, order
            outs = tuple(same.get(place, place) for place in outs)
            kept.append((operator, args, _renamed(kwargs, same), outs, several))
        self.steps = kept
        self.outputs = [same.get(place, place) for place in self.outputs]

    def _free(self) -> None:
        """Notes behind each step which places nobody needs after it."""
        last: dict[int, int] = {}
        for number, (_, args, kwargs, outs, _) in enumerate(self.steps):
            for place in (*_used((args, kwargs)), *outs):
                last[place] = number
        freed: dict[int, list[int]] = {}
        for place, number in last.items():
            if place not in self.outputs and place >= 0:
                freed.setdefault(number, []).append(place)
        self.steps = [
            (*step, tuple(freed.get(number, ()))) for number, step in enumerate(self.steps)
        ]

    def run(self, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
        """Returns what the operators give of other inputs of the same sizes."""
        values: list[Any] = [None] * self._count
        values[: len(inputs)] = inputs
        for operator, args, kwargs, outs, several, freed in self.steps:
            given = [_value(x, values) for x in args]
            found = operator(*given, **{k: _value(x, values) for k, x in kwargs.items()})
            if several:
                for place, x in zip(outs, found, strict=True):
                    if place >= 0:
                        values[place] = x
            else:
                values[outs[0]] = found
            for place in freed:
                values[place] = None
        return [values[place] for place in self.outputs]


class _Place:
    """Stands for a tensor that an input reaches."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def _spec(x: Any, places: dict[int, int], used: list[int]) -> Any:
    """Arguments with places for the tensors that inputs reach."""
    if isinstance(x, torch.Tensor):
        place = places.get(id(x))
        if place is None:
            return x
        used.append(place)
        return _Place(place)
    if isinstance(x, list | tuple):
        return type(x)(_spec(part, places, used) for part in x)
    if isinstance(x, dict):
        return {key: _spec(part, places, used) for key, part in x.items()}
    return x


def _renamed(x: Any, names: dict[int, int]) -> Any:
    """Arguments with other places for those that stand in `names`."""
    if type(x) is _Place:
        return _Place(names.get(x.number, x.number))
    if isinstance(x, list | tuple):
        return type(x)(_renamed(part, names) for part in x)
    if isinstance(x, dict):
        return {key: _renamed(part, names) for key, part in x.items()}
    return x


def _used(x: Any) -> list[int]:
    if type(x) is _Place:
        return [x.number]
    if isinstance(x, dict):
        x = list(x.values())
    return [n for part in x for n in _used(part)] if isinstance(x, list | tuple) else []


def _value(x: Any, values: list[Any]) -> Any:
    kind = type(x)
    if kind is _Place:
        return values[x.number]
    if (kind is list or kind is tuple) and any(type(part) is _Place for part in x):
        return [_value(part, values) for part in x]
    return x


def _is_free(operator: Any, args: Any, kwargs: Any) -> bool:
    """Whether an operator draws at random, or has results whose sizes depend on values."""
    if any(tag in operator.tags for tag in _BY_VALUE):
        return True
    if _DRAWS not in operator.tags:
        return False
    names = [argument.name for argument in operator._schema.arguments]
    if "dropout_p" not in names:
        return True
    place = names.index("dropout_p")
    return (args[place] if place < len(args) else kwargs.get("dropout_p", 0.0)) != 0


def _writes_inside(operator: Any, args: Any, places: dict[int, int]) -> bool:
    """Whether an operator writes only to tensors that the recorded run made itself."""
    for argument, x in zip(operator._schema.arguments, args, strict=False):
        if argument.alias_info is not None and argument.alias_info.is_write:
            if not isinstance(x, torch.Tensor) or id(x) not in places:
                return False
    return True


class _Recording(TorchDispatchMode):
    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self._tape = tape

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        self._tape.note(func, args, kwargs or {}, found)
        return found


def recorded(function: Any, inputs: list[torch.Tensor]) -> tuple[list[Any], Tape | None]:
    """Returns what a function of no arguments gives, and the tape of it if it can be run again.

    Args:
        function: computes tensors from `inputs`, which it holds, and from tensors that stay.
        inputs: what it computes from.
    """
    tape = Tape(inputs)
    outer, _state.tape = getattr(_state, "tape", None), tape
    try:
        with _Recording(tape):
            outputs = function()
    finally:
        _state.tape = outer
    return outputs, tape if tape.close(outputs) else None


def seen_by_host() -> None:
    """Says that numbers of a tensor were read, on which what is computed next may depend."""
    tape = getattr(_state, "tape", None)
    if tape is not None:
        tape.good = False


def can_record(tensors: list[Any]) -> bool:
    """Tells whether a call on these tensors may be recorded: inference, now, on the CPU."""
    return (
        torch.is_inference_mode_enabled()
        and getattr(_state, "tape", None) is None
        and all(type(x) is torch.Tensor and x.is_cpu and x.is_contiguous() for x in tensors)
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and not torch.is_autocast_enabled("cpu")
        and peek_interpreter_stack() is None
    )


class Stamp:
    """The weights of a recording, as they were: the same tensors, written to as often."""

    def __init__(self, weights: list[Any]) -> None:
        self.weights, self.versions = weights, [x._version for x in weights]

    def __eq__(self, other: Any) -> bool:
        same = all(a is b for a, b in zip(self.weights, other.weights, strict=True))
        return same and self.versions == other.versions

    __hash__ = None  # pyright: ignore[reportAssignmentType]


def stamp(weights: list[Any]) -> Stamp | None:
    """Returns what is unequal once a weight is written to or replaced; None if nothing tells."""
    try:
        return Stamp(weights)
    except RuntimeError:  # of a tensor of inference mode nothing tells when it is written to
        return None
