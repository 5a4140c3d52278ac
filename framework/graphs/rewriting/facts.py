"""What can be told of values without running a graph: their sizes, dtypes, and integers.

A size is a number, or what stands for a number that only a call tells: the two of one name are
equal. Nothing is told of what is not sure, so that rewritings are right for every input.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..ir import ForeignGraph, Node


class Free(NamedTuple):
    """A size that is not known: the axis of a value, or a place in one of integers."""

    name: str
    place: int


Dim = int | Free
Shape = tuple[Dim, ...]
# Integers that a graph computes with: a lone number, or those of one axis.
Integers = Dim | tuple[Dim, ...]

# Operators whose result has the sizes and the dtype of their first input.
_SAME = frozenset(
    "Abs BatchNormalization Ceil Clip Cos Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish "
    "Identity InstanceNormalization LayerNormalization LayerNorm LeakyRelu Log LogSoftmax LRN Mish "
    "Neg PRelu RMSNorm Reciprocal Relu Round Selu Sigmoid Sin Softmax Softplus Softsign Sqrt Swish "
    "Tanh FastGelu QuickGelu BiasGelu Bend".split()
)
_MEETING = frozenset("Add Sub Mul Div Pow Max Min Mean Sum Where And Or Equal Less Greater".split())
_OF_WEIGHTS = frozenset("Conv ConvBlock Dense LayerNormalization".split())
_TELLING = frozenset("And Or Equal Less Greater Not IsNaN".split())  # gives booleans
_MOVING = frozenset(
    "Reshape Transpose Squeeze Unsqueeze Flatten Slice Expand Tile Split Gather Concat Pad "
    "MaxPool AveragePool GlobalAveragePool GlobalMaxPool Resize Upsample DepthToSpace "
    "SpaceToDepth".split()
)


class Facts:
    """Sizes, dtypes and integers of a graph's values, as far as they are told.

    Args:
        graph: what the nodes are of.
        nodes: in an order in which they can run.
    """

    def __init__(self, graph: ForeignGraph, nodes: Iterable[Node]) -> None:
        self._graph = graph
        self._shapes: dict[str, Shape] = {}
        self._dtypes: dict[str, str] = {}
        self._integers: dict[str, Integers] = {}
        for value in graph.inputs:
            if value.kind == "tensor" and value.shape:
                self._shapes[value.name] = tuple(
                    n if isinstance(n, int) else Free(value.name, place)
                    for place, n in enumerate(value.shape)
                )
            if value.dtype:
                self._dtypes[value.name] = value.dtype
        for name, weight in graph.weights.items():
            self._shapes[name], self._dtypes[name] = weight.shape, weight.dtype
        for name, array in graph.constants.items():
            self._shapes[name], self._dtypes[name] = array.shape, array.dtype.name
            if array.dtype.kind in "iu" and array.ndim < 2 and array.size <= 64:
                numbers = tuple(int(n) for n in array.reshape(-1))
                self._integers[name] = numbers if array.ndim else numbers[0]
        for node in nodes:
            self.learn(node)

    def shape(self, name: str) -> Shape | None:
        """Returns the sizes of a value; None where not even their number is known."""
        return self._shapes.get(name)

    def rank(self, name: str) -> int | None:
        """Returns the number of axes of a value."""
        found = self._shapes.get(name)
        return None if found is None else len(found)

    def dtype(self, name: str) -> str | None:
        """Returns the dtype of a value."""
        return self._dtypes.get(name)

    def integers(self, name: str) -> Integers | None:
        """Returns the integers of a value: a number, or a tuple of those of one axis."""
        return self._integers.get(name)

    def vector(self, name: str) -> tuple[Dim, ...] | None:
        """Returns the integers of a value of one axis."""
        found = self._integers.get(name)
        return found if type(found) is tuple else None

    def tell_size(self, name: str, of: str, axis: int) -> None:
        """Tells that a value is the size of an axis of another."""
        shape = self.shape(of)
        if shape is not None and -len(shape) <= axis < len(shape):
            self._integers[name] = shape[axis]

    def learn(self, node: Node) -> None:
        """Tells what is known of a node's results. Nothing of operators that are not known here."""
        name = node.outputs[0] if node.outputs else ""
        if not name or node.domain not in ("", "isozoo", "com.microsoft"):
            return
        integers = _INTEGERS.get(node.op) if not node.domain else None
        if integers is not None:
            found = integers(self, node)
            if found is not None:
                self._integers[name] = found
                self._shapes[name] = () if type(found) is not tuple else (len(found),)
                self._dtypes[name] = "int64"
                return
        self._learn_dtype(node, name)
        shape = self._shape_of(node, name)
        if shape is None:
            return
        if isinstance(shape, list):
            for output, sizes in zip(node.outputs, shape, strict=False):
                self._shapes[output] = sizes
                if node.inputs and node.inputs[0] in self._dtypes:
                    self._dtypes[output] = self._dtypes[node.inputs[0]]
        else:
            self._shapes[name] = shape

    def _learn_dtype(self, node: Node, name: str) -> None:
        if node.op in _TELLING:
            self._dtypes[name] = "bool"
            return
        if node.op == "Cast":
            to = node.attributes.get("to")
            if isinstance(to, str):
                self._dtypes[name] = to
            return
        if node.op == "Shape":
            self._dtypes[name] = "int64"
            return
        floats = "Conv ConvLast ConvBlock ConvTranspose Gemm MatMul Dense Attention ReduceMean"
        if node.op in _SAME | _MOVING | _MEETING or node.op in floats.split():
            at = 1 if node.op == "Where" else 0
            found = {self._dtypes.get(n) for n in node.inputs[at : at + 1]}
            if node.op in _MEETING:
                found |= {self._dtypes.get(n) for n in node.inputs[at:] if n}
            if node.op in _OF_WEIGHTS and None in found:
                found = {self._dtypes.get(node.inputs[1])}
            if len(found) == 1 and None not in found:
                self._dtypes[name] = str(found.pop())

    def _shape_of(self, node: Node, name: str) -> Shape | list[Shape] | None:
        if node.op in _SAME:
            return self.shape(node.inputs[0])
        if node.op in _MEETING:
            return self.met([self.shape(n) for n in node.inputs if n], name)
        rule = _SHAPES.get(node.op)
        if rule is None:
            return None
        try:
            return rule(self, node, name)
        except (IndexError, ValueError, TypeError):  # a node that does not fit: said when it runs
            return None

    def met(self, shapes: Sequence[Shape | None], name: str) -> Shape | None:
        """Returns the sizes to which others are broadcast."""
        known = [shape for shape in shapes if shape is not None]
        if len(known) < len(shapes) or not known:
            return None
        rank = max(map(len, known))
        wide = [(1,) * (rank - len(shape)) + shape for shape in known]
        found: list[Dim] = []
        for place in range(rank):
            sizes = {shape[place] for shape in wide} - {1}
            numbers = [n for n in sizes if isinstance(n, int)]
            if numbers:
                found.append(numbers[0])  # what is free is that number, or 1
            else:
                found.append(sizes.pop() if len(sizes) == 1 else Free(name, place) if sizes else 1)
        return tuple(found)

    def axes(self, node: Node, rank: int, place: int = 1) -> tuple[int, ...] | None:
        """Returns a node's axes, from an attribute or from the input at `place`, from the front."""
        given: Any = node.attributes.get("axes")
        if len(node.inputs) > place and node.inputs[place]:
            given = self.integers(node.inputs[place])
        if given is None:
            return None
        given = given if isinstance(given, list | tuple) and type(given) is not Free else [given]
        if not all(isinstance(n, int) and -rank <= n < rank for n in given):
            return None
        return tuple(n % rank for n in given)


