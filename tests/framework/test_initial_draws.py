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
    # The table's cells, of width h = 2^-16, are crossed in a straight line: h^2 / 8 times the
    # largest second derivative, z (c / density)^2 at z = 2, is 1.8e-8; then float32 rounds.
    assert found.dtype == np.float32
    assert np.abs(found.astype("float64") - (0.5 + 0.02 * expected)).max() < 0.02 * 2e-8 + 2.0**-25
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
