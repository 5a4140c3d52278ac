"""Small PyTorch modules for tests, and functions of them by subject."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn


class Convolutional(nn.Module):
    """A net with a normalization of batches, dropout, a buffer, and several outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.deep = nn.Conv2d(8, 8, 3, 2, 1, groups=8)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(8, 4)
        self.register_buffer("shift", torch.arange(4.0), persistent=False)

    def forward(self, x: Any, scale: Any = None) -> Any:
        x = functional.silu(self.norm(self.conv(x)))
        x = functional.max_pool2d(functional.relu_(self.deep(x)), 2)
        flat = functional.adaptive_avg_pool2d(x, 1).flatten(1)
        with torch.no_grad():
            side = flat[:, :4] * 2
        flat = self.head(self.drop(flat))
        flat = flat if scale is None else flat * scale
        return {
            "logits": flat,
            "nothing": None,
            "parts": flat.chunk(2, -1),
            "side": side + self.shift,
        }


class Encoder(nn.Module):
    """Two layers of a transformer over token ids, with one table for both of its ends."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=True)
        self.table = nn.Embedding(20, 16)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(16, 20, bias=False)
        self.out.weight = self.table.weight

    def forward(self, ids: Any, hidden: Any = None) -> Any:
        return self.out(self.layers(self.table(ids), src_key_padding_mask=hidden))


class Of(nn.Module):
    """A function as a module."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *xs: Any) -> Any:
        return self.function(*xs)