# Sizes of results -----------------------------------------------------------------------------


def _product(facts: Facts, node: Node, name: str) -> Shape | None:
    a, b = (facts.shape(n) for n in node.inputs[:2])
    if a is None or b is None or len(a) < 2 or len(b) < 2:
        return None
    outer = facts.met([a[:-2], b[:-2]], name)
    return None if outer is None else (*outer, a[-2], b[-1])


def _dense(facts: Facts, node: Node, name: str) -> Shape | None:
    x, kernel = (facts.shape(n) for n in node.inputs[:2])
    if x is None or kernel is None:
        return None
    return (*x[:-1], kernel[0 if node.attributes.get("turned") else 1])


def _gemm(facts: Facts, node: Node, name: str) -> Shape | None:
    a, b = (facts.shape(n) for n in node.inputs[:2])
    if a is None or b is None:
        return None
    rows = a[1] if node.attributes.get("transA", 0) else a[0]
    return (rows, b[0] if node.attributes.get("transB", 0) else b[1])


def _transposed(facts: Facts, node: Node, name: str) -> Shape | None:
    x = facts.shape(node.inputs[0])
    if x is None:
        return None
    return tuple(x[n] for n in node.attributes.get("perm") or reversed(range(len(x))))


def _reshaped(facts: Facts, node: Node, name: str) -> Shape | None:
    x = facts.shape(node.inputs[0])
    wanted: Any = node.attributes.get("shape")
    if len(node.inputs) > 1:
        wanted = facts.vector(node.inputs[1])
    if wanted is None:
        return None
    if x is not None and not node.attributes.get("allowzero", 0):
        wanted = [x[n] if m == 0 else m for n, m in enumerate(wanted)]
    elif 0 in wanted:
        return None
    if -1 in wanted and x is not None:
        rest = [n for n in wanted if n != -1]
        left = list(x)
        for n in rest:
            if n in left:
                left.remove(n)
        kept = _without(rest, x)
        if all(isinstance(n, int) for n in (*left, *kept)) and _count(kept):
            count = _count(left) // _count(kept)
            wanted = [count if n == -1 else n for n in wanted]
        else:  # the lone free size, where the numbers beside it are of one product
            free = [n for n in left if not isinstance(n, int)]
            numbers = [n for n in left if isinstance(n, int)]
            alike = all(isinstance(n, int) for n in kept) and len(free) == 1
            if alike and _count(numbers) == _count(kept) > 0:
                wanted = [free[0] if n == -1 else n for n in wanted]
    return tuple(Free(name, n) if m == -1 else m for n, m in enumerate(wanted))


