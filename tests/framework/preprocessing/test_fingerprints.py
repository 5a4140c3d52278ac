"""FarmHash and SipHash against TensorFlow's, and SipHash against its paper."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from isozoo.framework.fingerprints import concatenated, fingerprint64, siphash


def strings() -> list[bytes]:
    """Of each length up to 200, two: each way through the hash is taken, and each block of it."""
    draws = np.random.default_rng(0)
    return [draws.integers(0, 256, n, np.uint8).tobytes() for n in [*range(201)] * 2]


def test_farmhash_is_tensorflows():
    expected = tf.fingerprint([[s] for s in strings()]).numpy().view("<u8")[:, 0]
    np.testing.assert_array_equal(fingerprint64(strings()), expected)


def test_siphash_is_tensorflows():
    count = 2**62 - 57
    for key in ((137, 42), (-1, 2**62)):
        expected = tf.strings.to_hash_bucket_strong(strings(), count, key=key).numpy()
        np.testing.assert_array_equal(siphash(strings(), key) % np.uint64(count), expected)


def test_siphash_of_the_paper():
    """Appendix A: the key 00 01 … 0f, the message 00 01 … 0e."""
    key = tuple(int.from_bytes(bytes(range(8 * n, 8 * n + 8)), "little") for n in (0, 1))
    assert siphash([bytes(range(15))], key)[0] == 0xA129CA6149BE45E5


def test_concatenated_is_that_of_crosses():
    words, numbers = ["a", "bc", ""], np.array([7, -1, 2**40])
    expected = tf.sparse.to_dense(
        tf.sparse.cross_hashed(
            [tf.constant(words)[:, None], tf.constant(numbers)[:, None]], 2**61 - 1
        )
    ).numpy()[:, 0]
    found = np.full(3, 0xDECAFCAFFE, np.uint64)
    for part in (fingerprint64([w.encode() for w in words]), numbers.view(np.uint64)):
        found = concatenated(found, part)
    np.testing.assert_array_equal(found % np.uint64(2**61 - 1), expected)
