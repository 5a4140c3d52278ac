"""Symbolic calls: nodes of a graph, and the shapes and dtypes that they give."""

import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .. import config, dtypes
from ..backends import registry
from ..backends.base import Spec
from ..context import entered, state
from ..nested import flatten as flatten
from ..nested import leaves as _leaves
from ..nested import map_structure as map_structure
from . import placeholder_sizes
from .graph import Node
from .keras_tensor import Input as Input
from .keras_tensor import KerasTensor
from .trackable import undo


def among(x: Any) -> bool:
    """Tells whether a symbolic tensor is among the leaves of `x`."""
    return any(isinstance(leaf, KerasTensor) for leaf in _leaves(x))


def infer(
    backend: Any,
    function: Callable[..., Any],
    args: tuple,
    kwargs: dict[str, Any],
    keep: bool = False,
) -> Any:
    """Returns symbolic results of `function(*args, **kwargs)`, by abstract evaluation.

    Unknown sizes get trial numbers, in at least two ways; a size of a result that comes out
    different stays unknown. An unknown size fits whatever it meets: where the first trials fail,
    sizes of the other tensors and 1 are tried. The call changes no state: variables are assigned in
    a scope that is thrown away, and other attributes of layers are put back, unless `keep` is set.
    """
    symbols = list(
        {id(x): x for x in _leaves((args, kwargs)) if isinstance(x, KerasTensor)}.values()
    )

    outer = state.substitutes or {}

    def run(sizes: tuple[int, ...]) -> Any:
        rest = iter(sizes)
        specs = [
            Spec((next(rest) if n is None else n for n in x.shape), x.dtype, x.sparse)
            for x in symbols
        ]

        def call(*tensors: Any) -> Any:
            given = dict(zip(map(id, symbols), tensors, strict=True))

            def fill(leaf: Any) -> Any:
                return given[id(leaf)] if isinstance(leaf, KerasTensor) else leaf

            return function(*map_structure(fill, args), **map_structure(fill, kwargs))

        journal: list[Any] = []
        try:
            with entered(inferring=True, journal=journal, substitutes=dict(outer), losses=None):
                return backend.abstract(call, specs)
        finally:
            if not keep:
                undo(journal)

    unknown = sum(n is None for x in symbols for n in x.shape)
    if not unknown:
        return _merge([run(())])
    known = {n for x in symbols for n in x.shape if n is not None}
    asked = _asked_for(symbols, args, kwargs)
    return _merge(placeholder_sizes.runs(run, unknown, known | asked, any(n > 1 for n in asked)))


