"""Spectra of signals."""

from .dispatch import Tensor, floating, tensor
from .op import op


@op
def rfft(x, fft_length: int | None = None) -> Tensor:
    """The discrete Fourier transform of real signals over the last axis: (…, length // 2 + 1)."""
    backend, x = floating(x)
    return backend.rfft(x, x.shape[-1] if fft_length is None else fft_length)


@op
def irfft(x, fft_length: int | None = None) -> Tensor:
    """The real signals whose rfft is `x`, over the last axis."""
    backend, x = tensor(x)
    return backend.irfft(x, 2 * (x.shape[-1] - 1) if fft_length is None else fft_length)
