"""The sizes of what operators give, as far as those of their inputs tell them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from ..ir import Node
from .dims import Dim, Free, Shape

# What knows the sizes, dtypes and integers of a node's inputs: a `facts.Facts`.
Facts = Any


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
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        return None
    if not all(-rank <= axis < rank for axis in axes):
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
    x, *rest = node.inputs
    shape = facts.vector(rest[0]) if rest else None
    return None if shape is None else facts.met([facts.shape(x), shape], name)


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


SIZES: dict[str, Callable[[Facts, Node, str], Shape | list[Shape] | None]] = {
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
