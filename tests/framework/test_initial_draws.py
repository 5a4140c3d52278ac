"""First values of weights, against their definition from Philox words."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from isozoo import Variable, initializers, ops
from isozoo.framework.backends import philox

# Several chunks in several threads, and a size that fills no block.
COUNT = 4 * philox.CHUNK * 5 + 3
SHARES = (philox.words((7, 0), COUNT) & np.uint32(0x7FFFFF)) * 2.0**-23


def test_truncated_normal_is_the_quantile_of_each_draw():
    expected = ndtri(ndtr(-2) + (ndtr(2) - ndtr(-2)) * (SHARES + 2.0**-24))
    initializer = initializers.TruncatedNormal(0.5, 0.02, seed=7)
    found = initializer.array((COUNT,), "float32")
    # The ratio of polynomials is within nine roundings of float32, as all 2^23 of its values show.
    # The scale's own and the product's are two more; then the sum is rounded at its own size.
    assert found.dtype == np.float32
    error = np.abs(found.astype("float64") - (0.5 + 0.02 * expected))
    assert (error < 0.02 * np.abs(expected) * 11 * 2.0**-24 + 2.0**-25).all()
    centred = initializers.TruncatedNormal(seed=7, stddev=1.0).array((COUNT,), "float32")
    np.testing.assert_allclose(centred, expected, rtol=9 * 2.0**-24)
    wide = initializer.array((COUNT,), "float64")
    np.testing.assert_allclose(wide, 0.5 + 0.02 * expected, rtol=1e-13)


def test_uniform_draws_are_scaled_in_float64():
    found = initializers.RandomUniform(-1.0, 2.0, seed=7).array((COUNT,), "float32")
    np.testing.assert_array_equal(found, (3.0 * SHARES - 1.0).astype("float32"))
    limit = np.sqrt(3.0 / 4)  # GlorotUniform of 2 inputs and 6 outputs: variance 2 / 8
    found = initializers.GlorotUniform(seed=7).array((2, 6), "float32")
    expected = limit * (2 * SHARES[:12] - 1)
    np.testing.assert_allclose(found.ravel(), expected, rtol=2**-23, atol=1e-8)


@pytest.mark.parametrize("form", [None, "dense"])
def test_a_variable_takes_the_draws_as_they_are(form, backend):
    initializer = initializers.HeNormal(seed=7)
    made = [
        Variable(initializers.values_of(initializer), (64, 32), memory_format=form) for _ in "ab"
    ]
    expected = initializer.array((64, 32), "float32")
    made[0].assign(ops.multiply(made[0], 2))  # neither shares memory with another
    np.testing.assert_array_equal(ops.convert_to_numpy(made[0]), 2 * expected)
    np.testing.assert_array_equal(ops.convert_to_numpy(made[1]), expected)