def _count(sizes: Iterable[Any]) -> int:
    return math.prod(sizes)


def _without(sizes: Iterable[Dim], others: Iterable[Dim]) -> list[Dim]:
    """Sizes that do not stand among the others, as often as they stand there."""
    left, found = list(others), []
    for n in sizes:
        if n in left:
            left.remove(n)
        else:
            found.append(n)
    return found


def _squeezed(facts: Facts, node: Node, name: str) -> Shape | None:
    x = facts.shape(node.inputs[0])
    if x is None:
        return None
    axes = facts.axes(node, len(x))
    return None if axes is None else tuple(n for place, n in enumerate(x) if place not in axes)


def _unsqueezed(facts: Facts, node: Node, name: str) -> Shape | None:
    x = facts.shape(node.inputs[0])
    given = node.attributes.get("axes")
    if len(node.inputs) > 1:
        given = facts.vector(node.inputs[1])
    if x is None or given is None:
        return None
    axes = facts.axes(node, len(x) + len(given))
    if axes is None:
        return None
    rest = iter(x)
    return tuple(1 if n in axes else next(rest) for n in range(len(x) + len(axes)))


def _flattened(facts: Facts, node: Node, name: str) -> Shape | None:
    x, axis = facts.shape(node.inputs[0]), node.attributes.get("axis", 1)
    if x is None:
        return None
    parts = (x[:axis], x[axis:])
    return tuple(_times(part, Free(name, n)) for n, part in enumerate(parts))


def _times(sizes: Shape, otherwise: Dim) -> Dim:
    if all(isinstance(n, int) for n in sizes):
        return _count(sizes)
    rest = [n for n in sizes if n != 1]
    return rest[0] if len(rest) == 1 else otherwise


