"""Transforms of functions: derivatives, mapping and compilation, and their nesting."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import Input, Model, Sequential, StatelessScope, Variable, layers, ops, use_backend

differentiable = pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)
X = np.array([1.0, 2.0, 3.0], np.float32)
Y = np.array([4.0, 5.0, 6.0], np.float32)
MATRIX = np.arange(6, dtype=np.float32).reshape(3, 2)


def _host(x):
    return ops.convert_to_numpy(x)


def _close(have, want, rtol=1e-6):
    np.testing.assert_allclose(_host(have), want, rtol=rtol, atol=1e-6)


# Gradients --------------------------------------------------------------------------------------


@differentiable
def test_value_and_grad(backend):
    f = lambda a, b: ops.sum(a * a * b)  # noqa: E731
    value, gradient = ops.value_and_grad(f)(X, Y)
    _close(value, (X * X * Y).sum())
    _close(gradient, 2 * X * Y)
    for argnums, want in ((1, X * X), (-1, X * X)):
        _close(ops.grad(f, argnums)(X, Y), want)
    value, (gy, gx) = ops.value_and_grad(f, (1, 0))(X, Y)
    _close(gy, X * X)
    _close(gx, 2 * X * Y)


@differentiable
def test_structures_and_aux(backend):
    def f(weights, x, *, scale):
        y = weights["w"] * x + weights["more"][0]
        return ops.sum(y) * scale, {"y": y, "name": "kept", "none": None}

    weights = {"w": X, "more": (np.float32(2),)}
    (value, aux), gradient = ops.value_and_grad(f, has_aux=True)(weights, Y, scale=2.0)
    _close(value, 2 * (X * Y + 2).sum())
    _close(aux["y"], X * Y + 2)
    assert (aux["name"], aux["none"]) == ("kept", None)
    assert set(gradient) == {"w", "more"}
    _close(gradient["w"], 2 * Y)
    _close(gradient["more"][0], 6)
    gradient, aux = ops.grad(f, has_aux=True)(weights, Y, scale=1.0)
    _close(gradient["w"], Y)
    _close(aux["y"], X * Y + 2)


@differentiable
def test_grad_of_what_does_not_matter_is_zero(backend):
    gx, gy = ops.grad(lambda a, b: ops.sum(a), (0, 1))(X, X)
    _close(gx, np.ones(3))
    _close(gy, np.zeros(3))
    _close(ops.grad(lambda a: ops.sum(ops.zeros(3)))(X), np.zeros(3))


@differentiable
def test_stop_gradient(backend):
    g = ops.grad(lambda a: ops.sum(ops.multiply(ops.stop_gradient(a), a)))(np.full(2, 3.0))
    _close(g, [3.0, 3.0])


@differentiable
def test_gradients_are_finite_at_edges(backend):
    """Where the value is finite the gradient is: padding tokens must not poison a batch."""
    x = np.array([[0.0, -1e4, 1e4], [50.0, -50.0, 0.0]], np.float32)
    for function in (ops.softmax, ops.log_softmax, ops.sigmoid, ops.softplus, ops.gelu, ops.silu,
                     lambda x: ops.logsumexp(x, -1), ops.tanh, ops.elu):  # fmt: skip
        g = ops.grad(lambda a, f=function: ops.sum(f(a)))(x)
        assert np.isfinite(_host(g)).all(), function


@differentiable
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "complex64", "complex128"])
def test_gradients_of_other_dtypes(backend, dtype):
    """For complex numbers the gradient of |z|^2 is 2z, so that z - g/2 is the minimum."""
    x = ops.cast(X, dtype)
    if dtype.startswith("complex"):
        x = ops.multiply(x, np.array(1 - 2j, dtype))
    gradient = ops.grad(lambda z: ops.sum(ops.real(ops.multiply(z, ops.conj(z)))))(x)
    assert _host(gradient).dtype == _host(x).dtype
    np.testing.assert_array_equal(_host(gradient), 2 * _host(x))


@differentiable
def test_vjp(backend):
    def f(a, w):
        return {"y": ops.matmul(a, w), "z": ops.sum(a * a)}

    out, pull = ops.vjp(f, X, MATRIX)
    _close(out["y"], X @ MATRIX)
    for scale in (1.0, 3.0):  # again and again
        v = np.array([1.0, -1.0], np.float32) * np.float32(scale)
        ga, gw = pull({"y": v, "z": np.float32(scale)})
        _close(ga, MATRIX @ v + 2 * scale * X)
        _close(gw, np.outer(X, v))
    out, pull, aux = ops.vjp(lambda a: (a * a, {"n": a}), X, has_aux=True)
    _close(aux["n"], X)
    _close(pull(Y)[0], 2 * X * Y)


@differentiable
def test_jvp(backend):
    out, moved = ops.jvp(lambda a, b: (ops.sin(a) * b, a), (X, Y), (Y, X))
    _close(out[0], np.sin(X) * Y)
    _close(moved[0], np.cos(X) * Y * Y + np.sin(X) * X, 1e-5)
    _close(moved[1], Y)
    out, moved, aux = ops.linalg.jvp(lambda a: (a * a, a + 1), [X], [Y], has_aux=True)
    _close(moved, 2 * X * Y)
    _close(aux, X + 1)
    out, moved = ops.jvp(lambda a: ops.ones(2), [X], [Y])  # what does not depend does not move
    _close(moved, np.zeros(2))


# Custom gradients -------------------------------------------------------------------------------


def _log1pexp(form):
    """Keras's example, whose plain gradient is NaN at 100, in each of the forms of its docs."""

    def f(x):
        e = ops.exp(x)
        slope = lambda: 1.0 - 1.0 / ops.add(1, e)  # noqa: E731

        def portable(*args, upstream=None):
            if upstream is None:
                (upstream,) = args
            return ops.multiply(upstream, slope())

        def positional(upstream):
            return (ops.multiply(upstream, slope()),)

        def keyword(*args, upstream):
            assert len(args) == 1
            return ops.multiply(upstream, slope())

        return ops.log(1 + e), locals()[form]

    return ops.custom_gradient(f)


