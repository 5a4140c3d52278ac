"""Every public op, by the table of `cases.py`: values, dtypes, symbolic results and gradients."""

from __future__ import annotations

from operator import attrgetter

import numpy as np
import pytest

from isozoo import Input, Model, ops, use_backend
from isozoo.framework.ops import dispatch

from ..conftest import BACKENDS
from . import cases
from .cases import BATCH, CASES, FLOATS, Case

DIFFERENTIABLE = ("torch", "jax", "tensorflow")


def _map(function, x):
    """`function` at the arrays of nested lists."""
    if isinstance(x, list) and any(isinstance(v, np.ndarray) for v in x):
        return [_map(function, v) for v in x]
    return function(x) if isinstance(x, np.ndarray) else x


def _call(case: Case, args):
    kwargs = dict(case.kwargs)
    if "dtype_argument" in kwargs:  # `dtype` is a field of Case
        kwargs["dtype"] = kwargs.pop("dtype_argument")
    return attrgetter(case.op)(ops)(*args, **kwargs)


def _tensors(case: Case):
    return [_map(ops.convert_to_tensor, x) for x in case.args]


def _wide(x):
    return x.astype({"f": np.float64, "c": np.complex128, "i": np.int64}.get(x.dtype.kind, x.dtype))


def _expected(case: Case, args=None):
    args = [_map(_wide, x) for x in (case.args if args is None else args)]
    return case.reference(*args, **case.kwargs)


def _leaves(x):
    return [leaf for v in x for leaf in _leaves(v)] if isinstance(x, list | tuple) else [x]


def _assert_close(case: Case, result, expected):
    results, wanted = _leaves(result), _leaves(expected)
    assert len(results) == len(wanted)
    for have, want in zip(results, wanted, strict=True):
        have, want = ops.convert_to_numpy(have), np.asarray(want)
        assert have.shape == want.shape
        if have.dtype.kind == "b":
            want = want.astype(bool)
        if have.dtype.kind not in "fc":
            np.testing.assert_array_equal(have, want)
            continue
        size = np.abs(want).max(initial=0) if case.of_largest else np.abs(want)
        error = np.abs(have.astype(want.dtype) - want)
        assert (error <= case.error * size + 1e-30).all(), (error / np.maximum(size, 1e-30)).max()


def test_every_public_op_has_a_row():
    images = {f"image.{name}" for name in ops.in_namespace("image")}
    assert {*ops.__all__, *images} == {case.op for case in CASES} | set(cases.ELSEWHERE)
    assert not {case.op for case in CASES} & set(cases.ELSEWHERE)


def _has_tensors(case: Case) -> bool:
    return any(isinstance(x, np.ndarray) for arg in case.args for x in _leaves(arg))


def _is_typical(case: Case) -> bool:
    """Rows that differ from another in their axes alone have its dtypes and its derivative."""
    notes = ("", "scalar", "scalar-first", "flat", "tensors", "axis", "negative", "0", "1", "whole")
    return case.note in notes


def _sizes_depend_on_values(case: Case) -> bool:
    return hasattr(attrgetter(case.op)(ops), "rule")


WITH_TENSORS = [case for case in CASES if _has_tensors(case)]


def _is_compiled_on_jax(case: Case) -> bool:
    """Whether a row is one of those that are compiled on JAX, many in a program (test_tracing.py).

    An eager call compiles each of its steps there, so only one of the rows that are alike is eager.
    """
    return not _is_typical(case) and not _sizes_depend_on_values(case)


VALUES = [
    pytest.param(case, backend, id=f"{backend}-{case}")
    for case in CASES
    for backend in BACKENDS
    if not (backend == "jax" and _is_compiled_on_jax(case))
]


@pytest.mark.parametrize(("case", "backend"), VALUES, indirect=["backend"])
def test_value(case, backend):
    """An eager call gives the values of the reference; a symbolic one its shape and dtype.

    Both in one test, since what JAX compiled for the first serves the second.
    """
    expected, result = _expected(case), _call(case, _tensors(case))
    _assert_close(case, result, expected)
    if _has_tensors(case):
        _check_symbolic(case, _leaves(result), expected)


def _symbols(x):
    if not isinstance(x, np.ndarray):
        return x
    unknown = x.ndim and x.shape[0] == BATCH
    return Input(batch_shape=(None, *x.shape[1:]) if unknown else x.shape, dtype=x.dtype)


def _spread(shape):
    """A shape with what follows from the batch unknown."""
    return tuple(None if n and n % BATCH == 0 else n for n in shape)


def _check_symbolic(case, eager, expected):
    """Shape and dtype of a symbolic call are the eager ones, and its graph computes the same."""
    args, outputs = _check_symbols(case, eager)
    inputs = [x for x in _leaves(args) if hasattr(x, "node")]
    model = Model(inputs, list(_leaves(outputs)))
    arrays = [x for arg in case.args for x in _leaves(arg) if isinstance(x, np.ndarray)]
    _assert_close(case, model(arrays), list(_leaves(expected)))


def _check_symbols(case, eager):
    """Shape and dtype of a symbolic call are the eager ones; its arguments and results."""
    args = [_map(_symbols, x) for x in case.args]
    outputs = _call(case, args)
    for symbol, value in zip(_leaves(outputs), eager, strict=True):
        assert symbol.shape == _spread(ops.shape(value)) or _fits(case, symbol, value)
        assert symbol.dtype == _dtype(value)
    return args, outputs


