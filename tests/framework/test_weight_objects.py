"""Initializers, regularizers, constraints: closed forms, and names and configs of Keras."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from isozoo import constraints, initializers, ops, random, regularizers, use_backend

_draws = np.random.default_rng(2)
W = _draws.standard_normal((5, 3)).astype(np.float32)
NAMESPACES = [initializers, regularizers, constraints]


def _same(got, expected, error=1e-6):
    got = ops.convert_to_numpy(got)
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got, expected, rtol=error, atol=error)


@pytest.mark.parametrize("ours", NAMESPACES, ids=lambda m: m.__name__.split(".")[-1])
def test_names_are_those_of_keras(ours):
    theirs = getattr(keras, ours.__name__.split(".")[-1])
    names = [n for n in dir(theirs) if not n.startswith("_")]
    assert [n for n in names if not hasattr(ours, n)] == []


CONFIGS = {
    **{name: (initializers, name, {}) for name in dir(keras.initializers) if name[0].isupper()},
    "variance": (initializers, "VarianceScaling",
                 {"scale": 2.0, "mode": "fan_out", "distribution": "uniform", "seed": 3}),
    "L1": (regularizers, "L1", {"l1": 0.5}),
    "L2": (regularizers, "L2", {}),
    "L1L2": (regularizers, "L1L2", {"l1": 0.25, "l2": 0.5}),
    "orthogonal": (regularizers, "OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
    "max": (constraints, "MaxNorm", {"axis": [0, 1]}),
    "min_max": (constraints, "MinMaxNorm", {"rate": 0.5}),
    "unit": (constraints, "UnitNorm", {}),
    "non_neg": (constraints, "NonNeg", {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFIGS.values(), ids=CONFIGS)
def test_configs_are_those_of_keras(case):
    ours, name, arguments = case
    theirs = getattr(keras, ours.__name__.split(".")[-1])
    made, expected = getattr(ours, name)(**arguments), getattr(theirs, name)(**arguments)
    # The config of Keras's Identity forgets the gain.
    if "Identity" not in name and name != "Initializer":
        assert ours.serialize(made) == theirs.serialize(expected)
    again = ours.get(json.loads(json.dumps(theirs.serialize(expected))))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()
    assert type(ours.get(type(made))) is type(made) if not arguments else True


def test_what_get_takes(backend):
    assert initializers.get(None) is regularizers.get(None) is constraints.get(None) is None
    for name in ("glorot_uniform", "GlorotUniform", {"class_name": "glorot_uniform"}):
        assert type(initializers.get(name)) is initializers.GlorotUniform
    assert type(regularizers.get("l1_l2")) is regularizers.L1L2
    assert type(initializers.get("uniform")) is initializers.RandomUniform
    _same(initializers.get(W)((5, 3)), W)
    _same(initializers.Ones()(4), np.ones(4))
    _same(initializers.get(ops.convert_to_tensor(W))((5, 3)), W)
    with pytest.raises(ValueError, match="direct tensor as initializer"):
        initializers.get(W)((3, 5))
    for namespace in NAMESPACES:
        with pytest.raises(ValueError, match="Could not interpret"):
            namespace.get("nonesuch")
        with pytest.raises(ValueError, match="Could not interpret"):
            namespace.get(4)


def test_initializers_without_draws(backend):
    _same(initializers.Identity(gain=2.0)((3, 4)), 2 * np.eye(3, 4))
    _same(initializers.Constant([1.0, 2.0])((3, 2)), np.tile([1.0, 2.0], (3, 1)))
    t, k = np.arange(6)[:, None], np.arange(5)[None]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(6) / 5)  # Hann's, symmetric
    turn = np.exp(-2j * np.pi * t * k / 8) * window[:, None]
    norm = np.sqrt((window**2).sum())
    for side, part in (("real", turn.real), ("imag", turn.imag)):
        kernel = initializers.STFT(side)((6, 2, 5))
        _same(kernel, np.tile(part[:, None] / norm, (1, 2, 1)), 2e-6)
    spectrum = initializers.STFT(scaling="spectrum")((6, 1, 5))
    _same(spectrum, turn.real[:, None] / window.sum(), 2e-6)
    for bad in ((3,), (2, 3, 4)):
        with pytest.raises(ValueError, match="2D matrices"):
            initializers.Identity()(bad)


@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 8)])
def test_orthogonal_initializer(shape, backend):
    drawn = initializers.Orthogonal(gain=2.0, seed=1)(shape)
    matrix = ops.convert_to_numpy(drawn).reshape(-1, shape[-1]).astype(np.float64)
    gram = matrix.T @ matrix if len(matrix) > shape[-1] else matrix @ matrix.T
    # Elements of at most 2, rounded to float32: 8 products of two are off by 8 * 2 * 2 * 2^-23.
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), rtol=0, atol=32 * 2.0**-23)
    with use_backend("numpy"):
        np.testing.assert_array_equal(drawn, initializers.Orthogonal(2.0, seed=1)(shape))
    with pytest.raises(ValueError, match="at least two-dimensional"):
        initializers.Orthogonal()((3,))


def test_fans_of_named_axes(backend):
    """2 / (inputs + outputs), with 4 * 5 inputs and 3 * 2 outputs, of the uniform's limit."""
    drawn = initializers.GlorotUniform(1, input_axes=[1, 2], output_axes=[0, 3])((3, 4, 5, 2))
    plain = initializers.RandomUniform(-1, 1, seed=1)((3, 4, 5, 2))
    limit = np.sqrt(6 / (20 + 6))
    _same(drawn, limit * ops.convert_to_numpy(plain))