@differentiable
@pytest.mark.parametrize("form", ["portable", "positional", "keyword"])
def test_custom_gradient(backend, form):
    f = _log1pexp(form)
    _close(f(X), np.log1p(np.exp(X)))
    _close(ops.grad(f)(np.float32(100)), 1.0)
    _close(ops.vmap(ops.grad(f))(X), 1 / (1 + np.exp(-X)))
    s = 1 / (1 + np.exp(-2.0))
    _close(ops.grad(ops.grad(f))(2.0), s * (1 - s))
    if form == "keyword":
        _close(ops.jit(ops.grad(f))(np.float32(100)), 1.0)
    _close(f(Variable(X)), np.log1p(np.exp(X)))


@differentiable
def test_custom_gradient_of_structures(backend):
    @ops.custom_gradient
    def f(pair, c):
        a, b = pair["a"], pair["b"]
        return (a * b, c + 1.0), lambda upstream: (
            {"a": upstream[0] * 10.0, "b": upstream[1] * 100.0},
            None,
        )

    def loss(pair, c):
        first, second = f(pair, c)
        return ops.sum(first) + 3.0 * ops.sum(second)

    gradient, gc = ops.grad(loss, (0, 1))({"a": X, "b": Y}, X)
    _close(gradient["a"], [10, 10, 10])
    _close(gradient["b"], [300, 300, 300])
    _close(gc, [0, 0, 0])
    flat = ops.custom_gradient(lambda a: ((a, a), lambda first, second: first + 2.0 * second))
    _close(ops.grad(lambda a: ops.sum(flat(a)[0]) + 5.0 * ops.sum(flat(a)[1]))(X), [11, 11, 11])


def test_custom_gradient_gives_values_everywhere(backend):
    x = Input(batch_shape=(None,))
    y = _log1pexp("portable")(x)
    assert y.shape == (None,)
    _close(Model(x, y)(X), np.log1p(np.exp(X)))


# Mapping ----------------------------------------------------------------------------------------


