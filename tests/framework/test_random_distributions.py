"""Distributions: against SciPy's, the same draws on every backend, and independence."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

from isozoo import Input, Model, ops, random, use_backend
from isozoo.framework.backends import philox

from ..conftest import BACKENDS

N = 4000

# name -> a draw of N numbers and the distribution that SciPy has for it
CONTINUOUS = {
    "uniform": (lambda: random.uniform((N,), -1.5, 2.5, seed=1), st.uniform(-1.5, 4)),
    "normal": (lambda: random.normal((N,), 3.0, 0.5, seed=2), st.norm(3, 0.5)),
    "truncated": (lambda: random.truncated_normal((N,), seed=3), st.truncnorm(-2, 2)),
    "gamma": (lambda: random.gamma((N,), 2.5, seed=3), st.gamma(2.5)),
    "small_gamma": (lambda: random.gamma((N,), 0.3, seed=4), st.gamma(0.3)),
    "beta": (lambda: random.beta((N,), 0.5, 2.0, seed=5), st.beta(0.5, 2)),
}
DISCRETE = {
    "binomial": (lambda: random.binomial((N,), 100, 0.3, seed=6), st.binom(100, 0.3)),
    "few_successes": (lambda: random.binomial((N,), 12, 0.7, seed=6), st.binom(12, 0.7)),
    "randint": (lambda: random.randint((N,), -3, 11, seed=7), st.randint(-3, 11)),
    "categorical": (
        lambda: random.categorical(np.log([[0.1, 0.2, 0.7]]), N, seed=9)[0],
        st.rv_discrete(values=([0, 1, 2], [0.1, 0.2, 0.7])),
    ),
}


def _host(x):
    return np.asarray(ops.convert_to_numpy(x))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_draws_follow_their_distribution(name):
    """Kolmogorov and Smirnov's test, mean and variance."""
    draw, distribution = CONTINUOUS[name]
    with use_backend("numpy"):
        drawn = _host(draw()).astype(np.float64)
    assert st.kstest(drawn, distribution.cdf).pvalue > 0.01
    assert abs(drawn.mean() - distribution.mean()) < 4 * distribution.std() / np.sqrt(N)
    fourth = distribution.stats("k") + 2
    assert abs(drawn.var() / distribution.var() - 1) < 4 * np.sqrt(fourth / N)


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_draws_follow_their_distribution(name):
    """Pearson's chi-squared test over the values that are expected 5 times or more."""
    draw, distribution = DISCRETE[name]
    with use_backend("numpy"):
        drawn = _host(draw()).astype(int)
    values = np.arange(drawn.min() - 5, drawn.max() + 6)
    expected = distribution.pmf(values) * N
    found = np.array([(drawn == v).sum() for v in values])
    usual = expected >= 5
    seen = np.append(found[usual], found[~usual].sum())
    wanted = np.append(expected[usual], N - expected[usual].sum())
    if wanted[-1] < 1e-6:
        assert seen[-1] == 0
        seen, wanted = seen[:-1], wanted[:-1]
    assert st.chisquare(seen, wanted * seen.sum() / wanted.sum()).pvalue > 0.01


# XLA takes seconds to compile a draw by rejection, so that one stands for them.
@pytest.mark.parametrize(
    ("name", "compiled"),
    [(name, False) for name in ("uniform", "gamma", "beta", *DISCRETE)]
    + [(name, True) for name in ("uniform", "randint", "categorical", "gamma")],
)
def test_draws_are_the_same_everywhere(name, compiled, quick_compiling):
    """Equal bits or, where logarithms are taken, equal to the last place."""
    draw = {**CONTINUOUS, **DISCRETE}[name][0]
    found = []
    for backend in BACKENDS:
        with use_backend(backend):
            found.append(_host((ops.jit(draw) if compiled else draw)()))
    for other in found[1:]:
        assert other.dtype == found[0].dtype
        np.testing.assert_allclose(
            other, found[0], rtol=0 if found[0].dtype.kind == "i" else 2.4e-7
        )
    if name == "uniform":
        assert all((other == found[0]).all() for other in found)


