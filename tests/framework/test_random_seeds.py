"""Seeds: generators, the global one, and what may be given as `seed`."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from isozoo import ops, random, use_backend
from isozoo.framework.random import seeds


def _host(x):
    return np.asarray(ops.convert_to_numpy(x))


def test_names_and_signatures_are_keras():
    import keras

    names = [n for n in dir(keras.random) if not n.startswith("_")]
    for name in names:
        ours, theirs = (inspect.signature(getattr(r, name)) for r in (random, keras.random))
        assert [(p.name, p.default, p.kind) for p in ours.parameters.values()] == [
            (p.name, p.default, p.kind) for p in theirs.parameters.values()
        ], name


def test_generator(backend):
    generator = random.SeedGenerator(42, name="mine")
    assert [_host(generator.next()).tolist() for _ in range(3)] == [[42, 0], [42, 1], [42, 2]]
    assert generator.get_config() == {"seed": 42, "name": "mine"}
    again = random.SeedGenerator.from_config(generator.get_config())
    assert _host(again.state).tolist() == [42, 0]
    places = [_host(again.next(ordered=False))[1] for _ in range(50)]
    assert len(set(places)) == 50
    # x' = 1664525 x + 1013904223 modulo 2^32
    assert int(places[2]) % 2**32 == (1664525 * 1013904223 + 1013904223) % 2**32
    with pytest.raises(ValueError, match="must be an integer"):
        random.SeedGenerator("seed")
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        random.SeedGenerator(1, what=2)


def test_generator_on_another_backend():
    with use_backend("numpy"):
        generator = random.SeedGenerator(1, backend="torch")
        assert generator.state.backend.name == "torch"
        assert type(random.uniform((2,), seed=generator)).__module__ == "torch"
        assert isinstance(random.uniform((2,)), np.ndarray)


def test_generators_without_a_seed_differ_and_follow_the_global_seed(backend):
    def drawn():
        random.set_random_seed(9)
        generators = [random.SeedGenerator() for _ in range(3)]
        return [_host(random.uniform((3,), seed=g)).tolist() for g in generators]

    first = drawn()
    assert first == drawn()
    assert len({tuple(row) for row in first}) == 3


def test_seed_arguments(backend):
    """An int gives the same draw at each call; its lowest 32 bits count."""
    wanted = _host(random.uniform((4,), seed=5))
    for seed in (5, np.int64(5), 5 + 2**32, np.array([5, 0], np.uint32)):
        np.testing.assert_array_equal(_host(random.uniform((4,), seed=seed)), wanted)
    key = ops.convert_to_tensor(np.array([5, 0], np.int32))
    np.testing.assert_array_equal(_host(random.uniform((4,), seed=key)), wanted)
    for seed in (2**31, 2**32 - 1, -1):
        assert _host(seeds.draw_seed(seed)).dtype == np.int32
        assert _host(random.uniform((2, 2), seed=seed)).shape == (2, 2)
    with pytest.raises(ValueError, match="Argument `seed` must be either an integer"):
        random.uniform((2,), seed="five")


def test_jax_refuses_to_freeze_a_seed():
    import jax

    with use_backend("jax"):
        generator = random.SeedGenerator(1)
        for seed in (None, generator):
            with pytest.raises(ValueError, match="you should only use seeded random ops"):
                jax.jit(lambda seed=seed: random.uniform((2,), seed=seed))()
        assert _host(generator.state).tolist() == [1, 0]
        assert jax.jit(lambda: random.uniform((2,), seed=3))().shape == (2,)
        key = jax.random.PRNGKey(7)
        assert random.randint((3, 5), 0, 10, seed=key).shape == (3, 5)


def test_tensorflow_draws_anew_at_each_run_of_a_graph():
    import tensorflow as tf

    with use_backend("tensorflow"):
        eager = [random.uniform((3,)).numpy() for _ in range(3)]
        random.set_random_seed(0)
        draw = tf.function(lambda: random.uniform((3,)))
        np.testing.assert_array_equal([draw().numpy() for _ in range(3)], eager)

        @tf.function(input_signature=[tf.TensorSpec((None, 3))])
        def drop(x):
            return random.dropout(x, 0.5, seed=2)

        x = tf.ones((5, 3))
        np.testing.assert_array_equal(drop(x), random.dropout(x, 0.5, seed=2))


def test_bad_arguments(backend):
    for call, words in [
        (lambda: random.uniform((2,), dtype="int32"), "requires a floating point `dtype`"),
        (lambda: random.randint((2,), 0, 3, dtype="float32"), "requires an integer `dtype`"),
        (lambda: random.randint((2,), 3, 3), "maxval"),
        (lambda: random.uniform((2, -1)), "shape"),
        (lambda: random.dropout(np.ones(3, np.float32), 1.5), "rate"),
        (lambda: random.dropout(np.ones(3, np.float32), 0.5, noise_shape=(1, 3)), "noise_shape"),
        (lambda: random.categorical(np.ones(3), 2), "2-D"),
    ]:
        with pytest.raises(ValueError, match=words):
            call()


def test_dropout_of_none_and_of_all(backend):
    x = ops.convert_to_tensor(np.array([1.0, np.inf, np.nan], np.float32))
    assert random.dropout(x, 0) is x
    assert _host(random.dropout(x, 1.0)).tolist() == [0, 0, 0]
    masks = [_host(random.dropout(x, 0.5, seed=s)) for s in range(8)]
    dropped = [m[1:] for m in masks if m[1] == 0 or m[2] == 0]
    assert dropped  # what is dropped is 0, whatever it was