def _joined(facts: Facts, node: Node, name: str) -> Shape | None:
    shapes = [facts.shape(n) for n in node.inputs]
    if any(shape is None for shape in shapes):
        return None
    first = shapes[0] or ()
    axis = node.attributes.get("axis", 1) % max(len(first), 1)
    sizes: list[Dim] = [shape[axis] for shape in shapes if shape]
    known = [n for n in sizes if isinstance(n, int)]
    total = sum(known) if len(known) == len(sizes) else Free(name, axis)
    return (*first[:axis], total, *first[axis + 1 :])


def _sliced(facts: Facts, node: Node, name: str) -> Shape | None:
    x = facts.shape(node.inputs[0])
    cuts = None if x is None else slices(facts, node, len(x))
    if x is None or cuts is None:
        return None
    found = list(x)
    for axis, cut in cuts.items():
        n = x[axis]
        if isinstance(n, int):
            found[axis] = len(range(*cut.indices(n)))
        elif (cut.start, cut.step) != (0, 1) or cut.stop < (1 << 31) - 1:
            found[axis] = Free(name, axis)
    return tuple(found)


def slices(facts: Facts, node: Node, rank: int) -> dict[int, slice] | None:
    """Returns axis -> what a Slice cuts out of it; None where that is not known."""
    if node.version < 10 or len(node.inputs) == 1:
        bounds: list[Any] = [node.attributes.get(key) for key in ("starts", "ends", "axes")]
        bounds.append(None)
    else:
        bounds = [facts.vector(n) if n else None for n in node.inputs[1:]]
        if any(n and b is None for n, b in zip(node.inputs[1:], bounds, strict=True)):
            return None
        bounds += [None] * (4 - len(bounds))
    starts, ends, axes, steps = bounds
    if starts is None or ends is None:
        return None
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    if not all(type(n) is int for n in (*starts, *ends, *axes, *steps)):
        return None
    parts = zip(axes, starts, ends, steps, strict=True)
    return {axis % rank: slice(start, end, step) for axis, start, end, step in parts}


def _picked(facts: Facts, node: Node, name: str) -> Shape | None:
    x, places = (facts.shape(n) for n in node.inputs[:2])
    if x is None or places is None:
        return None
    axis = node.attributes.get("axis", 0) % len(x)
    return (*x[:axis], *places, *x[axis + 1 :])