def _fits(case, symbol, value):
    """Whether an op whose sizes depend on values has left them unknown."""
    sizes = ops.shape(value)
    known = [n in (None, m) for n, m in zip(symbol.shape, sizes, strict=True)]
    return _sizes_depend_on_values(case) and all(known)


def _dtype(x):
    return dispatch.tensor(x)[0].dtype(x)


# Dtypes -----------------------------------------------------------------------------------------


def _rule(case: Case, dtype: str) -> str:
    if case.dtype == "same":
        return dtype
    if case.dtype == "nobool":
        return "int32" if dtype == "bool" else dtype
    if case.dtype == "sum":
        narrow = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32"}
        return narrow.get(dtype, dtype)
    if case.dtype == "float":
        return dtype if dtype in ("float32", *FLOATS) else "float32"
    return case.dtype


TRIED = [case for case in WITH_TENSORS if case.tried and _is_typical(case)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("case", TRIED, ids=str)
def test_dtype(case, backend):
    """The result's dtype follows the rule of the row, whatever dtype comes in."""
    have, expected = {}, {}
    for dtype in case.tried:
        args = [x if i in case.fixed else _map(_cast(dtype), x) for i, x in enumerate(case.args)]
        expected[dtype] = _rule(case, dtype)
        try:
            have[dtype] = _abstract_dtype(case, args, backend)
        except Exception as error:
            have[dtype] = f"{type(error).__name__}: {error}"
    wrong = {k: (v, expected[k]) for k, v in have.items() if v != expected[k]}
    assert not wrong, wrong


def _cast(dtype):
    """An array in another dtype, as a user would have it: without what the dtype cannot hold."""

    def cast(x):
        x = np.trunc(np.abs(x)) if dtype == "uint8" and x.dtype.kind == "f" else x
        with use_backend("numpy"):
            return ops.convert_to_numpy(ops.cast(x, dtype))

    return cast


def _abstract_dtype(case, args, backend):
    """The dtype of an eager call; on JAX of a traced one, which compiles nothing."""
    found = set()

    def call():
        results = _leaves(_call(case, [_map(ops.convert_to_tensor, x) for x in args]))
        found.update(_dtype(result) for result in results)
        return results

    if backend == "jax" and not _sizes_depend_on_values(case):
        import jax

        jax.eval_shape(call)
    else:
        call()
    return "/".join(sorted(found))


def _is_float(x):
    return isinstance(x, np.ndarray) and x.dtype == np.float32


# Gradients --------------------------------------------------------------------------------------

SMOOTH = [
    case
    for case in WITH_TENSORS
    if case.gradient
    and _is_typical(case)
    and any(_is_float(x) for a in case.args for x in _leaves(a))
]


# On JAX many rows share a program (test_tracing.py), for most of the time is its compiling.
@pytest.mark.parametrize("backend", ["torch", "tensorflow"], indirect=True)
@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_gradient(case, backend):
    sloped = Sloped(case)
    _, gradients = ops.value_and_grad(sloped.loss, sloped.places)(*sloped.flat)
    sloped.check(gradients)


class Sloped:
    """A random combination of a row's results, against central differences of the reference.

    Attributes:
        flat: the floats that it depends on, by which it is differentiated.
        places: the numbers of the arguments of `loss` that they are.
    """

    def __init__(self, case):
        self._case, self._random = case, np.random.default_rng(5)
        free = [x for i, x in enumerate(case.args) if i not in case.fixed]
        self.flat = [x for arg in free for x in _leaves(arg) if _is_float(x)]
        self.places = tuple(range(len(self.flat)))
        shapes = [np.shape(y) for y in _leaves(_expected(case))]
        self._weights = [self._random.standard_normal(shape) for shape in shapes]

    def __str__(self):
        return str(self._case)

    def _rebuilt(self, values):
        values = iter(values)
        put = lambda x: next(values) if _is_float(x) else x  # noqa: E731
        fixed = self._case.fixed
        return [x if i in fixed else _map(put, x) for i, x in enumerate(self._case.args)]

    def loss(self, *values):
        results = _leaves(_call(self._case, self._rebuilt(values)))
        parts = [
            ops.sum(ops.multiply(y, w.astype(np.float32)))
            for y, w in zip(results, self._weights, strict=True)
        ]
        return sum(parts[1:], parts[0])

    def _reference(self, values):
        results = _leaves(_expected(self._case, self._rebuilt(values)))
        return sum((w * y).sum() for w, y in zip(self._weights, results, strict=True))

    def check(self, gradients):
        """Asserts that the gradients are the slopes of the reference, in a random direction."""
        step = 2.0**-20
        for value, gradient, place in zip(self.flat, gradients, self.places, strict=True):
            direction = self._random.standard_normal(value.shape)
            ends = []
            for sign in (1, -1):
                moved = [x.astype(np.float64) for x in self.flat]
                moved[place] = moved[place] + sign * step * direction
                ends.append(self._reference(moved))
            slope = (ends[0] - ends[1]) / (2 * step)
            gradient = ops.convert_to_numpy(gradient).astype(np.float64)
            assert gradient.shape == value.shape
            scale = np.abs(gradient * direction).sum()
            assert abs((gradient * direction).sum() - slope) <= 2e-5 * scale + 1e-6