def test_torch_compiles_draws_in_one_graph():
    import torch

    with use_backend("torch"):
        seed = random.SeedGenerator(3)

        def draw():
            x = random.uniform((5, 3), -1, 2.7, seed=seed)
            return x, random.normal((5,), seed=seed), random.randint((4,), 0, 9)

        expected = [draw() for _ in range(2)]
        seed = random.SeedGenerator(3)
        random.set_random_seed(0)
        compiled = torch.compile(draw, fullgraph=True)
        for wanted in expected:
            for value, other in zip(compiled(), wanted, strict=True):
                torch.testing.assert_close(value, other, rtol=0, atol=1e-6)


def test_kernels_by_inductor_give_the_same_draws(monkeypatch):
    """Large draws in PyTorch, once many were made; and where nothing can be compiled."""
    import torch

    from isozoo.framework.backends.torch import random as kernels

    shape = (7, 11)
    x = torch.arange(77.0).reshape(shape).requires_grad_()

    def draws():
        y = random.dropout(x, 0.4, seed=3)
        (slope,) = torch.autograd.grad(y.sum(), x)
        return random.uniform(shape, seed=1), random.normal(shape, seed=2), y.detach(), slope

    with use_backend("torch"):
        plain = draws()
        monkeypatch.setattr(kernels, "LARGE", 1)
        monkeypatch.setattr(kernels, "_state", {"drawn": 1 << 62, "broken": False})
        by_inductor = draws()
        monkeypatch.setattr(kernels, "_compiled", dict.fromkeys(kernels._KERNELS, "no function"))
        without = draws()
        assert kernels._state["broken"]
    for one, two, three in zip(plain, by_inductor, without, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-6, atol=2e-6)
        torch.testing.assert_close(one, three, rtol=0, atol=0)


def test_randint_by_the_definition(backend):
    """minval + the upper half of a 64-bit word times the width, in Python's integers."""
    words = philox.words((8, 0), 100).reshape(50, 2).astype(object)
    numbers = (words[:, 0] << 32) | words[:, 1]
    for low, high, dtype in [
        (0, 200, "uint8"),
        (-5, 10, "int16"),
        (-(2**31), 2**31, "int32"),
        (0, 2**32, "uint32"),
        (-(2**63), 2**63, "int64"),
        (10, 10**15, "int64"),
    ]:
        drawn = random.randint((50,), low, high, dtype, seed=8)
        wanted = low + (numbers * (high - low) >> 64)
        assert _host(drawn).astype(object).tolist() == wanted.tolist()
        assert _host(drawn).dtype == dtype
    limits = np.array([0, 5, -9]), np.array([2, 10, 10**6])
    drawn = _host(random.randint((20, 3), *limits, seed=8))
    numbers = (philox.words((8, 0), 120).astype(object)[0::2] << 32) | philox.words((8, 0), 120)[
        1::2
    ].astype(object)
    wanted = limits[0] + (numbers.reshape(20, 3) * (limits[1] - limits[0]).astype(object) >> 64)
    assert drawn.tolist() == wanted.tolist()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_uniform_stays_below_its_end(dtype, backend):
    for low, high in ((0.0, 1.0), (1.0, 3.0), (0.0, 0.3), (-1.3, 2.7)):
        drawn = _host(random.uniform((5000,), low, high, dtype, seed=4)).astype(np.float64)
        assert low - 2e-2 * abs(low) <= drawn.min()
        assert drawn.max() < high


def test_binomial_at_its_limits(backend):
    # In one draw, since JAX compiles each kernel for each shape.
    counts = np.array([10, 10, 10, 10, 1e5, 3e5, 6e5])
    chances = np.array([0.0, 1.0, 0.5, 1.5, 0.4, 0.4, 0.4])
    drawn = _host(random.binomial((500, 7), counts, chances, seed=1))
    assert drawn[:, :2].tolist() == [[0, 10]] * 500
    assert set(drawn[:, 2]) <= set(range(11))
    assert abs(drawn[:, 2].mean() - 5) < 0.3
    assert np.isnan(drawn[:, 3]).all()
    share = drawn[:, 4:] / counts[4:]
    np.testing.assert_allclose(share.std(0), np.sqrt(0.24 / counts[4:]), rtol=0.15)


