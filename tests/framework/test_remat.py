"""Rematerialized calls: same values, gradients, draws and states; which calls are made again."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops, random

RNG = np.random.default_rng(0)
X = RNG.standard_normal((8, 4)).astype("float32")
IDS = RNG.integers(0, 3, (4, 5))
DIFFERENTIATING = pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)


def _array(x):
    return np.array(ops.convert_to_numpy(x))


class _Counted(layers.Layer):
    """A product that counts its calls, with a loss, a draw, and moving statistics inside."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(4, activation="tanh", kernel_initializer="orthogonal")
        self.drop = layers.Dropout(0.5, seed=3)
        self.norm = layers.BatchNormalization()
        self.calls = []

    def call(self, x, training=False):
        self.calls.append(training)
        y = self.dense(x)
        self.add_loss(ops.mean(ops.square(y)))
        return self.norm(self.drop(y, training=training), training=training)


def _trained(mode, eager):
    """What a model with a counted layer is after two steps, and how often the layer was called."""
    isozoo.utils.set_random_seed(0)
    with isozoo.RematScope(mode):
        counted = _Counted(name="counted")
    model = isozoo.Sequential([isozoo.Input((4,)), counted, layers.Dense(2)])
    model.compile(isozoo.optimizers.SGD(0.1), "mse", run_eagerly=eager)
    counted.calls.clear()
    loss = model.fit(X, X[:, :2], batch_size=4, shuffle=False, verbose=0).history["loss"]
    return [np.array(loss), *(v.numpy() for v in model.variables)], len(counted.calls)


@DIFFERENTIATING
def test_training_is_the_same(backend):
    eager = backend != "jax"  # which makes the second call from the program of the first
    plain, calls = _trained(None, eager)
    found, more_calls = _trained("full", eager)
    assert len(found) == len(plain) > 8
    for have, want in zip(found, plain, strict=True):
        # Two steps, of sums of some 8 terms, in one program or in several.
        np.testing.assert_allclose(have, want, rtol=2**-16, atol=2**-20)
    assert more_calls - calls == (2 if eager else 0)


@DIFFERENTIATING
def test_gradients_are_the_same(backend):
    draws = [random.SeedGenerator(7) for _ in range(2)]
    layer = layers.Dense(3)
    layer.build((None, 4))
    drop = [layers.Dropout(0.5, seed=5) for _ in range(2)]
    times = []

    def inside(x, options, draw):
        times.append(1)
        y = layer(x) * options["scale"]
        return {"y": ops.sin(y), "rest": (y, None)}

    def value(function, drop):
        def of(x, scale):
            out = function(x, {"scale": scale}, draw=None)
            return ops.sum(drop(out["y"], training=True) * out["rest"][0])

        return of

    scale = np.float32([1.0, 2.0, -3.0])
    again = isozoo.remat(inside)
    with_drop = isozoo.remat(drop[1])

    def dropped(x, training):
        return with_drop(x, training=training)

    plain = ops.value_and_grad(value(inside, drop[0]), argnums=(0, 1))(X, scale)
    times.clear()
    found = ops.value_and_grad(value(again, dropped), argnums=(0, 1))(X, scale)
    assert len(times) == (1 if backend == "jax" else 2)
    for have, want in zip((found[0], *found[1]), (plain[0], *plain[1]), strict=True):
        np.testing.assert_allclose(_array(have), _array(want), rtol=2**-19, atol=2**-19)
    states = [x.seed_generator.state.numpy() for x in drop]
    np.testing.assert_array_equal(*states)
    assert states[0][1] == 1 and len(draws) == 2

    # By the weights, which stand-ins take the place of.
    def of_weights(values):
        outputs, _ = layer.stateless_call(values, [], X)
        return ops.sum(ops.square(outputs))

    with isozoo.RematScope("full"):
        other = copy.deepcopy(layer)
        same = layers.Dense.from_config(layer.get_config())
    same.build((None, 4))
    same.set_weights(layer.get_weights())
    assert other._remat is None and same._remat.mode == "full"
    wanted = ops.grad(of_weights)([v.value for v in layer.trainable_variables])
    layer = copy.deepcopy(same)  # which keeps its mode
    assert layer._remat.mode == "full"
    given = ops.grad(of_weights)([v.value for v in layer.trainable_variables])
    for have, want in zip(given, wanted, strict=True):
        np.testing.assert_allclose(_array(have), _array(want), rtol=2**-19, atol=2**-19)


def test_which_calls_are_made_again(backend, monkeypatch):
    from isozoo.framework.core import remat

    seen, real = [], remat.remat

    def noted(f):
        seen.append(getattr(f, "__self__", f))
        return real(f)

    monkeypatch.setattr(remat, "remat", noted)
    for mode, options, wanted in (
        ("full", {}, {"a", "b", "d"}),
        ("larger_than", {"output_size_threshold": 39}, {"b", "d"}),
        ("list_of_layers", {"layer_names": ["a", "d"]}, {"a", "d"}),
        ("activations", {}, {"relu", "linear"}),
        (None, {}, set()),
    ):
        with isozoo.RematScope(mode, **options):
            made = [
                layers.Dense(3, activation="relu", name="a"),
                layers.Dense(5, name="b"),
                layers.Dropout(0.5, name="d"),
            ]
        x = X
        seen.clear()
        for layer in made:
            x = layer(x)
        with isozoo.use_backend("numpy"):
            by_hand = made[1].to_backend("numpy")(made[0].to_backend("numpy")(X))
        np.testing.assert_allclose(_array(x), by_hand, rtol=2**-19, atol=2**-19)
        names = {getattr(part, "name", getattr(part, "__name__", None)) for part in seen}
        assert names == wanted, mode
        assert made[0].activation is isozoo.activations.relu
    with isozoo.RematScope("full"), isozoo.RematScope(None):
        assert layers.Dense(1)._remat.mode is None
    assert layers.Dense(1)._remat is None
    with pytest.raises(ValueError, match="Invalid mode 'all'"):
        isozoo.RematScope("all")
    with pytest.raises(ValueError, match="should be a callable"):
        isozoo.remat(3)  # pyright: ignore[reportArgumentType]


def test_masks_go_through(backend):
    def made():
        isozoo.utils.set_random_seed(0)
        inner = isozoo.Sequential([layers.Embedding(3, 4, mask_zero=True), layers.Dropout(0.1)])
        return inner, layers.GlobalAveragePooling1D()

    inner, pool = made()
    wanted = pool(inner(IDS))
    with isozoo.RematScope("full"):
        inner, pool = made()
    np.testing.assert_allclose(_array(pool(inner(IDS))), _array(wanted), rtol=2**-20)
    outputs = _array(inner(IDS))
    kept = (IDS != 0)[..., None]
    by_hand = (outputs * kept).sum(1) / kept.sum(1)
    np.testing.assert_allclose(_array(wanted), by_hand, rtol=2**-20, atol=2**-20)


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_the_second_call_may_be_made_by_another_thread(backend):
    import torch

    gradients = []
    for mode in (None, "full"):
        with isozoo.RematScope(mode):
            layer = layers.Dense(3, "tanh", kernel_initializer="ones", dtype="mixed_bfloat16")
            drop = layers.Dropout(0.5, seed=1)
        x = torch.tensor(X, requires_grad=True)
        total = drop(layer(x), training=True).float().sum()
        thread = threading.Thread(target=total.backward)
        thread.start()
        thread.join()
        gradients.append(x.grad)
    assert gradients[0].abs().max() > 0
    np.testing.assert_array_equal(_array(gradients[1]), _array(gradients[0]))
