"""Random draws: the published vectors of Philox, and the same bits on every backend."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isozoo import config, initializers, layers, ops, random, use_backend
from isozoo.framework.backends import host_random, philox, registry

from ..conftest import BACKENDS

# Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, words.
ONES = 0xFFFFFFFF
PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
VECTORS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (PI, (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]


def _philox(counter, key):
    """The generator of the paper, word by word in Python's integers."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & ONES, (p0 >> 32) ^ c[3] ^ k[1], p0 & ONES]
        k = [(k[0] + 0x9E3779B9) & ONES, (k[1] + 0xBB67AE85) & ONES]
    return tuple(c)


@pytest.mark.parametrize(("counter", "key", "words"), VECTORS)
def test_the_reference_gives_the_published_vectors(counter, key, words):
    assert _philox(counter, key) == words


KEYS = [(0, 0), (ONES, ONES), (1234, 0), (0xA4093822, 0x299F31D0), (2**31, 2**31 - 1)]


def _stream(key, count, stream=0):
    blocks = [_philox((i & ONES, i >> 32, stream, 0), key) for i in range(-(-count // 4))]
    return np.array(blocks, np.uint32).reshape(-1)[:count]


@pytest.mark.parametrize("key", KEYS)
def test_host_words(key):
    np.testing.assert_array_equal(philox.words(key, 23), _stream(key, 23))
    assert philox.words((0, 0), 4).tolist() == list(VECTORS[0][2])


def test_host_words_beyond_a_chunk_and_32_bits():
    far = philox.blocks((5, 6), 2**32 + 7, 1)[0]
    assert tuple(far.tolist()) == _philox((7, 1, 0, 0), (5, 6))
    whole = philox.words((5, 6), (1 << 20) + 9)
    assert tuple(whole[1 << 20 : (1 << 20) + 4].tolist()) == _philox((1 << 18, 0, 0, 0), (5, 6))


def _shares(key, count):
    """Uniform draws by the definition, in float64."""
    return (_stream(key, count) & 0x7FFFFF) / 2**23


def _key(key):
    return np.array(key, np.uint32).view(np.int32)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("key", KEYS)
def test_words(key, compiled, backend):
    """The backend's primitive, eager and compiled, from a tensor and from two integers."""
    own = registry.get(backend)

    def draw(seed):
        return own.random_words(seed, (3, 7), 5)

    draw = ops.jit(draw) if compiled else draw
    words = ops.convert_to_numpy(draw(ops.convert_to_tensor(_key(key))))
    np.testing.assert_array_equal(words, _stream(key, 21, 5).astype(np.int64).reshape(3, 7))
    fixed = ops.convert_to_numpy(own.random_words(key, (9,)))
    np.testing.assert_array_equal(fixed, _stream(key, 9).astype(np.int64))


def _everywhere(draw):
    found = []
    for name in BACKENDS:
        with use_backend(name):
            found.append(np.asarray(ops.convert_to_numpy(draw())))
    return found


def test_uniform_is_the_same_everywhere():
    first, *others = _everywhere(lambda: random.uniform((50, 3), -2, 3, seed=7))
    np.testing.assert_allclose(
        first, -2 + 5 * _shares((7, 0), 150).reshape(50, 3), rtol=0, atol=5e-7
    )
    assert first.min() >= -2
    assert first.max() < 3
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_uniform_by_the_definition_at_many_elements(backend):
    """The low 23 bits of each word, eager and compiled, by XLA too; and the halves' upper bits."""
    wanted = (philox.words((6, 0), 300_003) & 0x7FFFFF) / 2**23

    def draw():
        return random.uniform((3, 100_001), seed=6)

    draws = [draw, ops.jit(draw)]
    if backend == "tensorflow":
        import tensorflow as tf

        draws.append(tf.function(draw, jit_compile=True))
    for function in draws:
        np.testing.assert_array_equal(ops.convert_to_numpy(function()).reshape(-1), wanted)
    for dtype, bits in (("float16", 11), ("bfloat16", 8)):
        half = ops.convert_to_numpy(random.uniform((999,), dtype=dtype, seed=6))
        np.testing.assert_array_equal(half, np.floor(wanted[:999] * 2**bits) / 2**bits)


def _normal(key, count):
    """Box and Muller by the definition, in float64."""
    shares = _shares(key, count + count % 2).reshape(-1, 2)
    radius, angle = np.sqrt(-2 * np.log(np.maximum(shares[:, 0], 1e-7))), 2 * math.pi * shares[:, 1]
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], -1).reshape(-1)[:count]


def test_normal_agrees_within_rounding():
    expected = _normal((9, 0), 4001)
    for drawn in _everywhere(lambda: random.normal((4001,), seed=9)):
        np.testing.assert_allclose(drawn, expected, rtol=0, atol=2e-6)
    for drawn in _everywhere(lambda: random.normal((4001,), seed=9, dtype="float64")):
        np.testing.assert_allclose(drawn, expected, rtol=0, atol=1e-14)
    for drawn in _everywhere(lambda: random.normal((2, 3), mean=4.0, stddev=0.5, seed=9)):
        wanted = 4 + 0.5 * _normal((9, 0), 6).reshape(2, 3)
        np.testing.assert_allclose(drawn, wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize("compiled", [False, True])
def test_dropout_masks_are_the_same_everywhere(compiled, quick_compiling):
    x = np.linspace(1, 2, 600, dtype=np.float32).reshape(20, 30)
    kept = _stream((3, 0), 600).reshape(20, 30) >= math.ceil(0.3 * 2**32)
    expected = np.where(kept, x / 0.7, 0)

    def draw():
        function = (
            ops.jit(lambda x: random.dropout(x, 0.3, seed=3))
            if compiled
            else (lambda x: random.dropout(x, 0.3, seed=3))
        )
        return function(ops.convert_to_tensor(x))

    for dropped in _everywhere(draw):
        np.testing.assert_allclose(dropped, expected, rtol=1e-6)


def test_dropout_noise_shape(backend):
    x = np.ones((4, 6, 5), np.float32)
    dropped = ops.convert_to_numpy(random.dropout(x, 0.5, noise_shape=(None, 1, 5), seed=1))
    assert (dropped == dropped[:, :1]).all()
    assert set(np.unique(dropped)) == {0.0, 2.0}


def test_seed_generator_moves_on(backend):
    """The draws of a generator are (seed, 0), (seed, 1), …; those of another start anew."""
    generator = random.SeedGenerator(11)
    drawn = [ops.convert_to_numpy(random.uniform((5,), seed=generator)) for _ in range(3)]
    for i, values in enumerate(drawn):
        np.testing.assert_array_equal(values, _shares((11, i), 5))


def test_global_seed(backend):
    """The same seed gives the same draws and weights on every backend, whichever comes first."""
    random.set_random_seed(42)
    kernel = layers.Dense(3, input_dim=2).kernel.numpy()
    for i in range(2):
        drawn = ops.convert_to_numpy(random.uniform((4,)))
        np.testing.assert_array_equal(drawn, _shares((42, i), 4))
    limit = math.sqrt(6 / (2 + 3))
    share = _shares((42, 2**31), 6).reshape(2, 3)
    np.testing.assert_allclose(kernel, limit * (2 * share - 1), rtol=0, atol=1e-6)


INITIALIZERS = {
    "zeros": initializers.Zeros(),
    "ones": initializers.Ones(),
    "constant": initializers.Constant(0.25),
    "uniform": initializers.RandomUniform(-1, 2, seed=1),
    "normal": initializers.RandomNormal(1, 2, seed=1),
    "truncated": initializers.TruncatedNormal(0, 0.5, seed=1),
    "glorot_uniform": initializers.GlorotUniform(seed=1),
    "glorot_normal": initializers.GlorotNormal(seed=1),
    "he_normal": initializers.HeNormal(seed=1),
    "he_uniform": initializers.HeUniform(seed=1),
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers_are_equal_everywhere(name):
    first, *others = _everywhere(lambda: INITIALIZERS[name]((3, 3, 5, 8)))
    assert first.dtype == np.float32
    for other in others:
        np.testing.assert_array_equal(other, first)


# fan_in 45, fan_out 72 of a (3, 3, 5, 8) kernel.
DEVIATIONS = {
    "glorot_uniform": math.sqrt(2 / 117),
    "glorot_normal": math.sqrt(2 / 117),
    "he_normal": math.sqrt(2 / 45),
    "he_uniform": math.sqrt(2 / 45),
    "truncated": 0.5 * 0.87962566,
    "normal": 2.0,
    "uniform": 3 / math.sqrt(12),
}


@pytest.mark.parametrize(("name", "deviation"), DEVIATIONS.items())
def test_initializers_have_their_deviation(name, deviation):
    with use_backend("numpy"):
        wide = INITIALIZERS[name]((3, 3, 5, 8)).astype(np.float64)
    # The standard error of a deviation from 360 draws is below 4 %.
    assert abs(wide.std() / deviation - 1) < 0.12
    if name == "truncated":
        assert np.abs(wide).max() <= 1.0


def test_unknown_initializer():
    with pytest.raises(ValueError, match="glorot_uniform"):
        initializers.get("glorot")


def test_keys_do_not_repeat():
    host_random.set_random_seed(5)
    keys = [host_random.next_key() for _ in range(4)]
    assert keys == [(5, 2**31 + i) for i in range(4)]
    assert config.backend() in BACKENDS
