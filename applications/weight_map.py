"""Rows of weight maps that image models share."""

from __future__ import annotations

from typing import Any

from ..hub.transforms import Transform, conv2d, depthwise_conv2d, expand, transpose
from ..hub.weight_map import Row

HEAD: dict[str, Any] = {"optional": True, "head": True}
"""How the rows of the layer that scores classes are marked."""

POINT = (transpose, expand(0), expand(0))
"""Linear: (out, in) <-> the kernel of a 1x1 convolution, (1, 1, in, out)."""

Names = str | tuple[str, ...]
"""The name of a module, or alternatives; see `Row`."""


def parted(theirs: Names, part: str) -> Names:
    """Returns the name of a module's part, or of each alternative's."""
    if isinstance(theirs, str):
        return f"{theirs}.{part}"
    return tuple(f"{name}.{part}" for name in theirs)


def torch_norm(theirs: Names, ours: str) -> list[Row]:
    """Returns the rows of one `torch.nn.BatchNorm2d`; its count of batches is dropped."""
    return [
        *torch_layer_norm(theirs, ours),
        Row(parted(theirs, "running_mean"), f"{ours}.moving_mean"),
        Row(parted(theirs, "running_var"), f"{ours}.moving_variance"),
        Row(parted(theirs, "num_batches_tracked"), None),
    ]


def torch_layer_norm(theirs: Names, ours: str) -> list[Row]:
    """Returns the rows of one `torch.nn.LayerNorm`."""
    return [
        Row(parted(theirs, "weight"), f"{ours}.gamma"),
        Row(parted(theirs, "bias"), f"{ours}.beta"),
    ]


def torch_conv(theirs: Names, ours: str, bias: bool = False) -> list[Row]:
    """Returns the rows of one `torch.nn.Conv2d` that is a `Conv2D`, grouped or not."""
    return torch_dense(theirs, ours, conv2d, bias)


def torch_depthwise(theirs: Names, ours: str) -> list[Row]:
    """Returns the row of one `torch.nn.Conv2d` that is a `DepthwiseConv2D`."""
    return torch_dense(theirs, ours, depthwise_conv2d(), bias=False)


def torch_dense(
    theirs: Names,
    ours: str,
    steps: Transform | tuple[Transform, ...] = transpose,
    bias: bool = True,
    **marks: Any,
) -> list[Row]:
    """Returns the rows of one `torch.nn.Linear`, or of another layer with a kernel and a bias.

    Args:
        theirs: name of the module.
        ours: path of the layer.
        steps: between their weight and our kernel.
        bias: whether there is one.
        **marks: of the rows, such as `HEAD`.
    """
    rows = [Row(parted(theirs, "weight"), f"{ours}.kernel", steps, **marks)]
    return rows + [Row(parted(theirs, "bias"), f"{ours}.bias", **marks)] * bias
