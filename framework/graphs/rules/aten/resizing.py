"""Images in other sizes, sampled at places, and as columns of windows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .... import ops
from ...calls import Call, rank_of
from ...registry import RULES
from ..images import resized
from .binding import aten, pair


def _resized(
    call: Call, x: Any, sizes: Any, mode: str, transform: str, scales: Any, antialias: bool = False
) -> Any:
    axes = list(range(2, rank_of(x)))
    how = {
        "mode": mode,
        "transform": transform,
        "nearest": "floor" if transform == "asymmetric" else "round_prefer_ceil",
        # Keys' kernel: a = -0.5 where it may widen, as in Pillow, else -0.75.
        "cubic": -0.5 if antialias else -0.75,
        "exclude": antialias,
        "antialias": antialias,
    }
    # Places follow from the scales that were asked for, where there are such.
    return resized(call, x, axes, scales, None if scales else list(sizes), None, how)


def _linear(call: Call, x: Any, sizes: Any, align: bool, scales: Any, mode: str) -> Any:
    transform = "align_corners" if align else "half_pixel"
    return _resized(call, x, sizes, mode, transform, scales)


def _scales(given: tuple[Any, ...]) -> list[Any] | None:
    """Scales that are given one by one, or in a list."""
    if len(given) == 1 and isinstance(given[0], list):
        return given[0]
    return None if not given or any(s is None for s in given) else list(given)


@aten(
    "upsample_bilinear2d",
    "upsample_linear1d",
    "upsample_trilinear3d",
    "upsample_bilinear2d.vec",
    "upsample_linear1d.vec",
    "upsample_trilinear3d.vec",
)
def _bilinear(call: Call, x: Any, sizes: Any, align: bool, *scales: Any) -> Any:
    return _linear(call, x, sizes, align, _scales(scales), "linear")


@aten("upsample_bicubic2d", "upsample_bicubic2d.vec")
def _bicubic(call: Call, x: Any, sizes: Any, align: bool, *scales: Any) -> Any:
    return _linear(call, x, sizes, align, _scales(scales), "cubic")


@aten("_upsample_bicubic2d_aa", "_upsample_bicubic2d_aa.vec")
def _bicubic_smoothed(call: Call, x: Any, sizes: Any, align: bool, *scales: Any) -> Any:
    transform = "align_corners" if align else "half_pixel"
    return _resized(call, x, sizes, "cubic", transform, _scales(scales), True)


@aten("_upsample_bilinear2d_aa", "_upsample_bilinear2d_aa.vec")
def _bilinear_smoothed(call: Call, x: Any, sizes: Any, align: bool, *scales: Any) -> Any:
    transform = "align_corners" if align else "half_pixel"
    return _resized(call, x, sizes, "linear", transform, _scales(scales), True)


@aten(
    "upsample_nearest1d",
    "upsample_nearest2d",
    "upsample_nearest3d",
    "upsample_nearest1d.vec",
    "upsample_nearest2d.vec",
    "upsample_nearest3d.vec",
)
def _nearest(call: Call, x: Any, sizes: Any, *scales: Any) -> Any:
    return _resized(call, x, sizes, "nearest", "asymmetric", _scales(scales))


@aten(
    "_upsample_nearest_exact1d",
    "_upsample_nearest_exact2d",
    "_upsample_nearest_exact1d.vec",
    "_upsample_nearest_exact2d.vec",
)
def _nearest_exact(call: Call, x: Any, sizes: Any, *scales: Any) -> Any:
    return _resized(call, x, sizes, "nearest", "half_pixel", _scales(scales))


@aten("im2col")
def _columns(call: Call, x: Any, size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    return ops.unfold(x, size, dilation, padding, stride)


@aten("col2im")
def _from_columns(
    call: Call, x: Any, output: Any, size: Any, dilation: Any, padding: Any, stride: Any
) -> Any:
    return ops.fold(x, pair(output), size, dilation, padding, stride)


@aten("grid_sampler_2d", "grid_sampler_3d")
def _sampled(call: Call, x: Any, grid: Any, mode: int, padding: int, align: bool) -> Any:
    """Elements at places that a grid (batch, *output, axes) names from -1 to 1, as ONNX has it."""
    attributes = {
        "mode": ("linear", "nearest", "cubic")[mode],
        "padding_mode": ("zeros", "border", "reflection")[padding],
        "align_corners": int(align),
    }
    named = Call(replace(call.node, attributes=attributes), call.run)
    return RULES["", "GridSample"].function(named, x, grid)
