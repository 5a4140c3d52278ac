"""Choices, loops and scans by the values of tensors."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import Input, Model, ops

differentiable = pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)
X = np.array([1.0, 2.0, 4.0], np.float32)


def _host(x):
    if isinstance(x, dict):
        return {key: _host(value) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return type(x)(map(_host, x))
    return ops.convert_to_numpy(x)


def _equal(have, want):
    np.testing.assert_array_equal(_host(have), want)


# Choices ----------------------------------------------------------------------------------------


def test_cond(backend):
    def choose(p, x):
        return ops.cond(p, lambda: {"y": x * 2, "n": None}, lambda: {"y": x + 1, "n": None})

    compiled = ops.jit(choose)
    for pred, want in ((True, X * 2), (False, X + 1)):
        for p in (pred, np.array(pred), ops.convert_to_tensor(pred)):
            found = choose(p, ops.convert_to_tensor(X))
            assert found["n"] is None
            _equal(found["y"], want)
        _equal(compiled(np.array(pred), X)["y"], want)


def test_only_the_chosen_branch_runs(backend):
    ran = []
    ops.cond(ops.convert_to_tensor(True), lambda: ran.append(1), lambda: ran.append(2))
    ops.switch(7, [lambda: ran.append(3), lambda: ran.append(4)])
    assert ran == [1, 4]


@differentiable
def test_cond_is_differentiable(backend, quick_compiling):
    def f(x, p):
        return ops.sum(ops.cond(p, lambda: x * x, lambda: 3.0 * x))

    for transform in (lambda f: f, ops.jit):
        gradient = transform(ops.grad(f))
        _equal(gradient(X, np.array(True)), 2 * X)
        _equal(gradient(X, np.array(False)), [3, 3, 3])


def test_switch(backend, quick_compiling):
    branches = [lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y]
    compiled = ops.jit(lambda i, x, y: ops.switch(i, branches, x, y))
    y = np.ascontiguousarray(X[::-1])
    for index in (-4, 0, 1, 2, 9):  # those out of range count as the nearest
        want = branches[min(max(index, 0), 2)](X, y)
        _equal(ops.switch(index, branches, X, y), want)
        _equal(ops.switch(np.int64(index), branches, X, y), want)
        _equal(compiled(np.int32(index), X, y), want)


def test_symbolic_condition(backend):
    """On symbolic tensors, those in the branches included; the graph chooses when it runs."""
    p, x = Input(batch_shape=(), dtype="bool"), Input(batch_shape=(None, 3))
    y = ops.cond(p, lambda: x * 2.0, lambda: x + 1.0)
    assert (y.shape, y.dtype) == ((None, 3), "float32")
    model = Model([p, x], y)
    rows = np.stack([X, X])
    _equal(model([np.array(True), rows]), rows * 2)
    _equal(model([np.array(False), rows]), rows + 1)
    constant = ops.cond(p, lambda: ops.ones((2,)), lambda: ops.zeros((2,)))
    _equal(Model(p, constant)(np.array(False)), [0, 0])
    i = Input(batch_shape=(), dtype="int32")
    z = ops.switch(i, [lambda x: (x, x[0]), lambda x: (-x, x[1])], x)
    assert [t.shape for t in z] == [(None, 3), (3,)]
    _equal(Model([i, x], list(z))([np.int32(5), rows])[0], -rows)


@pytest.mark.parametrize("other", [lambda: ops.ones((4,)), lambda: ops.ones((3,), "int32"),
                                   lambda: [ops.ones((3,))], lambda: None])  # fmt: skip
def test_branches_that_differ(backend, other):
    p = Input(batch_shape=(), dtype="bool")
    with pytest.raises(ops.InvalidArgumentError, match=r"ops.cond: .*same structure"):
        ops.cond(p, lambda: ops.ones((3,)), other)


@pytest.mark.parametrize("backend", ["jax", "tensorflow"], indirect=True)
def test_branches_that_differ_in_a_program(backend):
    def f(p):
        return ops.cond(p, lambda: ops.ones((3,)), lambda: ops.ones((4,)))

    with pytest.raises(ops.InvalidArgumentError, match="same shapes"):
        ops.jit(f)(np.array(True))


# Loops ------------------------------------------------------------------------------------------

LOOPS = {
    "while": lambda x: ops.while_loop(
        lambda i, x: i < 4, lambda i, x: (i + 1, {"a": x["a"] * 2}), (0, {"a": x})
    )[1]["a"],
    "while-limited": lambda x: ops.while_loop(
        lambda x: ops.sum(x) < 1e9, lambda x: x * 2, x, maximum_iterations=4
    ),
    "fori": lambda x: ops.fori_loop(1, 5, lambda i, x: x * 2, x),
    "scan": lambda x: ops.scan(lambda c, _: (c * 2, None), x, length=4)[0],
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_loops(backend, loop):
    _equal(loop(X), X * 16)
    _equal(ops.jit(loop)(X), X * 16)
    x = Input(batch_shape=(None,))
    assert loop(x).shape == (None,)
    _equal(Model(x, loop(x))(X), X * 16)


@differentiable
@pytest.mark.parametrize("name", LOOPS)
def test_loops_are_differentiable(backend, name):
    def f(x):
        return ops.sum(ops.square(LOOPS[name](x)))

    if backend == "jax" and name.startswith("while"):  # JAX has its forward mode only
        _equal(ops.jvp(f, [X], [np.ones_like(X)])[1], (512 * X).sum())
        return
    _equal(ops.grad(f)(X), 512 * X)


def test_while_loop_returns_what_came(backend):
    state = {"a": np.int32(0), "b": (np.int32(5),)}
    found = ops.while_loop(
        lambda s: s["a"] < 3, lambda s: {"a": s["a"] + 1, "b": (s["b"][0] - 1,)}, state
    )
    assert _host(found) == {"a": 3, "b": (2,)}
    assert isinstance(ops.while_loop(lambda x: x < 3, lambda x: [x + 1], [0]), tuple)
    _equal(ops.while_loop(lambda x: x < 0, lambda x: x + 1, 5), 5)


def test_fori_loop_bounds(backend, quick_compiling):
    def loop(lower, upper):
        return ops.fori_loop(lower, upper, lambda i, x: ops.add(x, i), np.int32(0))

    compiled = ops.jit(loop)
    for bounds in ((0, 0), (3, 1), (-2, 3)):
        _equal(loop(*bounds), sum(range(*bounds)))
        _equal(loop(*map(np.int32, bounds)), sum(range(*bounds)))
        _equal(compiled(*bounds), sum(range(*bounds)))


@pytest.mark.parametrize("body", [lambda x: ops.concatenate([x, x], 0), lambda x: x[0],
                                  lambda x: ops.cast(x, "int32"), lambda x: {"x": x}])  # fmt: skip
def test_what_a_loop_carries_stays_the_same(backend, body):
    calls = (
        lambda: ops.while_loop(lambda x: True, body, X, maximum_iterations=3),
        lambda: ops.fori_loop(0, 3, lambda i, x: body(x), X),
        lambda: ops.scan(lambda c, _: (body(c), None), X, length=3),
    )
    for call in calls:
        with pytest.raises(ops.InvalidArgumentError, match="the loop carries"):
            call()


# Scans ------------------------------------------------------------------------------------------

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("unroll", [1, 3, True, False])
def test_scan(backend, reverse, unroll, quick_compiling):
    def run(xs, init):
        def step(carry, x):
            carry = carry + x["a"]
            return carry, (carry, {"sum": ops.sum(x["b"])})

        return ops.scan(step, init, xs, reverse=reverse, unroll=unroll)

    xs = {"a": ROWS, "b": np.arange(8, dtype=np.int32).reshape(4, 2)}
    order = slice(None, None, -1 if reverse else 1)
    for function in (run, ops.jit(run)) if reverse and unroll in (1, True) else (run,):
        carry, (sums, other) = function(xs, np.zeros(3, np.float32))
        _equal(carry, ROWS.sum(0))
        _equal(sums, np.cumsum(ROWS[order], 0)[order])
        _equal(other["sum"], [1, 5, 9, 13])


def test_scan_of_no_rows(backend):
    carry, ys = ops.scan(lambda c, x: (c + x, (c, ops.cast(x, "int32"))), 1.5, ROWS[:0, 0])
    _equal(carry, 1.5)
    assert [_host(y).shape for y in ys] == [(0,), (0,)]
    assert [_host(y).dtype for y in ys] == ["float32", "int32"]
    for function in (ops.map, ops.vectorized_map):
        assert _host(function(lambda x: ops.sum(x) > 1, ROWS[:0])).shape == (0,)


@differentiable
def test_scan_is_differentiable(backend, quick_compiling):
    """d/da of the last of x -> a x, and second derivatives, by powers of a."""

    def f(a):
        return ops.scan(lambda c, _: (c * a, c), 1.0, length=5)[0]

    for transform in (lambda f: f, ops.jit):
        np.testing.assert_allclose(_host(transform(ops.grad(f))(2.0)), 5 * 2.0**4)
    np.testing.assert_allclose(_host(ops.grad(ops.grad(f))(2.0)), 20 * 2.0**3)


@pytest.mark.parametrize("name", ["map", "vectorized_map"])
def test_map(backend, name, quick_compiling):
    def run(xs):
        return getattr(ops, name)(lambda x: {"y": x["a"] * 2, "z": [ops.sum(x["b"])]}, xs)

    xs = {"a": ROWS, "b": np.arange(8, dtype=np.int32).reshape(4, 2)}
    for function in (run, ops.jit(run)):
        found = function(xs)
        _equal(found["y"], ROWS * 2)
        _equal(found["z"][0], [1, 5, 9, 13])
    x = Input(batch_shape=(None, 3))
    y = getattr(ops, name)(lambda row: (row, ops.max(row)), x)
    assert [t.shape for t in y] == [(None, 3), (None,)]
    _equal(Model(x, list(y))(ROWS)[1], ROWS.max(1))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan(backend, size, reverse):
    x = np.arange(2 * size, dtype=np.int32).reshape(2, size)
    order = slice(None, None, -1 if reverse else 1)
    for axis in (1, -1):
        found = ops.associative_scan(lambda a, b: a + b, x, reverse=reverse, axis=axis)
        _equal(found, np.cumsum(x[:, order], 1)[:, order])


def test_associative_scan_of_a_recurrence(backend):
    """h = a h + b, as in state-space models, where the order matters."""
    random = np.random.default_rng(0)
    a, b = random.uniform(0.5, 1, (2, 9, 3)).astype(np.float32)
    want, h = [], np.zeros(3)
    for i in range(9):
        h = a[i] * h + b[i]
        want.append(h)
    found = ops.associative_scan(lambda x, y: (x[0] * y[0], y[0] * x[1] + y[1]), (a, b))[1]
    np.testing.assert_allclose(_host(found), want, rtol=1e-6)


def test_unknown_sizes_in_a_tensorflow_graph():
    tf = pytest.importorskip("tensorflow")

    @tf.function(input_signature=[tf.TensorSpec([None, 3]), tf.TensorSpec([None], tf.bool)])
    def run(x, reverse):
        scanned = ops.scan(lambda c, r: (c + r, c + r), tf.zeros(3), x)
        doubled = ops.associative_scan(lambda a, b: a + b, x, reverse=True)
        return scanned[1], doubled, ops.map(ops.sum, x), ops.vectorized_map(ops.sum, x)

    for n in (1, 2, 5, 8):
        x = np.arange(3 * n, dtype=np.float32).reshape(n, 3)
        found = run(x, np.array([True]))
        for have, want in zip(
            found, (x.cumsum(0), x[::-1].cumsum(0)[::-1], x.sum(1), x.sum(1)), strict=True
        ):
            np.testing.assert_array_equal(have, want)


# Errors -----------------------------------------------------------------------------------------


class _Own(Exception):
    pass


def _fail(*_):
    raise _Own("mine")


def test_errors_of_the_user_stay_theirs(backend):
    calls = (
        lambda: ops.cond(np.array(True), _fail, _fail),
        lambda: ops.switch(0, [_fail], X),
        lambda: ops.while_loop(_fail, lambda x: x, X),
        lambda: ops.while_loop(lambda x: True, _fail, X),
        lambda: ops.fori_loop(0, 2, _fail, X),
        lambda: ops.scan(_fail, X, ROWS),
        lambda: ops.map(_fail, X),
        lambda: ops.vectorized_map(_fail, X),
        lambda: ops.associative_scan(_fail, X),
        lambda: ops.vectorize(_fail)(X),
        lambda: ops.vmap(_fail)(X),
        lambda: ops.custom_gradient(_fail)(X),
    )
    for call in calls:
        with pytest.raises(_Own, match="mine"):
            call()


def test_bad_arguments(backend):
    f = lambda c, x: (c, x)  # noqa: E731
    add = lambda a, b: a + b  # noqa: E731
    calls = {
        r"ops.cond: .*true_fn": lambda: ops.cond(True, 3, f),
        r"ops.cond: .*pred.*scalar": lambda: ops.cond(np.array([True, False]), f, f),
        r"ops.switch: .*index": lambda: ops.switch(np.array([1, 2]), [add], X, X),
        r"ops.switch: .*branches": lambda: ops.switch(0, [], X),
        r"ops.while_loop: .*cond.*scalar": lambda: ops.while_loop(lambda x: x > 0, lambda x: x, X),
        r"ops.fori_loop: .*upper": lambda: ops.fori_loop(0, 2.5, add, X),
        r"ops.scan: .*`f` should be a callable": lambda: ops.scan(1, X, X),
        r"ops.scan: .*`xs`.*`length`": lambda: ops.scan(f, X),
        r"ops.scan: .*xs.*4 rows": lambda: ops.scan(f, X, X, length=4),
        r"ops.scan: .*pair": lambda: ops.scan(lambda c, x: c, X, X),
        r"ops.scan: .*unroll": lambda: ops.scan(f, X, X, unroll=0),
        r"ops.map: .*3 rows": lambda: ops.map(sum, (X, ROWS)),
        r"ops.vectorized_map: .*axis": lambda: ops.vectorized_map(sum, 1.0),
        r"ops.associative_scan: .*axis": lambda: ops.associative_scan(add, X, axis=1),
        r"ops.associative_scan: .*first dimension": lambda: ops.associative_scan(add, (X, ROWS)),
        r"ops.associative_scan: .*structure": lambda: ops.associative_scan(lambda a, b: None, X),
    }
    for message, call in calls.items():
        with pytest.raises(ops.InvalidArgumentError, match=message):
            call()