def _asked_for(symbols: list[KerasTensor], args: tuple, kwargs: dict[str, Any]) -> set[int]:
    """Sizes that arguments name: numbers, those of tensors, and what a whole shape leaves over."""
    values = [*args, *kwargs.values()]
    numbers = {n for n in _leaves(values) if type(n) is int and 0 < n < 10_000}
    for x in _leaves(values):
        if not isinstance(x, KerasTensor) and hasattr(x, "shape"):
            numbers |= {n for n in x.shape if type(n) is int and n}
    known = math.prod(n for n in symbols[0].shape if n is not None)
    shapes = (v for v in values if isinstance(v, list | tuple) and all(type(n) is int for n in v))
    return numbers | {math.prod(shape) // known for shape in shapes if known}


def _merge(runs: list[Any]) -> Any:
    first = runs[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {key: _merge([run[key] for run in runs]) for key in first}
    if isinstance(first, list | tuple):
        merged = [_merge(list(parts)) for parts in zip(*runs, strict=True)]
        return type(first)(*merged) if hasattr(first, "_fields") else type(first)(merged)
    # Where a size decides how many axes there are, the first trial's do.
    shapes = zip(*(run.shape for run in runs if len(run.shape) == len(first.shape)), strict=True)
    sizes = (s[0] if len(set(s)) == 1 else None for s in shapes)
    return KerasTensor(sizes, first.dtype, sparse=first.sparse)


def record(
    target: Any, function: Callable[..., Any], args: tuple, kwargs: dict[str, Any], backend: Any
) -> Any:
    """Returns a node for the call, and the symbolic tensors that it gives."""
    return link(target, args, kwargs, infer(backend, function, args, kwargs))


def link(target: Any, args: tuple, kwargs: dict[str, Any], outputs: Any) -> Any:
    """Returns `outputs` as what the call of `target` gives: they, and the target, know the node."""
    node = Node(target, args, kwargs)
    given = {id(x) for x in node.inputs}

    def own(x: Any) -> Any:
        # A tensor that is handed through keeps its own origin; what comes out is another one.
        return x.with_dtype(x.dtype) if id(x) in given else x

    node.conclude(map_structure(own, outputs))
    return node.outputs


class SymbolicBackend:
    """The "backend" of symbolic tensors: it has no kernels, so that public ops record their calls.

    See `ops.op`. What is known without computing, it tells.
    """

    name = "symbolic"
    tensor_types = (KerasTensor,)
    symbolic = True
    full_backend: Any = None
    hosts = False

    def static_shape(self, x: KerasTensor) -> tuple[int | None, ...]:
        """Returns the shape, None where unknown."""
        return x.shape

    shape = static_shape

    def dtype(self, x: KerasTensor) -> str:
        """Returns the name of the dtype."""
        return x.dtype

    def asarray(self, x: Any, dtype: str | None = None) -> KerasTensor:
        """Returns the shape and dtype of an array or number that meets a symbolic tensor."""
        x = np.asarray(x)
        return KerasTensor(x.shape, dtype or dtypes.standardize(x.dtype))

    def is_sparse(self, x: KerasTensor) -> bool:
        """Tells whether tensors in its place store their non-zero elements only."""
        return x.sparse

    def to_numpy(self, x: KerasTensor) -> NoReturn:
        """Raises InvalidArgumentError: a symbolic tensor has no values."""
        from ..ops.errors import InvalidArgumentError

        raise InvalidArgumentError(
            f"{x!r} has no value: it describes a model that has not been run."
        )

    def record(self, op: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Returns the symbolic result of a public op."""
        rule = getattr(op, "rule", None)
        try:
            made = None if rule is None else rule(*args, **kwargs)
        except ValueError as error:
            if getattr(error, "op", op) is None:
                error.op = op.__name__  # pyright: ignore[reportAttributeAccessIssue]
            raise
        if made is None:
            made = _alike(op, args, kwargs)
        if made is None:
            backend = registry.current()
            key = _key_of(op, args, kwargs, backend)
            found = None if key is None else _RESULTS.get(key)
            if found is None:
                outputs = infer(backend, getattr(op, "outline", op), args, kwargs)
                if key is not None:
                    if len(_RESULTS) >= _MOST_RESULTS:
                        _RESULTS.clear()
                    _RESULTS[key] = map_structure(_spec_of, outputs)
                return link(op, args, kwargs, outputs)
            made = found
        return link(op, args, kwargs, map_structure(_described, made))


# Keys of symbolic calls of ops -> what came of them, with Specs in the place of tensors. Networks
# repeat their blocks, and each trace costs milliseconds.
_RESULTS: dict[Any, Any] = {}
_MOST_RESULTS = 4096
_OPS = __name__.rpartition(".core.")[0] + "."
_PLAIN = (int, float, bool, str, type(None))


def _key_of(op: Any, args: tuple, kwargs: dict[str, Any], backend: Any) -> Any:
    """What shapes and dtypes of the results of a call of one of our ops hang on.

    None unless all that it is given is symbolic tensors, numbers and words.
    """
    if not getattr(op, "__module__", "").startswith(_OPS) or hasattr(op, "outline"):
        return None
    order: dict[int, int] = {}

    def part(x: Any) -> Any:
        if type(x) is KerasTensor and not (x.sparse or x.ragged):
            # Which of them are one and the same.
            return "tensor", x.shape, x.dtype, order.setdefault(id(x), len(order))
        if type(x) in _PLAIN:
            return type(x), x  # 1 and 1.0 and True are equal
        if type(x) in (list, tuple):
            return type(x), *map(part, x)
        raise TypeError

    try:
        given = (*map(part, args), *((name, part(x)) for name, x in kwargs.items()))
    except TypeError:
        return None
    return op, backend.name, config.floatx(), config.image_data_format(), given


def _alike(op: Any, args: tuple, kwargs: dict[str, Any]) -> Spec | None:
    """What the sum, difference or product of two symbolic tensors of one kind is: they add up in
    every network with a residual, the first trace imports much of some frameworks."""
    if kwargs or len(args) != 2 or not all(type(x) is KerasTensor for x in args):
        return None
    if getattr(op, "__name__", "") not in _BY_ELEMENT or not op.__module__.startswith(_OPS):
        return None
    x, y = args
    if (x.shape, x.dtype) != (y.shape, y.dtype) or x.dtype not in FLOATS:
        return None
    return None if any(a.sparse or a.ragged for a in args) else Spec(x.shape, x.dtype)


FLOATS = frozenset(("bfloat16", "float16", "float32", "float64"))
_BY_ELEMENT = frozenset(("add", "subtract", "multiply"))


def _spec_of(x: Any) -> Any:
    return Spec(x.shape, x.dtype, x.sparse) if isinstance(x, KerasTensor) else x


def _described(spec: Any) -> Any:
    if not isinstance(spec, Spec):
        return spec
    return KerasTensor(spec.shape, spec.dtype, sparse=spec.sparse)


SYMBOLIC = SymbolicBackend()
registry.TENSORS[KerasTensor] = SYMBOLIC
