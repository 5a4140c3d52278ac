"""Rows of ops that take functions: each is applied to one that has a reference."""

from typing import Any

import numpy as np

from ....framework import ops
from ..draws import FLOATS, Draw
from ..rows import Call, row

KINDS = (*FLOATS, "int32", "int64")


def _given(function, *fixed: Any, least: int = 1):
    """A maker of one tensor of `least` axes behind a function."""

    def make(draw: Draw) -> Call:
        return Call([function, *fixed, draw.array(draw.shape(least, 3, 1), draw.dtype(KINDS),
            "small")])  # fmt: skip

    return make


def _twice(x):
    return ops.add(x, x)


def _double(_, x):
    return x + x


DIRECT = {"symbolic": False, "open": False}
row("map", _given(_twice), _double, **DIRECT)
row("vectorized_map", _given(_twice), _double, **DIRECT)
row("associative_scan", _given(lambda a, b: ops.add(a, b)), lambda _, x: np.cumsum(x, 0,
    dtype=x.dtype), **DIRECT, size="largest")  # fmt: skip


def _carried(draw: Draw) -> Call:
    shape = draw.shape(1, 2, 1)
    kind = draw.dtype(KINDS)
    return Call([lambda c, x: (ops.add(c, x), ops.subtract(x, c)),
                 draw.array(shape[1:], kind, "small"), draw.array(shape, kind, "small")],
                {"reverse": draw.chance(0.4)})  # fmt: skip


def _scan(_, carry, xs, reverse):
    ys = np.zeros_like(xs)
    for i in range(len(xs))[:: -1 if reverse else 1]:
        ys[i] = xs[i] - carry
        carry = carry + xs[i]
    return [carry, ys]


row("scan", _carried, _scan, size="largest", **DIRECT)


def _counted(draw: Draw) -> Call:
    return Call([0, draw.whole(0, 4), lambda i, x: ops.add(x, x), draw.array(draw.shape(),
        draw.dtype(KINDS), "small")])  # fmt: skip


row("fori_loop", _counted, lambda a, b, f, x: (x * 2**b).astype(x.dtype), **DIRECT)


def _looped(draw: Draw) -> Call:
    return Call([lambda x: ops.less(ops.sum(x), 50), lambda x: ops.add(x, 3),
                 draw.array(draw.shape(1, 2, 1), draw.dtype(KINDS), "positive")])  # fmt: skip


def _while(cond, body, x):
    while x.sum() < 50:
        x = (x + 3).astype(x.dtype)
    return x


row("while_loop", _looped, _while, **DIRECT)


def _branched(draw: Draw) -> Call:
    x = draw.array(draw.shape(), draw.dtype(KINDS), "small")
    return Call([draw.array((), "bool"), lambda x: ops.add(x, x), lambda x: ops.subtract(x, x), x])


def _chosen(condition, first, second, x):
    return x + x if condition else x - x


row("cond", _branched, _chosen, meet=None, dtype=None, **DIRECT,
    function=lambda c, a, b, x: ops.cond(c, lambda: a(x), lambda: b(x)))  # fmt: skip


def _switched(draw: Draw) -> Call:
    x = draw.array(draw.shape(), draw.dtype(KINDS), "small")
    return Call([draw.array((), "int32", "small"), (lambda x: ops.add(x, 1), _twice), x])


row("switch", _switched, lambda i, fs, x: (x + 1 if i <= 0 else x + x).astype(x.dtype), meet=None,
    dtype=None, **DIRECT)  # fmt: skip


# Transforms give functions, which are called here.


def _squares(x):
    return ops.sum(ops.multiply(x, x))


def _row(name: str, function: Any, reference: Any, **settings: Any) -> None:
    def make(draw: Draw) -> Call:
        return Call([draw.array(draw.shape(1, 3, 1), draw.dtype(FLOATS), "small")])

    direct = {**DIRECT, "compiled": (), "function": function, "size": "largest", **settings}
    row(name, make, reference, **direct)


DIFFERENTIABLE = {"backends": ("torch", "jax", "tensorflow")}
_row("grad", lambda x: ops.grad(_squares)(x), lambda x: 2 * x, **DIFFERENTIABLE)
_row("value_and_grad", lambda x: list(ops.value_and_grad(_squares)(x)),
     lambda x: [np.sum(x * x), 2 * x], **DIFFERENTIABLE)  # fmt: skip
_row("jvp", lambda x: list(ops.jvp(ops.square, (x,), (ops.ones_like(x),))),
     lambda x: [x * x, 2 * x], **DIFFERENTIABLE)  # fmt: skip


def _pulled(x):
    y, pull = ops.vjp(ops.square, x)
    return [y, pull(ops.ones_like(x))[0]]


_row("vjp", _pulled, lambda x: [x * x, 2 * x], **DIFFERENTIABLE)


@ops.custom_gradient
def _tripled(x):
    return ops.square(x), lambda upstream: ops.multiply(upstream, 3)


_row("custom_gradient", lambda x: [_tripled(x), ops.grad(lambda x: ops.sum(_tripled(x)))(x)],
     lambda x: [x * x, 3 + 0 * x], **DIFFERENTIABLE)  # fmt: skip
_row("vmap", lambda x: ops.vmap(ops.sum)(x), lambda x: np.sum(x, tuple(range(1, x.ndim))))
# On torch this is the inductor's, which takes seconds a program.
_row("jit", lambda x: ops.jit(_twice)(x), _double_alone := (lambda x: x + x),
     backends=("numpy", "jax", "tensorflow"))  # fmt: skip
_row("vectorize", lambda x: ops.vectorize(lambda a: ops.multiply(a, 2))(x), _double_alone)
