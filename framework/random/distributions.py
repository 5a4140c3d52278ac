"""Gamma, beta and binomial draws, by rejection with a fixed number of rounds.

Round r of element e reads the four words of block e of the key's stream r. All is computed in
float64, so that a decision differs between backends about once in 10^14 elements.
"""

import math
from typing import Any

from ..ops.dispatch import Tensor, tensor
from ..ops.op import op
from ..typing import DType, Seed, Shape, TensorLike
from .arguments import float_dtype, host_number, standard_shape
from .seeds import key_of

# A round of gamma fails at most once in 20 times, one of the binomial once in 3: the rounds all
# fail for one element in 10^10 or less, which then gets the middle of the distribution.
_GAMMA_ROUNDS = 8
_BINOMIAL_ROUNDS = 24
_INVERSION = 10.0  # expected successes below which the distribution function is inverted
_STEPS = 64  # a binomial of so few expected successes passes it once in 10^20 times


class _Draws:
    """Draws of one key in one shape, float64."""

    def __init__(self, seed: Any, shape: Any) -> None:
        self.backend, self.key = key_of(seed)
        self.shape = standard_shape(self.backend, shape)

    def number(self, value: float) -> Tensor:
        return self.backend.asarray(value, "float64")

    def parameter(self, x: Any) -> Tensor:
        """An argument as float64 in the shape of the draws."""
        value = host_number(x)
        x = self.backend.cast(tensor(x)[1], "float64") if value is None else self.number(value)
        return self.backend.broadcast_to(x, self.shape)

    def shares(self, stream: int) -> list[Tensor]:
        """Four draws for each element: centres of the 2^32 cells of (0, 1)."""
        words = self.backend.random_words(self.key, (*self.shape, 4), stream)
        centres = (self.backend.cast(words, "float64") + 0.5) * self.number(2.0**-32)
        return [self.backend.take(centres, lane, -1) for lane in range(4)]

    def where(self, condition: Any, x: Any, y: Any) -> Tensor:
        x, y = (self.number(v) if isinstance(v, float) else v for v in (x, y))
        return self.backend.where(condition, x, y)


def _log_gamma(draws: _Draws, alpha: Tensor, first: int) -> Tensor:
    """Logarithms of gamma draws, from the streams `first` and on.

    G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26,
    2000. Below 1 the draw for alpha + 1 is multiplied by a uniform one to the power 1 / alpha.
    """
    own, number = draws.backend, draws.number
    known = alpha > 0.0
    alpha = draws.where(known, alpha, 1.0)
    small = alpha < 1.0
    d = draws.where(small, alpha + 1.0, alpha) - number(1 / 3)
    c = 1.0 / own.sqrt(9.0 * d)
    power = draws.where(small, 1.0 / alpha, 0.0)
    found = own.log(d)
    for r in reversed(range(_GAMMA_ROUNDS)):  # so that the first that is accepted stays
        u0, u1, u2, u3 = draws.shares(first + r)
        x = own.sqrt(-2.0 * own.log(u0)) * own.cos(u1 * number(2 * math.pi))
        root = 1.0 + c * x
        v = draws.where(root > 0.0, root * root * root, 1.0)
        bound = 0.5 * x * x + d * (1.0 - v + own.log(v))
        accepted = own.logical_and(root > 0.0, own.log(u2) < bound)
        found = own.where(accepted, own.log(d * v) + power * own.log(u3), found)
    return draws.where(known, found, math.nan)


@op
def gamma(shape: Shape, alpha: TensorLike, dtype: DType = None, seed: Seed = None) -> Tensor:
    """Makes gamma draws with shape parameter `alpha` and scale 1, by Marsaglia and Tsang (2000).

    `alpha` is a number or a tensor that broadcasts to `shape`; where it is not positive, the draw
    is NaN. The result is of `shape`, in a float `dtype`. At most 8 rounds from the streams 0 to 7
    of the key, see this module.
    """
    name = float_dtype("gamma", dtype)
    draws = _Draws(seed, shape)
    drawn = draws.backend.exp(_log_gamma(draws, draws.parameter(alpha), 0))
    return draws.backend.cast(drawn, name)


@op
def beta(
    shape: Shape, alpha: TensorLike, beta: TensorLike, dtype: DType = None, seed: Seed = None
) -> Tensor:
    """Makes beta draws g / (g + h) of two gamma draws, the second from the streams 8 to 15 of the
    key.

    `alpha` and `beta` are numbers or tensors that broadcast to `shape`; where one is not positive,
    the draw is NaN. The result is of `shape`, in a float `dtype`.
    """
    name = float_dtype("beta", dtype)
    draws = _Draws(seed, shape)
    first = _log_gamma(draws, draws.parameter(alpha), 0)
    second = _log_gamma(draws, draws.parameter(beta), _GAMMA_ROUNDS)
    # By the logarithms: of small parameters both draws may be 0.
    return draws.backend.cast(draws.backend.sigmoid(first - second), name)