def test_seed_generators_give_other_draws_at_each_call(backend):
    drawn = initializers.RandomNormal(seed=random.SeedGenerator(4))
    first, second = (ops.convert_to_numpy(drawn((4,))) for _ in range(2))
    assert not np.allclose(first, second)
    _same(initializers.RandomNormal(seed=random.SeedGenerator(4))((4,)), first)
    with pytest.raises(ValueError, match="SeedGenerator"):
        initializers.RandomNormal(seed="seven")


def test_regularizers(backend):
    x = ops.convert_to_tensor(W)
    wide = W.astype(np.float64)
    _same(regularizers.L1(0.5)(x), 0.5 * np.abs(wide).sum())
    _same(regularizers.L2(0.5)(x), 0.5 * (wide**2).sum())
    _same(regularizers.L1L2(0.5, 2)(x), 0.5 * np.abs(wide).sum() + 2 * (wide**2).sum())
    for mode, rows in (("rows", wide), ("columns", wide.T)):
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        pairs = np.abs(unit @ unit.T)[np.triu_indices(len(rows), 1)]
        _same(regularizers.OrthogonalRegularizer(0.5, mode)(x), 0.5 * pairs.mean(), 2e-6)
    for bad in (-1.0, np.inf, np.nan, "1"):
        with pytest.raises(ValueError, match="non-negative float"):
            regularizers.L1L2(l2=bad)
    with pytest.raises(ValueError, match="rank 2"):
        regularizers.OrthogonalRegularizer()(x[0])


def test_constraints(backend):
    x = ops.convert_to_tensor(W)
    wide = W.astype(np.float64)
    norms = np.linalg.norm(wide, axis=0)
    _same(constraints.NonNeg()(x), np.maximum(wide, 0))
    # Keras adds epsilon, 1e-7, to the norm.
    _same(constraints.UnitNorm()(x), wide / (norms + 1e-7))
    _same(constraints.MaxNorm(1.5)(x), wide * np.minimum(norms, 1.5) / (norms + 1e-7))
    within = 0.5 * np.clip(norms, 2.0, 2.5) + 0.5 * norms
    _same(constraints.MinMaxNorm(2.0, 2.5, 0.5)(x), wide * within / (norms + 1e-7))
    whole = np.linalg.norm(wide)
    _same(constraints.MaxNorm(1, axis=[0, 1])(x), wide / (whole + 1e-7))
