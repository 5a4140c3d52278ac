"""Draws from Philox words (`backends.philox`), one definition for every backend.

A key is a tensor of two 32-bit words, or two Python integers. Element e of a draw is the e-th in
row-major order, whatever its shape, and depends on the key and on e alone.
"""

import math
from typing import Any

from .. import philox

# Of a word, uniform and normal draws take the low 23 bits, as TensorFlow's Philox kernels do.
LOW = 0x7FFFFF
STEP = 2.0**-23
TINY = 1e-7  # in the place of a uniform draw of 0, the logarithm of which is infinite


class Random:
    """Kernels over `random_words(key, shape, stream)`: int64 words 0 ... 2^32 - 1 of `shape`."""

    def random_uniform(self: Any, key, shape):
        """Uniform float32 in [0, 1): the low 23 bits of word e, times 2^-23."""
        kept = self.bitwise_and(self.random_words(key, shape), LOW)
        return self.multiply(self.cast(kept, "float32"), STEP)

    def random_normal(self: Any, key, shape, dtype):
        """Standard normal draws by Box and Muller, computed in `dtype`: float32 or float64.

        Words 2p and 2p + 1 give the elements 2p and 2p + 1: r sin(2 pi v) and r cos(2 pi v) with
        r = sqrt(-2 log u), where u and v are the words' low 23 bits, times 2^-23. A u of 0
        counts as 1e-7.
        """
        count = math.prod(shape)
        words = self.bitwise_and(self.random_words(key, (-(-count // 2), 2)), LOW)
        shares = self.multiply(self.cast(words, dtype), STEP)
        u, v = self.take(shares, 0, -1), self.take(shares, 1, -1)
        radius = self.sqrt(self.multiply(self.log(self.maximum(u, TINY)), -2.0))
        angle = self.multiply(v, 2 * math.pi)
        both = [self.multiply(radius, wave(angle)) for wave in (self.sin, self.cos)]
        return self.reshape(self.reshape(self.stack(both, -1), (-1,))[:count], shape)

    def random_dropout(self: Any, x, key, shape, rate):
        """x / (1 - rate) where word e of `shape` is at least rate * 2^32, else 0."""
        kept = self.greater_equal(self.random_words(key, shape), threshold(rate))
        scaled = self.multiply(x, 1.0 / (1.0 - rate))
        return self.where(kept, scaled, self.zeros((), self.dtype(x)))


def threshold(rate: float) -> int:
    """The least word that is kept when a share `rate` is dropped."""
    return min(math.ceil(rate * 2.0**32), philox.MASK)


def on_host(key: Any) -> tuple[int, int]:
    """A key as two Python integers."""
    first, second = key if isinstance(key, tuple) else key.tolist()
    return int(first) & philox.MASK, int(second) & philox.MASK