@op
def binomial(
    shape: Shape,
    counts: TensorLike,
    probabilities: TensorLike,
    dtype: DType = None,
    seed: Seed = None,
) -> Tensor:
    """Makes binomial draws: successes in `counts` trials that each succeed with `probabilities`.

    With 10 expected successes or more (or failures, if they are fewer) by the transformed
    rejection of W. Hörmann, "The generation of binomial random variates", J. Stat. Comput. Simul.
    46, 1993, in at most 24 rounds from the streams 0 to 23 of the key. With fewer by inversion:
    the first number whose distribution function reaches the uniform draw that words 4e + 2 and
    4e + 3 make.

    Both arguments are numbers or tensors that broadcast to `shape`, counts being rounded down;
    outside of their meaning (probabilities from 0 to 1, counts of at least 0) the draw is NaN. The
    result is of `shape`, in a float `dtype`.
    """
    name = float_dtype("binomial", dtype)
    draws = _Draws(seed, shape)
    own = draws.backend
    n, p = own.floor(draws.parameter(counts)), draws.parameter(probabilities)
    known = own.logical_and(own.logical_and(p >= 0.0, p <= 1.0), n >= 0.0)
    n, p = draws.where(known, n, 0.0), draws.where(known, p, 0.0)
    rarer = own.minimum(p, 1.0 - p)
    many = n * rarer >= _INVERSION
    few, often = _which(host_number(counts), host_number(probabilities))
    found = _inverted(draws, n, draws.where(many, 0.0, rarer)) if few else None
    if often:
        rejected = _rejected(draws, draws.where(many, n, 40.0), draws.where(many, rarer, 0.5))
        found = rejected if found is None else own.where(many, rejected, found)
    found = own.where(p > 0.5, n - found, found)
    return own.cast(draws.where(known, found, math.nan), name)


def _which(count: float | None, probability: float | None) -> tuple[bool, bool]:
    """Whether some element may need inversion, and whether one may need rejection."""
    if count is None or probability is None or not 0 <= probability <= 1:
        return True, True
    many = math.floor(count) * min(probability, 1 - probability) >= _INVERSION
    return not many, many


def _inverted(draws: _Draws, n: Tensor, p: Tensor) -> Tensor:
    own = draws.backend
    _, _, high, low = draws.shares(0)
    u = high + (low - 0.5) * draws.number(2.0**-32)
    odds = p / (1.0 - p)
    mass = own.exp(n * own.log1p(-p))
    total, found = mass, 0.0 * n
    for k in range(_STEPS):
        found = found + own.cast(u > total, "float64")
        mass = mass * own.maximum(n - float(k), draws.number(0.0)) * odds / float(k + 1)
        total = total + mass
    return own.minimum(found, n)


def _rejected(draws: _Draws, n: Tensor, p: Tensor) -> Tensor:
    """Hörmann's algorithm BTRS. `k` is the candidate, `m` the mode; names are the paper's."""
    own, number = draws.backend, draws.number
    spread = own.sqrt(n * p * (1.0 - p))
    b = number(1.15) + number(2.53) * spread
    a = number(-0.0873) + number(0.0248) * b + number(0.01) * p
    c = n * p + 0.5
    alpha = (number(2.83) + number(5.1) / b) * spread
    odds = p / (1.0 - p)
    m = own.floor((n + 1.0) * p)
    at_mode = (m + 0.5) * own.log((m + 1.0) / (odds * (n - m + 1.0)))
    at_mode = at_mode + _stirling(draws, m) + _stirling(draws, n - m)
    found = m
    for r in reversed(range(_BINOMIAL_ROUNDS)):
        u, v, _, _ = draws.shares(r)
        u = u - 0.5
        us = 0.5 - own.absolute(u)
        k = own.floor((2.0 * a / us + b) * u + c)
        inside = own.logical_and(k >= 0.0, k <= n)
        k = draws.where(inside, k, m)
        bound = (
            at_mode
            + (n + 1.0) * own.log((n - m + 1.0) / (n - k + 1.0))
            + (k + 0.5) * own.log(odds * (n - k + 1.0) / (k + 1.0))
            - _stirling(draws, k)
            - _stirling(draws, n - k)
        )
        accepted = own.log(v * alpha / (a / (us * us) + b)) <= bound
        found = own.where(own.logical_and(inside, accepted), k, found)
    return found


def _stirling(draws: _Draws, k: Tensor) -> Tensor:
    """log(k!) less Stirling's (k + 1/2) log(k + 1) - (k + 1) + log(2 pi) / 2, to 10^-10."""
    own, number = draws.backend, draws.number
    # From 9 on by the series; below, by log of what the series for k + 8 lacks.
    z = k + 1.0
    y = z + 8.0
    product = z
    for i in range(1, 8):
        product = product * (z + float(i))
    square = y * y
    series = (number(1 / 12) - (number(1 / 360) - number(1 / 1260) / square) / square) / y
    shifted = (y - 0.5) * own.log(y) - y - (z - 0.5) * own.log(z) + z - own.log(product)
    # Of large k the logarithms cancel, and the series is exact by itself.
    z2 = z * z
    direct = (number(1 / 12) - (number(1 / 360) - number(1 / 1260) / z2) / z2) / z
    return own.where(k < 20.0, series + shifted, direct)
