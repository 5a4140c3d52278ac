"""Initializers that draw nothing."""

import math
from typing import Any

import numpy as np

from .base import Initializer


class Constant(Initializer):
    """One value everywhere, or an array that broadcasts to the weight's shape."""

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Returns the value, broadcast to the shape."""
        return np.broadcast_to(np.asarray(self.value), shape)


class Zeros(Initializer):
    """Zero everywhere."""

    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Returns zeros."""
        return np.zeros(shape)


class Ones(Initializer):
    """One everywhere."""

    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Returns ones."""
        return np.ones(shape)


class Identity(Initializer):
    """`gain` on the diagonal of a matrix and zero elsewhere. ValueError for another rank."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Returns gain * the identity, of two sizes."""
        if len(shape) != 2:
            raise ValueError(
                "Identity matrix initializer can only be used for 2D matrices. Received: "
                f"shape={shape} of rank {len(shape)}."
            )
        return self.gain * np.eye(*shape)


class STFT(Initializer):
    """The kernel of a convolution that computes one part of a short-time Fourier transform.

    The shape is (frame length, input channels, frequencies): element (t, c, k) is the cosine (the
    side "real") or sine ("imag") of -2 pi t k / n, with n = 2 (frequencies - 1), times the window.

    Args:
        side: "real" or "imag".
        window: the name of a window of `scipy.signal.get_window`, an array, or None.
        scaling: what the kernel is divided by: "density" the window's Euclidean norm, "spectrum"
            its sum, None one.
        periodic: whether the window is periodic rather than symmetric.
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"side should be 'real' or 'imag', not {side}")
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(
                "Scaling is invalid, it must be `None`, 'density' or 'spectrum'. "
                f"Received scaling={scaling}"
            )
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic
        if isinstance(window, str):
            self._window(1)  # an unknown name is told of at once

    def _window(self, length: int) -> np.ndarray:
        if not isinstance(self.window, str):
            return np.asarray(self.window, np.float64)
        from scipy.signal import get_window

        # Keras hands its flag on as scipy's `fftbins`.
        return np.asarray(get_window(self.window, length, self.periodic))

    def array(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Returns the kernel. ValueError for a window of another length."""
        length, channels, frequencies = shape
        angle = -2 * math.pi * np.outer(np.arange(length), np.arange(frequencies))
        angle = angle / ((frequencies - 1) * 2)
        kernel = np.cos(angle) if self.side == "real" else np.sin(angle)
        if self.window is not None:
            window = self._window(length)
            if window.shape != (length,):
                raise ValueError(
                    "The shape of `window` must be equal to [frame_length]. Received: window "
                    f"shape={window.shape}, frame_length={length}"
                )
            kernel = kernel * window[:, None]
            if self.scaling == "density":
                kernel = kernel / math.sqrt((window**2).sum())
            elif self.scaling == "spectrum":
                kernel = kernel / np.abs(window).sum()
        return np.broadcast_to(kernel[:, None], shape)
