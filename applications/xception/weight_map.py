"""Where Xception's weights lie in files of timm, which calls this network `legacy_xception`."""

from __future__ import annotations

from ...hub.transforms import conv2d, depthwise_conv2d
from ...hub.weight_map import Row
from ..constructor import Arguments, Network
from ..weight_map import HEAD, torch_conv, torch_dense, torch_norm

# timm's blocks that halve the image have a shortcut with weights; ours are numbered.
_SHORTCUTS = (1, 2, 3, 12)


def timm(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for timm's names."""
    rows = []
    for i in (1, 2):
        rows += torch_conv(f"conv{i}", f"net.block1_conv{i}")
        rows += torch_norm(f"bn{i}", f"net.block1_conv{i}_bn")
        rows += _separable(f"conv{i + 2}", f"net.block14_sepconv{i}")
        rows += torch_norm(f"bn{i + 2}", f"net.block14_sepconv{i}_bn")
    for block in range(1, 13):
        # A list of (activation, convolution, normalization); the first has no activation.
        first = 0 if block == 1 else 1
        for i in range(2 if block in _SHORTCUTS else 3):
            theirs, ours = f"block{block}.rep", f"net.block{block + 1}_sepconv{i + 1}"
            rows += _separable(f"{theirs}.{first + 3 * i}", ours)
            rows += torch_norm(f"{theirs}.{first + 3 * i + 1}", f"{ours}_bn")
    for i, block in enumerate(_SHORTCUTS):
        number = f"_{i}" if i else ""
        rows += torch_conv(f"block{block}.skip", f"net.conv2d{number}")
        rows += torch_norm(f"block{block}.skipbn", f"net.batch_normalization{number}")
    return rows + torch_dense("fc", "net.predictions", **HEAD)


def _separable(theirs: str, ours: str) -> list[Row]:
    return [
        Row(f"{theirs}.conv1.weight", f"{ours}.depthwise_kernel", depthwise_conv2d()),
        Row(f"{theirs}.pointwise.weight", f"{ours}.pointwise_kernel", conv2d),
    ]
