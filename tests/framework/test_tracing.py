"""Every op inside the compilers of the frameworks: no graph break, and the same values.

Many rows share a program, for most of the time goes into what a program costs, however small.
"""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import ops, use_backend

from .cases import CASES
from .test_ops import (
    SMOOTH,
    Sloped,
    _assert_close,
    _call,
    _check_symbols,
    _expected,
    _has_tensors,
    _is_compiled_on_jax,
    _is_typical,
    _leaves,
    _map,
)

TYPICAL = [case for case in CASES if _is_typical(case) and _has_tensors(case)]
# Results whose sizes are known when they are computed, which torch.compile cannot wait for.
BY_VALUE = {"bincount", "unique"}


def _arrays(case):
    return [x for arg in case.args for x in _leaves(arg) if isinstance(x, np.ndarray)]


def _with(case, tensors):
    """The call with `tensors` in the place of its arrays."""
    rest = iter(tensors)
    return _call(case, [_map(lambda x: next(rest), x) for x in case.args])


def _groups(cases, size=24):
    """Parameters of a test: neighbours in the table, named by the first and the last one."""
    parts = [cases[i : i + size] for i in range(0, len(cases), size)]
    return [pytest.param(part, id=f"{part[0]}...{part[-1]}") for part in parts]


def _in_one_program(compiled, cases):
    """The results of each of the rows, from one program or, if that fails, from one for each."""
    tensors = [ops.convert_to_tensor(x) for case in cases for x in _arrays(case)]

    def program(*tensors):
        rest = iter(tensors)
        return [_leaves(_with(case, [next(rest) for _ in _arrays(case)])) for case in cases]

    try:
        return compiled(program)(*tensors)
    except Exception as error:
        if len(cases) == 1:
            error.add_note(f"The row is {cases[0]}.")
            raise
        return [_in_one_program(compiled, [case])[0] for case in cases]


def _check_values(compiled, cases):
    results = _in_one_program(compiled, cases)
    wrong = {}
    for case, result in zip(cases, results, strict=True):
        try:
            _assert_close(case, result, _expected(case))
        except AssertionError as error:
            wrong[str(case)] = str(error)
    assert not wrong, wrong
    return results


@pytest.mark.parametrize("cases", _groups([c for c in TYPICAL if c.op not in BY_VALUE]))
def test_torch_compile(cases):
    """`torch.compile(fullgraph=True)` raises where an op would break the graph."""
    import torch

    def compiled(function):
        torch.compiler.reset()
        return torch.compile(function, fullgraph=True, backend="eager")

    with use_backend("torch"):
        _check_values(compiled, cases)


@pytest.mark.parametrize("cases", _groups([c for c in CASES if _is_compiled_on_jax(c)]))
def test_jax_jit(cases):
    """The rows that `test_value` leaves out on JAX, where they would take most of its time."""
    import jax

    with use_backend("jax"):
        results = _check_values(jax.jit, cases)
        for case, result in zip(cases, results, strict=True):
            if _has_tensors(case):
                _check_symbols(case, result)


def _gradients_in_one_program(rows):
    """The gradients of each of the rows, from one program or, if that fails, from one for each."""
    import jax

    def program(*flat):
        rest = iter(flat)
        return [ops.grad(row.loss, row.places)(*[next(rest) for _ in row.places]) for row in rows]

    try:
        return jax.jit(program)(*[x for row in rows for x in row.flat])
    except Exception as error:
        if len(rows) == 1:
            error.add_note(f"The row is {rows[0]}.")
            raise
        return [_gradients_in_one_program([row])[0] for row in rows]


@pytest.mark.parametrize("cases", _groups(SMOOTH))
def test_jax_jit_of_gradients(cases):
    """The gradients that `test_gradient` tests on the other backends."""
    with use_backend("jax"):
        rows, wrong = [Sloped(case) for case in cases], {}
        for row, gradients in zip(rows, _gradients_in_one_program(rows), strict=True):
            try:
                row.check(gradients)
            except AssertionError as error:
                wrong[str(row)] = str(error)
    assert not wrong, wrong


@pytest.mark.parametrize("case", TYPICAL, ids=str)
def test_tf_function(case):
    """A TensorFlow graph that does not know the size of the batch."""
    import tensorflow as tf

    arrays = _arrays(case)
    with use_backend("tensorflow"):
        signature = [
            tf.TensorSpec((None, *x.shape[1:]) if x.shape[:1] == (7,) else x.shape, x.dtype)
            for x in arrays
        ]
        traced = tf.function(lambda *t: _with(case, t), input_signature=signature, autograph=False)
        _assert_close(case, traced(*arrays), _expected(case))
