"""Frames and spectra of signals, over the last axis.

Complex numbers come and go as pairs of real tensors, (real, imaginary), as in Keras. The transforms
are NumPy's (no factor forward, 1/n backward); float16 and bfloat16 are computed in float32.
"""

import math
from typing import Any

import numpy as np

from ..typing import TensorLike
from .checks import of_rank, one_of, rank_of
from .dispatch import Tensor, floating, promoted, tensor, together
from .errors import wrong
from .op import op

_HALVES = ("float16", "bfloat16")


def _single(backend: Any, x: Tensor) -> Tensor:
    return backend.cast(x, "float32") if backend.dtype(x) in _HALVES else x


def _count(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise wrong(name, value, "a positive integer")
    return int(value)


def _complex(x: Any, axes: int = 1) -> tuple[Any, Tensor, str]:
    """The backend, the complex tensor of a pair of float tensors, and their dtype."""
    if not isinstance(x, list | tuple) or len(x) != 2:
        raise wrong("x", x, "a tuple of two tensors: the real and the imaginary part")
    backend, real, imag = promoted(*(tensor(part)[1] for part in x))
    shapes = backend.static_shape(real), backend.static_shape(imag)
    same = len(shapes[0]) == len(shapes[1]) and all(
        None in pair or pair[0] == pair[1] for pair in zip(*shapes, strict=True)
    )
    if not same or len(shapes[0]) < axes:
        raise wrong("x", x, f"two tensors of one shape, of {axes} or more axes")
    name = backend.dtype(real)
    if not name.startswith(("float", "bfloat")):
        raise wrong("x", x, "two tensors of floats")
    return backend, backend.complex(_single(backend, real), _single(backend, imag)), name


def _pair(backend: Any, z: Tensor, name: str) -> tuple[Tensor, Tensor]:
    return backend.cast(backend.real(z), name), backend.cast(backend.imag(z), name)


@op
def fft(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Returns the discrete Fourier transform of x, a pair (real, imaginary), as such a pair."""
    backend, z, name = _complex(x)
    return _pair(backend, backend.fft(z), name)


@op
def fft2(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Returns the transform over the last two axes of x, a pair (real, imaginary), as such a
    pair.
    """
    backend, z, name = _complex(x, 2)
    return _pair(backend, backend.fft2(z), name)


@op
def ifft2(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Returns the inverse of `fft2`."""
    backend, z, name = _complex(x, 2)
    return _pair(backend, backend.ifft2(z), name)


def _length(given: Any, inferred: Any) -> Any:
    return inferred if given is None else _count(given, "fft_length")


@op
def rfft(x: TensorLike, fft_length: int | None = None) -> tuple[Tensor, Tensor]:
    """Returns the transform of real x (..., n), as a pair of (..., fft_length // 2 + 1) tensors.

    x is cut, or filled with zeros, to `fft_length`, which is n if None.
    """
    backend, x = floating(x)
    name = backend.dtype(x)
    if not rank_of(backend, x) or name.startswith("complex"):
        raise wrong("x", x, "a tensor of real numbers, of one axis or more")
    z = backend.rfft(_single(backend, x), _length(fft_length, backend.shape(x)[-1]))
    return _pair(backend, z, name)


@op
def irfft(x: TensorLike, fft_length: int | None = None) -> Tensor:
    """Returns the real (..., fft_length) whose `rfft` is x, a pair (real, imaginary) of (..., m)
    tensors.

    x is cut, or filled with zeros, to fft_length // 2 + 1; None is 2 (m - 1), which is even. The
    imaginary parts of the first frequency, and of the last if the length is even, count as 0.
    """
    backend, z, name = _complex(x)
    length = _length(fft_length, 2 * (backend.shape(z)[-1] - 1))
    return backend.cast(backend.irfft(z, length), name)


@op
def extract_sequences(x: TensorLike, sequence_length: int, sequence_stride: int) -> Tensor:
    """Returns frames of x (..., n): (..., frames, sequence_length), each `sequence_stride` after
    the last.

    There are 1 + (n - sequence_length) // sequence_stride of them, in whole frames.
    """
    backend, x = tensor(x)
    if not rank_of(backend, x):
        raise wrong("x", x, "a tensor of one axis or more")
    length = _count(sequence_length, "sequence_length")
    stride = _count(sequence_stride, "sequence_stride")
    return backend.extract_sequences(x, length, stride)


def _framing(sequence_length: Any, sequence_stride: Any, fft_length: Any) -> tuple[int, int, int]:
    length = _count(sequence_length, "sequence_length")
    stride = _count(sequence_stride, "sequence_stride")
    whole = _count(fft_length, "fft_length")
    if whole < length:
        raise wrong("fft_length", fft_length, f"at least sequence_length, {length}")
    return length, stride, whole


# The first and the second coefficient of the window's cosine.
_WINDOWS = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}


def _window(backend: Any, x: Tensor, window: Any, length: int, whole: int) -> Tensor:
    """The window of `length` for `x`, with zeros on both sides to fill `whole`."""
    name = backend.dtype(x)
    if isinstance(window, str):
        one_of(window, "window", *_WINDOWS)
        # Periodic, as spectra want them: the value after the last is the first.
        first, second = _WINDOWS[window]
        turn = 2 * math.pi / length
        window = [first - second * math.cos(turn * k) for k in range(length)] if length > 1 else [1]
    if isinstance(window, list):
        values = backend.asarray(window, name)  # in one step, which rounds once
    else:
        values = backend.cast(together(window, backend=backend)[1][0], name)
    of_rank(backend, values, "window", 1)
    if backend.static_shape(values) != (length,):
        raise wrong("window", window, f"a tensor of shape ({length},), as sequence_length says")
    values = backend.beside(values, x)
    before = (whole - length) // 2
    return backend.pad(values, [(before, whole - length - before)], "constant", 0)


@op
def stft(
    x: TensorLike,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> tuple[Tensor, Tensor]:
    """Returns the short-time Fourier transform of real x (..., n): a pair of (..., frames, bins)
    tensors.

    Frames of `fft_length`, `sequence_stride` apart, are multiplied by the window, which stands in
    their middle with `sequence_length` values ("hann", "hamming", both periodic, a tensor, or None
    for ones), and transformed by `rfft`: fft_length // 2 + 1 bins. With `center`, x is reflected by
    fft_length // 2 at both ends, so that frame t has its middle at t * sequence_stride. x is
    float32 or float64. The definition is `torch.stft`'s.
    """
    length, stride, whole = _framing(sequence_length, sequence_stride, fft_length)
    backend, x = tensor(x)
    name = backend.dtype(x)
    if name not in ("float32", "float64") or not rank_of(backend, x):
        raise wrong("x", x, "a float32 or float64 tensor of one axis or more")
    if center:
        pads = [(0, 0)] * (rank_of(backend, x) - 1) + [(whole // 2, whole // 2)]
        x = backend.pad(x, pads, "reflect", 0)
    size = backend.static_shape(x)[-1]
    if size is not None and size < whole:
        raise wrong("x", x, f"a signal no shorter than fft_length, {whole}")
    frames = backend.extract_sequences(x, whole, stride)
    if window is not None:
        frames = backend.multiply(frames, _window(backend, frames, window, length, whole))
    return _pair(backend, backend.rfft(frames, whole), name)


@op
def istft(
    x: TensorLike,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Tensor:
    """Returns the signal whose `stft` is nearest to x, a pair (real, imaginary) of (..., frames,
    bins).

    The frames' inverse transforms, times the window, are added up and divided by the sum of the
    squares of the windows, where that is above 1e-10 (Griffin and Lim, 1984); with `window` None
    they are added up as they are. With `center`, fft_length // 2 values at both ends are cut off.
    The result is cut, or filled with zeros, to `length` if that is given.
    """
    size, stride, whole = _framing(sequence_length, sequence_stride, fft_length)
    backend, z, name = _complex(x, 2)
    y = backend.irfft(z, whole)
    if window is None:
        y = backend.overlap_add(y, stride)
    else:
        values = _window(backend, y, window, size, whole)
        y = _weighted(backend, y, values, stride)
    start = whole // 2 if center else 0
    stop = backend.shape(y)[-1] - start
    y = y[..., start : stop if length is None else start + _count(length, "length")]
    if length is not None:
        y = _filled(backend, y, length)
    return backend.cast(y, name)


def _weighted(backend: Any, frames: Tensor, window: Tensor, stride: int) -> Tensor:
    """The sum of frames times the window, divided by that of the squares of the windows."""
    total = backend.overlap_add(backend.multiply(frames, window), stride)
    number, whole = backend.shape(frames)[-2:]
    squares = backend.broadcast_to(backend.square(window), (number, whole))
    weight = backend.overlap_add(squares, stride)
    one = backend.full_like(weight, 1, backend.dtype(weight))
    return backend.divide(total, backend.where(backend.greater(weight, 1e-10), weight, one))


def _filled(backend: Any, y: Tensor, length: int) -> Tensor:
    missing = length - backend.shape(y)[-1]
    if isinstance(missing, int) and not missing:
        return y
    return backend.pad(y, [(0, 0)] * (rank_of(backend, y) - 1) + [(0, missing)], "constant", 0)
