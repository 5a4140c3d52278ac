"""The symbolic tensor: a shape, a dtype, and how it comes about from others."""

import itertools
from typing import Any

from .. import dtypes
from ..backends import registry
from ..backends.base import Backend, Spec
from ..backends.registry import SCALAR, classify

_names = itertools.count()
# Two stand-ins for an unknown size: what differs between both runs depends on it.
_FILLINGS = (3, 5)


class KerasTensor:
    """A tensor that is not computed yet.

    Attributes: `shape` (ints, None where unknown), `dtype` (a name), `name`, and `node`, the call
    that gives it (None for an input).
    """

    def __init__(self, shape, dtype=None, name: str | None = None, node: "Node | None" = None):
        self.shape = tuple(None if n is None else int(n) for n in shape)
        self.dtype = dtypes.standardize(dtype)
        self.name = name or f"keras_tensor_{next(_names)}"
        self.node = node

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape} dtype={self.dtype} name={self.name}>"

    def __bool__(self):
        raise TypeError("A symbolic tensor has no value; use it to describe a model, not in `if`.")

    __iter__ = None  # a symbolic tensor is not a sequence

    def __getitem__(self, index):
        return SYMBOLIC.get_item(self, index)


def _operator(name: str, swapped: bool = False):
    def apply(self, other=None):
        from .. import ops

        function = getattr(ops, name)
        if other is None:
            return function(self)
        return function(other, self) if swapped else function(self, other)

    return apply


for _symbol, _op in {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "mod",
    "pow": "power",
    "matmul": "matmul",
}.items():
    setattr(KerasTensor, f"__{_symbol}__", _operator(_op))
    setattr(KerasTensor, f"__r{_symbol}__", _operator(_op, swapped=True))
for _symbol, _op in {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "neg": "negative",
    "abs": "absolute",
}.items():
    setattr(KerasTensor, f"__{_symbol}__", _operator(_op))


class Node:
    """One call in a graph: of a layer, or of a backend's kernel by its name."""

    def __init__(self, target: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        self.target = target
        self.args = args
        self.kwargs = kwargs
        self.inputs = [x for x in _leaves((args, kwargs)) if isinstance(x, KerasTensor)]
        self.outputs: Any = None

    def run(self, backend: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """The call, with tensors of `backend` in the place of the symbolic ones."""
        if isinstance(self.target, str):
            if self.target == "get_item":
                return args[0][args[1]]
            return getattr(backend, self.target)(*args, **kwargs)
        return self.target(*args, **kwargs)


def _leaves(x: Any):
    if isinstance(x, dict):
        x = x.values()
    if isinstance(x, list | tuple) or type(x).__name__ == "dict_values":
        for value in x:
            yield from _leaves(value)
    else:
        yield x


def map_structure(function, x: Any) -> Any:
    """`function` at every leaf of nested dicts, lists and tuples."""
    if isinstance(x, dict):
        return {key: map_structure(function, value) for key, value in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(map_structure(function, value) for value in x))
    if isinstance(x, list | tuple):
        return type(x)(map_structure(function, value) for value in x)
    return function(x)


def flatten(x: Any) -> list[Any]:
    """The leaves of nested dicts, lists and tuples, in order."""
    return list(_leaves(x))


def infer(backend: Any, function, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Symbolic results of `function(*args, **kwargs)`, by abstract evaluation on `backend`.

    Unknown sizes are filled with two different numbers; a size that comes out different stays
    unknown.
    """
    symbols = [x for x in _leaves((args, kwargs)) if isinstance(x, KerasTensor)]
    unknown = any(None in x.shape for x in symbols)
    runs = []
    for filling in _FILLINGS if unknown else _FILLINGS[:1]:
        specs = [Spec((filling if n is None else n for n in x.shape), x.dtype) for x in symbols]

        def call(*tensors):
            given = dict(zip(map(id, symbols), tensors, strict=True))

            def fill(leaf):
                return given[id(leaf)] if isinstance(leaf, KerasTensor) else leaf

            return function(*map_structure(fill, args), **map_structure(fill, kwargs))

        runs.append(backend.abstract(call, specs))
    return _merge(runs)


def _merge(runs: list[Any]) -> Any:
    first = runs[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {key: _merge([run[key] for run in runs]) for key in first}
    if isinstance(first, list | tuple):
        merged = [_merge(list(parts)) for parts in zip(*runs, strict=True)]
        return type(first)(*merged) if hasattr(first, "_fields") else type(first)(merged)
    shapes = zip(*(run.shape for run in runs), strict=True)
    return KerasTensor((s[0] if len(set(s)) == 1 else None for s in shapes), first.dtype)


def record(target: Any, function, args: tuple, kwargs: dict[str, Any], backend: Any) -> Any:
    """A node for the call, and the symbolic tensors that it gives."""
    node = Node(target, args, kwargs)
    node.outputs = infer(backend, function, args, kwargs)
    for output in _leaves(node.outputs):
        if output is not None:
            output.node = node
    return node.outputs


class SymbolicBackend(Backend):
    """The "backend" of symbolic tensors: each of its kernels records a node."""

    name = "symbolic"
    tensor_types = (KerasTensor,)
    float_types = frozenset((*dtypes.FLOATS, *dtypes.COMPLEX))
    symbolic = True

    def asarray(self, x, dtype=None):
        if isinstance(x, KerasTensor):
            return x if dtype in (None, x.dtype) else self.cast(x, dtype)
        return registry.current().asarray(x, dtype)

    def dtype(self, x):
        if isinstance(x, KerasTensor):
            return x.dtype
        if classify(type(x)) is SCALAR:
            return dtypes.result_type(type(x))
        return _owner(x).dtype(x)

    def shape(self, x):
        return x.shape if isinstance(x, KerasTensor) else _owner(x).shape(x)

    static_shape = shape

    def to_numpy(self, x):
        raise TypeError(f"{x!r} has no value: it describes a model that has not been run.")

    def zeros(self, shape, dtype):
        return self._made("zeros", shape, dtype)

    def full(self, shape, value, dtype):
        return self._made("full", shape, value, dtype)

    def arange(self, *args):
        return self._made("arange", *args)

    def _made(self, name, *args):
        return getattr(registry.current(), name)(*args)

    def reshape(self, x, shape):
        # A size taken from a symbolic shape is None: at most one, and the tensor knows it.
        shape = tuple(-1 if n is None else n for n in shape)
        return self._record("reshape", x, shape)

    def get_item(self, x, index):
        """Indexing, as a node."""
        backend = registry.current()
        return record("get_item", lambda a, i: a[i], (x, index), {}, backend)

    def _record(self, name, *args, **kwargs):
        backend = registry.current()
        return record(name, getattr(backend, name), args, kwargs, backend)


def _owner(x: Any) -> Any:
    owner = classify(type(x))
    return registry.current() if isinstance(owner, registry.Kind) else owner


def _recorder(name: str):
    def kernel(self, *args, **kwargs):
        return self._record(name, *args, **kwargs)

    kernel.__name__ = name
    return kernel


def _record_all() -> None:
    """Every kernel of the contract, and every derived one, becomes a node."""
    from ..backends import contract

    own = vars(SymbolicBackend)
    fixed = {"activate", "make_value", "set_value", "read", "jit", "inference_function", "abstract"}
    derived = {n for n, v in vars(Backend).items() if callable(v) and not n.startswith("_")}
    for name in {*contract.REQUIRED, *derived} - fixed - set(own):
        setattr(SymbolicBackend, name, _recorder(name))


_record_all()
SYMBOLIC = SymbolicBackend()
registry.TENSORS[KerasTensor] = SYMBOLIC