def test_vmap(backend):
    def f(m, v, *, scale):
        return ops.matmul(m, v) * scale

    batch = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    rows = np.arange(8, dtype=np.float32).reshape(4, 2)
    want = np.einsum("bij,bj->bi", batch, rows)
    _close(ops.vmap(f)(batch, rows, scale=2.0), 2 * want)
    _close(ops.vmap(f, in_axes=(0, 1))(batch, rows.T, scale=1.0), want)
    _close(ops.vmap(f, in_axes=(None, 0), out_axes=1)(MATRIX, rows, scale=1.0), MATRIX @ rows.T)
    pair = ops.vmap(lambda d: (d["a"], d["b"][0] + 1), in_axes=({"a": 1, "b": 0},), out_axes=(1, 0))
    a, b = pair({"a": MATRIX, "b": [np.ones(2, np.float32)]})
    _close(a, MATRIX)
    _close(b, [2, 2])
    nested = ops.vmap(ops.vmap(lambda a, b: a * b, (None, 0)), (0, None))
    _close(nested(X, Y), np.outer(X, Y))
    _close(ops.vmap(lambda a: ops.ones(2))(X), np.ones((3, 2)))  # what all share
    x = Input(batch_shape=(None, 3))
    assert ops.vmap(ops.sum, in_axes=1)(x).shape == (3,)


def test_vmap_of_a_choice(backend):
    f = lambda x: ops.cond(x > 1.5, lambda: x * 10.0, lambda: x)  # noqa: E731
    _close(ops.vmap(f)(X), [1, 20, 30])
    g = lambda x: ops.switch(ops.cast(x, "int32"), [lambda x: x, lambda x: -x], x)  # noqa: E731
    _close(ops.vmap(g)(X - 1), [0, -1, -2])


def test_vectorize(backend):
    add = ops.vectorize(lambda a, b: a + b)
    _close(add([1, 2, 3, 4], 2), [3, 4, 5, 6])
    _close(add(MATRIX, X[:, None]), MATRIX + X[:, None])
    _close(add(MATRIX, b=X[:2]), MATRIX + X[:2])
    both = ops.vectorize(lambda a, b: (a + b, ops.cast(a, "int32")))
    total, kept = both(X, 1.0)
    _close(total, X + 1)
    assert _host(kept).dtype == "int32"
    product = ops.vectorize(ops.matmul, signature="(m,n),(n)->(m)")
    _close(product(MATRIX, X[:2]), MATRIX @ X[:2])
    batch = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    _close(product(batch, np.ones(2, np.float32)), batch.sum(-1))
    _close(product(batch[:, None], MATRIX), np.einsum("bij,kj->bki", batch, MATRIX))
    power = ops.vectorize(lambda x, n, s=None: ops.sum(x**n) * s, excluded={1, "s"})
    _close(power(X, 2, s=3.0), 3 * X**2)
    _close(ops.vectorize(lambda a, b: a if b is None else a + b)(X, None), X)
    x = Input(batch_shape=(None, 3))
    assert add(x, X).shape == (None, 3)


def test_vectorize_errors(backend):
    calls = {
        "to be a callable": lambda: ops.vectorize(3),
        "signature": lambda: ops.vectorize(ops.sum, signature="(m->()"),
        r"\(m\)": lambda: ops.vectorize(ops.sum, signature="(m)->()")(1.0),
        "the axis n": lambda: ops.vectorize(ops.matmul, signature="(m,n),(n)->(m)")(MATRIX, X),
        "expected 2, by": lambda: ops.vectorize(ops.sum, signature="(m)->(),()")(MATRIX),
        "broadcast": lambda: ops.vectorize(ops.add)(X, X[:2]),
        "got a tensor of shape": lambda: ops.vectorize(lambda x: ops.stack([x, x]))(X),
    }
    for message, call in calls.items():
        with pytest.raises(ops.InvalidArgumentError, match=message):
            call()


# Compilation ------------------------------------------------------------------------------------


def test_jit(backend):
    compiled = ops.jit(lambda x, y: ops.matmul(x, y) + 1)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for rows in (2, 3, 2):
        _close(compiled(ops.ones((rows, 2)), x), np.ones((rows, 2)) @ x + 1)


def test_jit_of_structures_and_static_arguments(backend):
    traced = []

    def f(weights, x, mode, *, times=1):
        traced.append(mode)
        y = weights["a"] * x if mode == "scale" else weights["a"] + x
        return {"y": [y * times], "none": None}

    compiled = ops.jit(f, static_argnames=("mode", "times"))
    for _ in range(2):
        _close(compiled({"a": X}, 2.0, "scale")["y"][0], 2 * X)
        _close(compiled({"a": X}, 2.0, mode="shift", times=3)["y"][0], 3 * (X + 2))
    if backend == "numpy":
        return
    assert traced.count("scale") == traced.count("shift")
    with pytest.raises(ops.InvalidArgumentError, match="hashable"):
        compiled({"a": X}, 2.0, ["scale"])