def _parts(facts: Facts, node: Node, name: str) -> list[Shape] | None:
    x = facts.shape(node.inputs[0])
    if x is None:
        return None
    axis = node.attributes.get("axis", 0) % len(x)
    sizes: Any = node.attributes.get("split")
    if len(node.inputs) > 1 and node.inputs[1]:
        sizes = facts.vector(node.inputs[1])
    count = len(node.outputs)
    if sizes is None and len(node.inputs) < 2 and type(n := x[axis]) is int and n % count == 0:
        sizes = [n // count] * count
    if sizes is None or len(sizes) != count:
        sizes = [Free(output, axis) for output in node.outputs]
    return [(*x[:axis], size, *x[axis + 1 :]) for size in sizes]


def _expanded(facts: Facts, node: Node, name: str) -> Shape | None:
    shape = facts.vector(node.inputs[1]) if len(node.inputs) > 1 else None
    return None if shape is None else facts.met([facts.shape(node.inputs[0]), shape], name)


def _reduced(facts: Facts, node: Node, name: str) -> Shape | None:
    x = facts.shape(node.inputs[0])
    axes = None if x is None else facts.axes(node, len(x))
    if x is None or not axes:
        return None
    if node.attributes.get("keepdims", 1):
        return tuple(1 if n in axes else m for n, m in enumerate(x))
    return tuple(m for n, m in enumerate(x) if n not in axes)


def _pooled(facts: Facts, node: Node, name: str) -> Shape | None:
    x = facts.shape(node.inputs[0])
    if x is None:
        return None
    if node.op.startswith("Global"):
        return (*x[:2], *(1,) * (len(x) - 2))
    return (*x[:2], *(Free(name, n) for n in range(2, len(x))))


def _convolved(facts: Facts, node: Node, name: str) -> Shape | None:
    kernel = facts.shape(node.inputs[1])
    x = facts.shape(node.inputs[0])
    if kernel is None:
        return None
    batch = x[0] if x else Free(name, 0)
    last = node.op == "ConvLast" or bool(node.attributes.get("channels_last"))
    spatial = [Free(name, n + (1 if last else 2)) for n in range(len(kernel) - 2)]
    if node.op == "ConvTranspose":
        group = node.attributes.get("group", 1)
        out: Dim = kernel[1] * group if isinstance(kernel[1], int) else Free(name, 1)
    else:
        out = kernel[0]
        spatial = _windows(node, x, kernel, last) or spatial
    return (batch, *spatial, out) if last else (batch, out, *spatial)


def _windows(node: Node, x: Shape | None, kernel: Shape, last: bool) -> list[Any] | None:
    """The sizes that a convolution leaves, where all are numbers."""
    get = node.attributes.get
    count = len(kernel) - 2
    if x is None or get("auto_pad", "NOTSET") != "NOTSET":
        return None
    sizes = x[1:-1] if last else x[2:]
    if not all(type(n) is int for n in (*sizes, *kernel[2:])):
        return None
    strides, holes = get("strides") or [1] * count, get("dilations") or [1] * count
    pads = get("pads") or [0] * 2 * count
    return [
        (sizes[i] + pads[i] + pads[i + count] - holes[i] * (kernel[2 + i] - 1) - 1) // strides[i]  # pyright: ignore
        + 1
        for i in range(count)
    ]


def _resized(facts: Facts, node: Node, name: str) -> Shape | None:
    x = facts.shape(node.inputs[0])
    return None if x is None else (*x[:2], *(Free(name, n) for n in range(2, len(x))))


def _padded(facts: Facts, node: Node, name: str) -> Shape | None:
    x = facts.shape(node.inputs[0])
    pads = node.attributes.get("pads")
    if len(node.inputs) > 1:
        pads = facts.vector(node.inputs[1])
    if x is None:
        return None
    if pads is None or len(pads) != 2 * len(x) or len(node.inputs) > 3:
        return tuple(Free(name, n) for n in range(len(x)))
    found: list[Dim] = []
    for place, n in enumerate(x):
        low, high = pads[place], pads[place + len(x)]
        if low == high == 0:
            found.append(n)
        elif isinstance(n, int) and isinstance(low, int) and isinstance(high, int):
            found.append(n + low + high)
        else:
            found.append(Free(name, place))
    return tuple(found)


def _attended(facts: Facts, node: Node, name: str) -> Shape | None:
    q, v = facts.shape(node.inputs[0]), facts.shape(node.inputs[2])
    return None if q is None or v is None else (*q[:-1], v[-1])


_SHAPES: dict[str, Callable[[Facts, Node, str], Shape | list[Shape] | None]] = {
    "Attention": _attended,
    "AveragePool": _pooled,
    "Cast": lambda facts, node, name: facts.shape(node.inputs[0]),
    "Concat": _joined,
    "Conv": _convolved,
    "ConvBlock": _convolved,
    "ConvLast": _convolved,
    "ConvTranspose": _convolved,
    "Dense": _dense,
    "Expand": _expanded,
    "Flatten": _flattened,
    "Gather": _picked,
    "Gemm": _gemm,
    "GlobalAveragePool": _pooled,
    "GlobalMaxPool": _pooled,
    "MatMul": _product,
    "MaxPool": _pooled,
    "Pad": _padded,
    "ReduceMax": _reduced,
    "ReduceMean": _reduced,
    "ReduceSum": _reduced,
    "Reshape": _reshaped,
    "Resize": _resized,
    "Slice": _sliced,
    "Split": _parts,
    "Squeeze": _squeezed,
    "Transpose": _transposed,
    "Unsqueeze": _unsqueezed,
    "Upsample": _resized,
}


# Integers that a graph computes ---------------------------------------------------------------


def _sizes(facts: Facts, node: Node) -> Integers | None:
    x = facts.shape(node.inputs[0])
    if x is None:
        return None
    get = node.attributes.get
    return x[slice(get("start", 0), get("end", len(x)))]


def _same(facts: Facts, node: Node) -> Integers | None:
    whole = node.op != "Cast" or node.attributes.get("to") in ("int64", "int32")
    return facts.integers(node.inputs[0]) if whole else None


def _gathered(facts: Facts, node: Node) -> Integers | None:
    x, places = facts.vector(node.inputs[0]), facts.integers(node.inputs[1])
    if x is None or places is None or isinstance(places, Free):
        return None
    try:
        if isinstance(places, int):
            return x[places]
        return tuple(x[n] for n in places) if all(type(n) is int for n in places) else None  # pyright: ignore
    except IndexError:
        return None


def _concatenated(facts: Facts, node: Node) -> Integers | None:
    parts = [facts.vector(n) for n in node.inputs]
    return None if None in parts else tuple(n for part in parts for n in part or ())


def _cut(facts: Facts, node: Node) -> Integers | None:
    x = facts.vector(node.inputs[0])
    cuts = None if x is None else slices(facts, node, 1)
    return None if x is None or not cuts else x[cuts[0]]


def _lone(facts: Facts, node: Node) -> Integers | None:
    x = facts.vector(node.inputs[0])
    return x[0] if x is not None and len(x) == 1 else None


def _row(facts: Facts, node: Node) -> Integers | None:
    x = facts.integers(node.inputs[0])
    return (x,) if x is not None and type(x) is not tuple else None  # pyright: ignore


def _lined(facts: Facts, node: Node) -> Integers | None:
    x = facts.integers(node.inputs[0])
    wanted = facts.vector(node.inputs[1]) if len(node.inputs) > 1 else None
    if x is None or wanted is None:
        return None
    numbers = x if type(x) is tuple else (x,)
    if wanted == () and len(numbers) == 1:
        return numbers[0]  # pyright: ignore[reportReturnType]
    return numbers if wanted in ((-1,), (len(numbers),)) else None  # pyright: ignore


def _computed(function: Callable[[int, int], int]) -> Callable[[Facts, Node], Integers | None]:
    def compute(facts: Facts, node: Node) -> Integers | None:
        a, b = (facts.integers(n) for n in node.inputs[:2])
        if a is None or b is None:
            return None
        lone = type(a) is not tuple and type(b) is not tuple
        left: Any = a if type(a) is tuple else (a,)
        right: Any = b if type(b) is tuple else (b,)
        count = max(len(left), len(right))
        left, right = (x * count if len(x) == 1 else x for x in (left, right))
        if len(left) != len(right) or not all(type(n) is int for n in (*left, *right)):
            return None
        if node.op == "Div" and not (min(right) > 0 and min(left) >= 0):
            return None
        found = tuple(function(m, n) for m, n in zip(left, right, strict=True))
        return found[0] if lone else found

    return compute


_INTEGERS: dict[str, Callable[[Facts, Node], Integers | None]] = {
    "Add": _computed(lambda a, b: a + b),
    "Cast": _same,
    "Concat": _concatenated,
    "Div": _computed(lambda a, b: a // b),
    "Gather": _gathered,
    "Identity": _same,
    "Mul": _computed(lambda a, b: a * b),
    "Reshape": _lined,
    "Shape": _sizes,
    "Slice": _cut,
    "Squeeze": _lone,
    "Sub": _computed(lambda a, b: a - b),
    "Unsqueeze": _row,
}


def constant(array: np.ndarray | None) -> float | None:
    """Returns the number that an array of one element holds; None for anything else."""
    if array is None or array.size != 1 or array.dtype.kind not in "fiu":
        return None
    return float(array.reshape(-1)[0])
