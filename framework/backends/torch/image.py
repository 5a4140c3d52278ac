"""Image kernels in PyTorch: its own where they mean the same, none of NumPy in traced graphs."""

from typing import Any

import torch
from torch.nn import functional as F

from ..derived import image, resampling


class TorchImages(image.Images):
    """Resizing by torch's kernels; their places are computed in the dtype of the images."""

    def resize(self: Any, x, axes, size, method, antialias):
        smooth = resampling.smoothes(x.shape, axes, size, antialias)
        # torch's bicubic kernel has a = -0.5 with antialias only.
        if not (method == "bilinear" or (method == "bicubic" and smooth)) or 0 in x.shape:
            return image.Images.resize(self, x, axes, size, method, antialias)
        exact = x.dtype == torch.float64 or resampling.are_exact(x.shape, axes, size)
        wide = x if exact or x.device.type == "mps" else x.double()
        last = x.ndim - 1 not in (a % x.ndim for a in axes)
        batch = wide if x.ndim == 4 else wide.unsqueeze(0)
        batch = batch.permute(0, 3, 1, 2) if last else batch
        y = F.interpolate(batch, size, mode=method, align_corners=False, antialias=smooth)
        y = y.permute(0, 2, 3, 1) if last else y
        return (y if x.ndim == 4 else y.squeeze(0)).to(x.dtype)

    def resize_taps(self: Any, m, n, method, antialias):
        if not torch.compiler.is_compiling():
            return image.Images.resize_taps(self, m, n, method, antialias)
        places, weights = resampling.taps(self, m, n, method, antialias, "float64")
        if places.shape[1] > self.few_taps:
            return None
        return list(zip(places.unbind(1), weights.unbind(1), strict=True))

    def resize_matrix(self: Any, m, n, method, antialias, dtype):
        if not torch.compiler.is_compiling():
            return image.Images.resize_matrix(self, m, n, method, antialias, dtype)
        made = resampling.matrix(self, m, n, n / m, 0.0, method, antialias, "float64")
        return self.cast(made, dtype)