def test_jit_takes_variables(backend):
    compiled = ops.jit(lambda v, x: v * x)
    variable = Variable(X)
    _close(compiled(variable, Y), X * Y)
    variable.assign(Y)
    _close(compiled(variable, Y), Y * Y)


def test_jit_without_a_compiler(monkeypatch):
    cpp_builder = pytest.importorskip("torch._inductor.cpp_builder")

    def none():
        raise RuntimeError("no compiler")

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", none)
    with use_backend("torch"), pytest.warns(RuntimeWarning, match="C.. compiler") as caught:
        _close(ops.jit(lambda x: x * 2)(X), X * 2)
    assert caught[0].filename == __file__


# Nesting ----------------------------------------------------------------------------------------


@differentiable
def test_second_and_third_derivatives(backend):
    f = lambda x: x**4  # noqa: E731
    second, third = ops.grad(ops.grad(f)), ops.grad(ops.grad(ops.grad(f)))
    _close(second(2.0), 48)
    _close(third(2.0), 48)
    _close(ops.jit(second)(2.0), 48)
    _close(ops.vmap(second)(X), 12 * X**2)


@differentiable
def test_a_gradient_by_what_an_inner_one_closes_over(backend):
    f = lambda a: ops.sum(ops.grad(lambda x: ops.sum(x**3 * a))(ops.convert_to_tensor(X)))  # noqa: E731
    _close(ops.grad(f)(2.0), (3 * X**2).sum())


@differentiable
def test_hessian(backend):
    """Forward over reverse, reverse over reverse, and a Jacobian by mapping a pull over rows."""
    f = lambda x: ops.sum(x**3) + x[0] * x[1]  # noqa: E731
    want = np.diag(6 * X) + np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    eye = np.eye(3, dtype=np.float32)
    _close(ops.vmap(lambda v: ops.jvp(ops.grad(f), (X,), (v,))[1])(eye), want)
    _close(ops.vmap(lambda v: ops.vjp(ops.grad(f), X)[1](v)[0])(eye), want)
    pull = ops.vjp(ops.grad(f), X)[1]
    _close(ops.vmap(lambda v: pull(v)[0])(eye), want)


@differentiable
def test_gradients_per_example(backend):
    def loss(w, x, y):
        return ops.square(ops.sum(w * x) - y)

    w = np.array([1.0, -1.0], np.float32)
    want = 2 * (MATRIX @ w - X)[:, None] * MATRIX
    each = ops.vmap(ops.grad(loss), in_axes=(None, 0, 0))
    _close(each(w, MATRIX, X), want)
    _close(ops.jit(each)(w, MATRIX, X), want)
    total = lambda w: ops.sum(ops.vmap(loss, (None, 0, 0))(w, MATRIX, X))  # noqa: E731
    _close(ops.grad(total)(w), want.sum(0))