def moved(module: nn.Module) -> Any:
    """Returns the module with weights and running statistics that all count."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        for name, buffer in module.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.add_(torch.rand_like(buffer))
    return module


def arithmetic(x: Any, n: Any, flag: Any) -> Any:
    half = x.half()
    return {
        "add": x + n,
        "scaled": torch.add(x, n, alpha=2),
        "reverse": 3 - n,
        "quotient": n / 4,
        "floor": n // -3,
        "trunc": torch.div(n, -3, rounding_mode="trunc"),
        "remainder": n % -5,
        "fmod": torch.fmod(x, 0.3),
        "power": 2.0**x,
        "square": x**2,
        "scalar_last": half * torch.tensor(2.0),
        "mixed": half + x,
        "clamp": x.clamp(-0.2, 0.4),
        "floor_only": n.clamp(min=1),
        "where": torch.where(flag, x, 0.5),
        "filled": x.masked_fill(~flag, -1.0),
        "either": flag | (n > 2),
        "sums": n.sum(1),
        "spread": x.std(-1),
        "variance": x.var((0, 1), unbiased=False, keepdim=True),
        "norm": x.norm(dim=-1),
        "count": flag.sum(),
        "most": x.max(1)[0],
        "at": x.argmax(1),
        "running": n.cumsum(1),
        "histogram": torch.histc(x, 4, -1.0, 1.0),
    }


def forms(x: Any, n: Any, flag: Any) -> Any:
    y = x.clone()
    y[:, 1] = 0.0
    y[:, ::2] += 1.0
    put = x.clone()
    put[:, n[0, :2].clamp(0, 3)] = 5.0
    a, b, c = x.split([1, 2, 1], 1)
    return {
        "turned": x.transpose(0, 1),
        "stacked": torch.stack([a, c], 2),
        "joined": torch.cat([b, a], 1),
        "flipped": x.flip(1),
        "rolled": x.roll((1, 2), (0, 1)),
        "tiled": x.repeat(2, 1, 2),
        "each": x.repeat_interleave(2, 1),
        "padded": functional.pad(x[:, None], (1, 2), mode="replicate"),
        "cut": functional.pad(x, (-1, 1)),
        "lower": x[0, :, None].expand(4, 4).tril(-1),
        "windows": x.unfold(1, 2, 1),
        "picked": x[:, [0, 2]],
        "pairs": x[torch.arange(2)[:, None], n[:2, :2] % 4],
        "gathered": x.gather(1, (n % 4)[:, :2]),
        "put": put,
        "assigned": y,
        "scattered": torch.zeros_like(x).scatter(1, n[:, :1] % 4, 1.0),
        "added": torch.zeros_like(x).scatter_add(1, n % 4, x),
        **_scattered(x, n),
        "largest": x.topk(2)[1],
        "least": x.topk(2, largest=False)[0],
        "sorted": x.sort(descending=True)[0],
        "order": n.argsort(dim=1, descending=True, stable=True),
        "grid": torch.arange(0, x.shape[0] * 2, 2) + n[:, 0],
        "sum": torch.einsum("bi, bj -> ij", x, x),
        "filled": x.new_full((2, 3), 7),
    }


def _scattered(x: Any, n: Any) -> dict[str, Any]:
    """Elements joined at their places, with and without those that were there."""
    return {
        f"{reduce}_{old}_{name}": y.scatter_reduce(
            1, (n % 3)[:, :3], y.flip(1), reduce, include_self=old
        )
        for name, y in (("floats", x), ("ints", n))
        for reduce, old in (("sum", False), ("prod", False), ("amax", False), ("amin", False))
        + (("mean", True), ("mean", False))
    }


def images(x: Any) -> Any:
    size = (9, 7)
    up = functional.interpolate
    kernel = torch.linspace(-1, 1, 36).reshape(2, 2, 3, 3)
    return {
        "bilinear": up(x, size, mode="bilinear"),
        "corners": up(x, size, mode="bilinear", align_corners=True),
        "cubic": up(x, scale_factor=1.5, mode="bicubic"),
        "smooth": up(x, (3, 4), mode="bicubic", antialias=True),
        "nearest": up(x, scale_factor=2),
        "exact": up(x, size, mode="nearest-exact"),
        "mean": functional.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
        "real_mean": functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        "dilated": functional.max_pool2d(x, 2, 1, 0, 2),
        "ceil": functional.max_pool2d(x, 3, 2, 1, ceil_mode=True),
        "adaptive": functional.adaptive_avg_pool2d(x, (3, 2)),
        "columns": functional.unfold(x, 3, 1, 1, 2),
        "shuffled": functional.pixel_shuffle(torch.cat([x, x], 1), 2),
        "same": functional.conv2d(x, kernel, padding="same"),
        "transposed": functional.conv_transpose2d(x, kernel, None, 2, 1, 1),
        "grouped": functional.conv_transpose2d(x, kernel[:, :1], None, 3, 0, 1, 2),
        "reflected": functional.pad(x, (1, 2, 2, 1), mode="reflect"),
        "group_norm": functional.group_norm(x, 2),
        "instance": functional.instance_norm(x),
        "unpooled": functional.max_unpool2d(
            *functional.max_pool2d(x, 2, return_indices=True), 2, output_size=(6, 5)
        ),
        "places": functional.max_pool2d(x, 3, 2, 1, return_indices=True)[1],
        "sampled": functional.grid_sample(
            x, x[:, :, :4, :4].permute(0, 2, 3, 1).tanh(), align_corners=False
        ),
    }


def activations(x: Any) -> Any:
    names = (
        "celu elu gelu hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish relu6 selu silu "
        "softplus softsign tanhshrink"
    ).split()
    found = {name: getattr(functional, name)(3 * x) for name in names}
    found["steep"] = functional.softplus(9 * x, 3.0, 5.0)
    found["glu"] = functional.glu(x, 1)
    found["log_softmax"] = x.log_softmax(-1)
    found["bilinear"] = functional.bilinear(x, 2 * x, torch.arange(32.0).reshape(2, 4, 4) / 32)
    table, bags = torch.arange(12.0).reshape(6, 2) / 12, torch.tensor([[0, 5, 1], [2, 2, 4]])
    for mode in ("sum", "mean", "max"):
        found[f"{mode}_of_bags"] = functional.embedding_bag(bags, table, mode=mode) + x[:, :2]
    found["rms_norm"] = functional.rms_norm(x, x.shape[-1:])
    mask = x[:, None] > 0
    heads = x[:, None, :, None].expand(-1, 2, -1, 3)
    attend = functional.scaled_dot_product_attention
    found["causal"] = attend(heads * 2, heads, heads + 1, is_causal=True)
    found["masked"] = attend(heads, heads, heads, (mask | True)[:, :, None].float(), scale=0.3)
    return found


def transforms(x: Any) -> Any:
    """x (batch, rows, columns)."""
    half, whole = torch.fft.rfft(x, norm="ortho"), torch.fft.fft2(x, norm="forward")
    parts = {
        "half": half,
        "longer": torch.fft.rfft(x, n=9, dim=1),
        "both": torch.fft.rfft2(x),
        "whole": whole,
        "back": torch.fft.ifft(whole, dim=1),
        "heard": torch.stft(x.flatten(1), 8, 4, window=torch.hann_window(8), return_complex=True),
    }
    found = {name: torch.view_as_real(part) for name, part in parts.items()}
    found["real"] = torch.fft.irfft(half, n=x.shape[-1], norm="ortho")
    found["real2"] = torch.fft.irfft2(torch.fft.rfft2(x) * 2, s=x.shape[1:])
    return found


def subjects() -> dict[str, tuple[Any, Any]]:
    """Returns subject -> (function, inputs)."""
    torch.manual_seed(1)
    x, n = torch.randn(2, 4), torch.tensor([[3, -7, 2, 5], [0, 4, -1, 4]])
    return {
        "arithmetic": (arithmetic, (x, n, x > 0)),
        "forms": (forms, (x, n, x > 0)),
        "images": (images, (torch.randn(2, 2, 6, 5),)),
        "activations": (activations, (x,)),
        "transforms": (transforms, (torch.randn(2, 6, 5),)),
    }
