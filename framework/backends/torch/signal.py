"""Frames and segments on PyTorch."""

import torch

from ..derived.signal import identity

_TOP = -(2**63)
_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)  # types that torch has no kernels for


def _spectrum(function):
    """A transform of the last axis, which MKL refuses for no signals at all."""

    def transform(self, x, *length):
        if x.numel() or not x.shape[-1]:
            return function(x, *length)
        y = function(x.new_zeros((*(n or 1 for n in x.shape[:-1]), x.shape[-1])), *length)
        return y.new_empty((*x.shape[:-1], y.shape[-1]))

    return transform


class TorchSignal:
    """Kernels of signals and segments."""

    fft = _spectrum(torch.fft.fft)
    fft2 = _spectrum(torch.fft.fft2)
    ifft2 = _spectrum(torch.fft.ifft2)
    rfft = _spectrum(torch.fft.rfft)
    irfft = _spectrum(torch.fft.irfft)

    def extract_sequences(self, x, length, stride):
        if x.shape[-1] < length:
            return x.new_empty((*x.shape[:-1], 0, length))
        return x.unfold(-1, length, stride)

    def beside(self, values, x):
        return values.to(x.device)

    def count_segments(self, ids):
        return max(int(ids.max()) + 1, 0) if ids.numel() else 0

    def segment_reduce(self, kind, data, ids, number, sorted):
        if data.dtype in _UNSIGNED:
            wide = data.to(torch.int64)
            if kind not in ("max", "min"):
                return self.segment_reduce(kind, wide, ids, number, sorted).to(data.dtype)
            if data.dtype == torch.uint64:  # the highest bit turned over puts them in order
                return (self.segment_reduce(kind, wide ^ _TOP, ids, number, sorted) ^ _TOP).to(
                    data.dtype
                )
            most = torch.iinfo(data.dtype).max
            return (
                self.segment_reduce(kind, wide, ids, number, sorted).clamp(0, most).to(data.dtype)
            )
        ids = ids.long()
        ids = torch.where((ids >= 0) & (ids < number), ids, number)
        start = identity(kind, str(data.dtype).removeprefix("torch."))
        out = data.new_full((number + 1, *data.shape[1:]), start)
        if kind == "sum":
            return out.index_add(0, ids, data)[:number]
        places = ids.reshape(-1, *(1,) * (data.ndim - 1)).expand(data.shape)
        name = {"max": "amax", "min": "amin"}.get(kind, kind)
        return out.scatter_reduce(0, places, data, name)[:number]
