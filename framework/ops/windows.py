"""Windows of signals: weights that fall off towards both ends, as NumPy defines them."""

import numpy as np

from .. import config
from ..backends.base import Spec
from ..typing import TensorLike
from .checks import of_rank
from .conversion import convert_to_numpy
from .dispatch import Tensor, tensor
from .op import shaped


def _length_unknown(x, *_, **__) -> Spec:
    return Spec((None,), config.floatx())


def _window(function, x, *settings) -> Tensor:
    """A window of length `x`, computed in float64 on the host and rounded to the default float."""
    backend, x = tensor(x)
    of_rank(backend, x, "x", 0, 1)
    length = int(np.ravel(convert_to_numpy(x))[0])
    return backend.asarray(function(max(length, 0), *settings), config.floatx())


@shaped(_length_unknown)
def bartlett(x: TensorLike) -> Tensor:
    """Returns the triangle that falls to zero at both ends, of `x` points."""
    return _window(np.bartlett, x)


@shaped(_length_unknown)
def blackman(x: TensorLike) -> Tensor:
    """Computes 0.42 - 0.5 cos(2 pi n / (x - 1)) + 0.08 cos(4 pi n / (x - 1)) for n = 0 ... x -
    1.
    """
    return _window(np.blackman, x)


@shaped(_length_unknown)
def hamming(x: TensorLike) -> Tensor:
    """Computes 0.54 - 0.46 cos(2 pi n / (x - 1)) for n = 0 ... x - 1."""
    return _window(np.hamming, x)


@shaped(_length_unknown)
def hanning(x: TensorLike) -> Tensor:
    """Computes 0.5 - 0.5 cos(2 pi n / (x - 1)) for n = 0 ... x - 1."""
    return _window(np.hanning, x)


@shaped(_length_unknown)
def kaiser(x: TensorLike, beta: TensorLike) -> Tensor:
    """Computes I0(beta sqrt(1 - (2 n / (x - 1) - 1)**2)) / I0(beta) for n = 0 ... x - 1.

    I0 is the modified Bessel function of order 0; the larger `beta`, the narrower the window.
    """
    return _window(np.kaiser, x, float(np.ravel(convert_to_numpy(beta))[0]))
