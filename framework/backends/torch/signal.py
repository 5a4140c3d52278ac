"""Frames and segments on PyTorch."""

import torch

from ..derived.signal import identity

_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)  # types that torch has no kernels for


class TorchSignal:
    """Kernels of signals and segments."""

    def extract_sequences(self, x, length, stride):
        if x.shape[-1] < length:
            return x.new_empty((*x.shape[:-1], 0, length))
        return x.unfold(-1, length, stride)

    def count_segments(self, ids):
        return max(int(ids.max()) + 1, 0) if ids.numel() else 0

    def segment_reduce(self, kind, data, ids, number, sorted):
        if data.dtype in _UNSIGNED:
            wide = self.segment_reduce(kind, data.to(torch.int64), ids, number, sorted)
            return wide.to(data.dtype)
        ids = ids.long()
        ids = torch.where((ids >= 0) & (ids < number), ids, number)
        start = identity(kind, str(data.dtype).removeprefix("torch."))
        out = data.new_full((number + 1, *data.shape[1:]), start)
        if kind == "sum":
            return out.index_add(0, ids, data)[:number]
        places = ids.reshape(-1, *(1,) * (data.ndim - 1)).expand(data.shape)
        name = {"max": "amax", "min": "amin"}.get(kind, kind)
        return out.scatter_reduce(0, places, data, name)[:number]