def test_native_differentiation_goes_through(backend):
    """The framework's own gradients see through ours, and ours through a native function."""
    f = lambda x: ops.sum(ops.grad(lambda x: ops.sum(x**3))(x))  # noqa: E731
    if backend == "torch":
        import torch

        x = torch.tensor(X, requires_grad=True)
        f(x).backward()
        _close(x.grad, 6 * X)
        _close(torch.func.grad(f)(torch.tensor(X)), 6 * X)
    elif backend == "jax":
        import jax

        _close(jax.grad(f)(X), 6 * X)
    elif backend == "tensorflow":
        import tensorflow as tf

        x = tf.constant(X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        _close(tape.gradient(y, x), 6 * X)


# Errors -----------------------------------------------------------------------------------------


@differentiable
def test_what_cannot_be_differentiated(backend):
    calls = {
        "expected a float dtype": lambda: ops.grad(lambda x: x)(3),
        "one real float": lambda: ops.grad(lambda x: x)(X),
        "one real float.*ops.vjp": lambda: ops.value_and_grad(lambda x: "no")(X),
        "argnums.*1 positional": lambda: ops.grad(lambda x: x, 1)(X),
        "argnums": lambda: ops.grad(lambda x: x, ()),
        "callable": lambda: ops.grad(None),
        "has_aux": lambda: ops.grad(lambda x: ops.sum(x), has_aux=True)(X),
        "cotangent": lambda: ops.vjp(lambda x: x, X)[1](X[:2]),
        "ops.jvp: .*tangents": lambda: ops.jvp(lambda x: x, (X,), (X[:2],)),
        "ops.jvp: .*1 primals": lambda: ops.jvp(lambda x: x, (X,), (X, X)),
        "ops.jvp: .*tuple": lambda: ops.jvp(lambda x: x, X, X),
        "in_axes": lambda: ops.vmap(lambda x: x, in_axes=1)(X),
        "in_axes.*same size": lambda: ops.vmap(lambda x, y: x)(X, X[:2]),
        "in_axes.*at least one": lambda: ops.vmap(lambda x: x, in_axes=None)(X),
        "in_axes.*structure": lambda: ops.vmap(lambda x: x, in_axes=(0, 0))(X),
        "out_axes": lambda: ops.vmap(lambda x: x, out_axes=3)(X),
        "static_argnames": lambda: ops.jit(lambda x: x, static_argnames="y"),
        "grad_fn": lambda: ops.custom_gradient(lambda x: x)(X),
    }
    for message, call in calls.items():
        with pytest.raises(ops.InvalidArgumentError, match=message):
            call()


class _Own(Exception):
    pass


@differentiable
def test_errors_of_the_user_stay_theirs(backend):
    def fail(*_):
        raise _Own("mine")

    for call in (
        lambda: ops.grad(fail)(X),
        lambda: ops.vjp(fail, X),
        lambda: ops.jvp(fail, (X,), (X,)),
        lambda: ops.grad(ops.grad(fail))(1.0),
        lambda: ops.grad(ops.custom_gradient(lambda x: (ops.sum(x), fail)))(X),
    ):
        with pytest.raises(_Own, match="mine"):
            call()


# A training step, written once ------------------------------------------------------------------


def _model():
    norm, drop = layers.BatchNormalization(), layers.Dropout(0.5, seed=3)
    model = Sequential([layers.Dense(8, activation="relu"), norm, drop, layers.Dense(1)])
    model.build((None, 4))
    random = np.random.default_rng(0)
    for v in model.trainable_variables:
        v.assign(random.standard_normal(v.shape).astype(np.float32) * np.float32(0.3))
    return model


def _losses(compiled):
    model = _model()
    random = np.random.default_rng(1)
    x, y = random.standard_normal((16, 4)), random.standard_normal((16, 1))
    x, y = (ops.convert_to_tensor(a.astype(np.float32)) for a in (x, y))

    def step(trainable, others, x, y):
        def loss(trainable):
            predicted, after = model.stateless_call(trainable, others, x, training=True)
            return ops.mean(ops.square(predicted - y)), after

        (value, after), gradients = ops.value_and_grad(loss, has_aux=True)(trainable)
        return [w - 0.1 * g for w, g in zip(trainable, gradients, strict=True)], after, value

    step = ops.jit(step) if compiled else step
    trainable, others = model.state_values()
    losses = []
    for _ in range(4):
        trainable, others, value = step(trainable, others, x, y)
        losses.append(float(_host(value)))
    return losses


@pytest.fixture(scope="module")
def losses():
    with use_backend("torch"):
        return _losses(False)


@differentiable
@pytest.mark.parametrize("compiled", [False, True])
def test_a_training_step_written_once(backend, compiled, losses, quick_compiling):
    """The same losses on every backend, dropout and running statistics included."""
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(_losses(compiled), losses, rtol=2e-5)


@differentiable
def test_gradients_by_variables_in_a_stateless_scope(backend):
    v = Variable(X)

    def loss(value):
        with StatelessScope([(v, value)]) as scope:
            v.assign(ops.multiply(v, 2.0))
            return ops.sum(ops.square(v)), scope.get_current_value(v)

    (value, new), gradient = ops.value_and_grad(loss, has_aux=True)(v.value)
    _close(value, (4 * X**2).sum())
    _close(gradient, 8 * X)
    _close(new, 2 * X)
    _close(v, X)
