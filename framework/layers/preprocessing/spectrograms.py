"""Spectrograms of sound: MelSpectrogram and STFTSpectrogram."""

import math
import warnings
from typing import Any

import numpy as np

from ... import config, initializers, ops
from ...core.input_spec import InputSpec
from ...core.keras_tensor import KerasTensor
from .. import windows
from ..described import Described
from .data_layer import DataLayer

# The mel scale of the Hidden Markov Model Toolkit: 1127 ln(1 + f / 700 Hz).
_MEL_FACTOR, _MEL_BREAK = 1127.0, 700.0


class MelSpectrogram(DataLayer):
    """Computes the mel spectrogram of sound (samples,) or (batch, samples).

    The result is (num_mel_bins, frames), or (batch, num_mel_bins, frames): powers of the short-time
    Fourier transform, `ops.stft` with centred frames, gathered by triangles on HTK's mel scale, and
    in decibels where `power_to_db` is set. In decibels nothing lies more than `top_db` below the
    greatest value of all.

    Args:
        fft_length: samples of a transform.
        sequence_stride: samples from one frame to the next.
        sequence_length: samples of the window; `fft_length` if None.
        window: "hann", "hamming", an array, or None for ones.
        sampling_rate: samples per second.
        num_mel_bins: the number of triangles.
        min_freq: where the first triangle begins, in hertz.
        max_freq: where the last one ends; half the sampling rate if None.
        power_to_db: whether the result is in decibels.
        top_db: how far below the greatest value the least one may lie, in decibels.
        mag_exp: the power of the magnitudes: 1 for magnitudes, 2 for power.
        min_power: the least power that decibels are taken of.
        ref_power: the power of 0 decibels.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: a window that is longer than a transform.
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length, self.sequence_stride = fft_length, sequence_stride
        self.sequence_length = sequence_length or fft_length
        if self.fft_length < self.sequence_length:
            raise ValueError(
                "`fft_length` must be greater than or equal to `sequence_length`. Received: "
                f"`sequence_length`={self.sequence_length}, `fft_length`={self.fft_length}."
            )
        self.window, self.sampling_rate, self.num_mel_bins = window, sampling_rate, num_mel_bins
        self.min_freq, self.max_freq = min_freq, max_freq or int(sampling_rate / 2)
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, top_db, mag_exp
        self.min_power, self.ref_power = min_power, ref_power

    def call(self, inputs: Any) -> Any:
        """Returns the mel spectrogram of sound, (..., samples)."""
        # The transform knows two dtypes.
        dtype = self.compute_dtype if self.compute_dtype == "float64" else "float32"
        real, imaginary = ops.stft(
            ops.cast(inputs, dtype),
            self.sequence_length,
            self.sequence_stride,
            self.fft_length,
            self.window,
        )
        powers = ops.add(ops.square(real), ops.square(imaginary))
        if self.mag_exp != 2:
            powers = ops.power(powers, self.mag_exp / 2)
        triangles = self.linear_to_mel_weight_matrix(
            self.num_mel_bins,
            self.fft_length // 2 + 1,
            self.sampling_rate,
            self.min_freq,
            self.max_freq,
            dtype,
        )
        found = ops.matmul(powers, triangles)
        if self.power_to_db:
            found = self._decibels(found)
        return ops.cast(ops.swapaxes(found, -1, -2), self.compute_dtype)

    def _decibels(self, powers: Any) -> Any:
        reference = 10.0 * math.log10(max(abs(self.ref_power), self.min_power))
        found = ops.multiply(ops.log10(ops.maximum(powers, self.min_power)), 10.0)
        found = ops.subtract(found, reference)
        return ops.maximum(found, ops.subtract(ops.max(found), self.top_db))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the shape of the spectrograms."""
        *lead, samples = input_shape
        whole, stride = self.fft_length, self.sequence_stride
        # Both ends are extended by half a transform.
        frames = None if samples is None else (samples + whole // 2 * 2 - whole) // stride + 1
        return (*lead, self.num_mel_bins, frames)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns the shape and dtype of the spectrograms."""
        self.built = True
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> Any:
        """Returns the triangles as a matrix (num_spectrogram_bins, num_mel_bins).

        Each triangle has height 1, and begins and ends in the middle of its neighbours on the mel
        scale; the bin of frequency 0 belongs to none.

        Args:
            num_mel_bins: the number of triangles.
            num_spectrogram_bins: the number of frequencies from 0 to half the sampling rate.
            sampling_rate: samples per second.
            lower_edge_hertz: where the first triangle begins.
            upper_edge_hertz: where the last one ends.
            dtype: of the matrix.
        """
        place = _mel(np.linspace(0, sampling_rate / 2, num_spectrogram_bins))[1:, None]
        edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
        lower, middle, upper = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (place - lower) / (middle - lower), (upper - place) / (upper - middle)
        found = np.pad(np.maximum(0, np.minimum(rising, falling)), [(1, 0), (0, 0)])
        return ops.convert_to_tensor(found, dtype)


def _mel(hertz: Any) -> Any:
    return _MEL_FACTOR * np.log1p(np.asarray(hertz, np.float64) / _MEL_BREAK)


_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class STFTSpectrogram(Described):
    """Computes spectrograms of sound by convolutions, whose kernels may be trained.

    The inputs are (batch, samples, channels), or (batch, channels, samples) with "channels_first".
    The result is (batch, frames, channels * frequencies), or (batch, channels * frequencies,
    frames); with `expand_dims` (batch, frames, frequencies, channels), or (batch, channels, frames,
    frequencies). There are fft_length // 2 + 1 frequencies, twice as many in the mode "stft".

    Args:
        mode: "real", "imag", "angle" and "stft" (both parts, one behind the other) of the
            transform; "magnitude"; "log", its logarithm; "psd", the power of both sides.
        frame_length: samples of a frame.
        frame_step: samples from one frame to the next; frame_length // 2 if None.
        fft_length: samples of a transform; the power of two from `frame_length` on if None.
        window: the name of a window of `scipy.signal.get_window`, an array, or None for ones.
        periodic: whether the window is periodic rather than symmetric.
        scaling: "density", "spectrum" or None; see `initializers.STFT`.
        padding: "valid" or "same".
        expand_dims: whether channels and frequencies have axes of their own.
        data_format: "channels_last" or "channels_first"; the setting if None.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: arguments out of range; TypeError, when called, for inputs that are no floats.
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        _check_sizes(frame_length, frame_step, fft_length)
        if mode not in _MODES:
            raise ValueError(
                f"Output mode is invalid, it must be one of {', '.join(_MODES)}. Received: "
                f"mode={mode}"
            )
        if padding not in ("valid", "same"):
            raise ValueError(
                f"Padding is invalid, it should be 'valid', 'same'. Received: padding={padding}"
            )
        super().__init__(**kwargs)
        self.mode, self.frame_length, self.frame_step = mode, frame_length, frame_step
        self.fft_length, self.window, self.periodic = fft_length, window, periodic
        self.scaling, self.padding, self.expand_dims = scaling, padding, expand_dims
        self.data_format = windows.data_format_of(data_format)
        self.input_spec = InputSpec(ndim=3)
        # An unknown window or scaling is told of at once.
        self._parts = {
            side: initializers.STFT(side, window, scaling, periodic) for side in ("real", "imag")
        }

    def build(self, input_shape: Any) -> None:
        """Makes the kernels of the parts that the mode needs."""
        whole = self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))
        shape = (self.frame_length, 1, whole // 2 + 1)
        if self.mode != "imag":
            self.real_kernel = self.add_weight(
                shape, self._parts["real"], name="real_kernel", memory_format="conv"
            )
        if self.mode != "real":
            self.imag_kernel = self.add_weight(
                shape, self._parts["imag"], name="imag_kernel", memory_format="conv"
            )

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the shape of the spectrograms."""
        last = self.data_format == "channels_last"
        batch, first, second = input_shape
        samples, channels = (first, second) if last else (second, first)
        whole = self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))
        frequencies = (whole // 2 + 1) * (2 if self.mode == "stft" else 1)
        step = self.frame_step or self.frame_length // 2
        frames = None
        if samples is not None:
            same = self.padding == "same"
            frames = -(-samples // step) if same else (samples - self.frame_length) // step + 1
        if self.expand_dims:
            rest = (frames, frequencies, channels) if last else (channels, frames, frequencies)
            return (batch, *rest)
        joined = None if channels is None else channels * frequencies
        return (batch, frames, joined) if last else (batch, joined, frames)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns the shape and dtype of the spectrograms; builds the layer."""
        self._check_inputs((inputs,), {})
        if not self.built:
            self.build(inputs.shape)
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def call(self, inputs: Any) -> Any:
        """Returns the spectrograms of sound."""
        dtype = ops.dtype(inputs)
        if dtype not in ("float16", "float32", "float64"):
            raise TypeError(
                "Invalid input type. Expected `float16`, `float32` or `float64`. Received: input "
                f"type={dtype}"
            )
        if self.mode == "real":
            return self._arranged(self._part(inputs, self.real_kernel))
        if self.mode == "imag":
            return self._arranged(self._part(inputs, self.imag_kernel))
        real = self._part(inputs, self.real_kernel)
        imaginary = self._part(inputs, self.imag_kernel)
        if self.mode == "angle":
            return self._arranged(ops.arctan2(imaginary, real))
        if self.mode == "stft":
            return self._arranged(ops.concatenate([real, imaginary], axis=-1))
        power = ops.add(ops.square(real), ops.square(imaginary))
        if self.mode == "psd":  # the other side has all frequencies but the first and the last
            inner = ops.pad(power[..., 1:-1], [(0, 0)] * 3 + [(1, 1)])
            return self._arranged(ops.add(power, inner))
        found = self._arranged(ops.sqrt(ops.maximum(power, config.epsilon())))
        if self.mode == "magnitude":
            return found
        return ops.log(ops.maximum(found, config.epsilon()))

    def _part(self, inputs: Any, kernel: Any) -> Any:
        """A part of the transform of all frames: (batch, channels, frames, frequencies)."""
        if self.data_format == "channels_last":
            inputs = ops.swapaxes(inputs, 1, 2)
        _, channels, samples = ops.shape(inputs)
        found = ops.conv(
            ops.reshape(inputs, (-1, samples, 1)),
            ops.cast(kernel, ops.dtype(inputs)),
            strides=self.frame_step or self.frame_length // 2,
            padding=self.padding,
            data_format="channels_last",
        )
        _, frames, frequencies = ops.shape(found)
        return ops.reshape(found, (-1, channels, frames, frequencies))

    def _arranged(self, x: Any) -> Any:
        """(batch, channels, frames, frequencies) in the order of the result."""
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return ops.transpose(x, (0, 2, 3, 1)) if last else x
        x = ops.transpose(x, (0, 2, 1, 3) if last else (0, 1, 3, 2))
        _, first, second, third = ops.shape(x)
        return ops.reshape(x, (-1, first, second * third) if last else (-1, first * second, third))


def _check_sizes(frame_length: int, frame_step: int | None, fft_length: int | None) -> None:
    if frame_step is not None and not 1 <= frame_step <= frame_length:
        raise ValueError(
            "`frame_step` should be a positive integer not greater than `frame_length`. Received "
            f"frame_step={frame_step}, frame_length={frame_length}"
        )
    if fft_length is not None and fft_length < frame_length:
        raise ValueError(
            "`fft_length` should be not less than `frame_length`. Received fft_length="
            f"{fft_length}, frame_length={frame_length}"
        )
    if fft_length is not None and fft_length & -fft_length != fft_length:
        warnings.warn(
            f"`fft_length` is recommended to be a power of two. Received fft_length={fft_length}",
            stacklevel=4,
        )