def test_gamma_and_beta_at_their_limits(backend):
    drawn = _host(random.gamma((400, 2), np.array([-1.0, 0.0]), seed=1))
    assert np.isnan(drawn).all()
    drawn = _host(random.beta((400, 2), np.array([1e-3, -1.0]), 1e-3, seed=2))
    assert set(np.unique(drawn[:, 0].round())) == {0, 1}
    assert np.isnan(drawn[:, 1]).all()


def test_categorical_never_gives_a_class_without_probability(backend):
    logits = np.array([[-np.inf, 0.0, -np.inf, 1.0, -np.inf], [5.0, -np.inf, -np.inf, 0, 0]])
    drawn = _host(random.categorical(logits, 3000, seed=1))
    assert set(np.unique(drawn[0])) == {1, 3}
    assert set(np.unique(drawn[1])) == {0, 3, 4}


def test_shuffle_keeps_slices_whole(backend):
    x = np.arange(60).reshape(3, 5, 4)
    for axis in (0, 1, -1):
        y = _host(random.shuffle(x, axis, seed=2))
        order = np.argsort(philox.words((2, 0), 2 * x.shape[axis]).view(np.uint32)[0::2])
        np.testing.assert_array_equal(y, np.take(x, order, axis))


def test_all_orders_are_as_likely():
    with use_backend("numpy"):
        generator = random.SeedGenerator(5)
        orders = [tuple(random.shuffle(np.arange(3), seed=generator)) for _ in range(1200)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6
    assert st.chisquare(counts).pvalue > 0.01


def test_streams_and_elements_are_independent():
    """Draws of neighbouring seeds, numbers and elements do not correlate."""
    with use_backend("numpy"):
        generator = random.SeedGenerator(100)
        rows = [random.uniform((N,), seed=seed) for seed in (100, 101, 102)]
        rows += [random.uniform((N,), seed=generator) for _ in range(3)][1:]
        rows.append(random.normal((N,), seed=200))
    correlations = np.corrcoef(np.stack(rows))[np.triu_indices(len(rows), 1)]
    assert np.abs(correlations).max() < 4 / np.sqrt(N)
    for row in rows:
        for lag in (1, 2, 3, 4, 7):
            assert abs(np.corrcoef(row[lag:], row[:-lag])[0, 1]) < 4 / np.sqrt(N)


def test_a_draw_depends_on_its_element_alone(backend):
    """The shape, and how much is drawn, change nothing."""
    whole = _host(random.normal((6, 10), seed=3)).reshape(-1)
    for shape in ((60,), (3, 20), (31,), (7,)):
        part = _host(random.normal(shape, seed=3)).reshape(-1)
        np.testing.assert_allclose(part, whole[: part.size], rtol=0, atol=1e-6)
    first = _host(random.gamma((8,), 0.7, seed=3))
    np.testing.assert_allclose(first, _host(random.gamma((4, 5), 0.7, seed=3)).reshape(-1)[:8])


def test_symbolic_draws(backend):
    """A model that draws: shapes are known, the generator stays where it was, values follow."""
    seed = random.SeedGenerator(1)
    x = Input((6,), batch_size=4)
    y = random.dropout(x, 0.5, seed=seed)
    z = random.shuffle(y, seed=3)
    assert (tuple(z.shape), z.dtype) == ((4, 6), "float32")
    assert tuple(random.categorical(x, 7, seed=seed).shape) == (4, 7)
    assert _host(seed.state).tolist() == [1, 0]
    model = Model(x, y)
    ones = np.ones((4, 6), np.float32)
    np.testing.assert_array_equal(_host(model(ones)), _host(random.dropout(ones, 0.5, seed=1)))
