"""The formats of boxes, and the way from one to another."""

from collections.abc import Callable
from typing import Any

from .. import ops
from ..ops import joining
from ..typing import DType, Tensor, TensorLike

# What the four numbers of a box are, by the name of its format.
_ORDERS = {
    "xyxy": ("left", "top", "right", "bottom"),
    "yxyx": ("top", "left", "bottom", "right"),
    "xywh": ("left", "top", "width", "height"),
    "center_xywh": ("x", "y", "width", "height"),
    "center_yxhw": ("y", "x", "height", "width"),
}
_RELATIVE = ("xyxy", "yxyx", "xywh", "center_xywh")
SUPPORTED_FORMATS = (*_ORDERS, *(f"rel_{name}" for name in _RELATIVE))

_Sizes = tuple[Any, Any]


def checked_format(name: Any) -> str:
    """Returns the name of a format in lower case. ValueError for any other thing."""
    found = name.lower() if isinstance(name, str) else name
    if found not in SUPPORTED_FORMATS:
        raise ValueError(
            f"Invalid source or target format. Supported formats: {SUPPORTED_FORMATS}. Received: "
            f"{name!r}"
        )
    return found


def convert_format(
    boxes: Any,
    source: str,
    target: str,
    height: TensorLike | None = None,
    width: TensorLike | None = None,
    dtype: DType = "float32",
) -> Any:
    """Returns boxes in another format.

    Args:
        boxes: (..., 4), or a dict whose "boxes" are such, which is copied.
        source, target: "xyxy" (left, top, right, bottom), "yxyx", "xywh" (left, top, width,
            height), "center_xywh" (the middle and the size) or "center_yxhw", in pixels; or
            "rel_xyxy", "rel_yxyx", "rel_xywh" or "rel_center_xywh", in shares of the image's size.
        height, width: the image's size in pixels, numbers or tensors that broadcast with
            (..., 1); needed between pixels and shares.
        dtype: of the result.

    Raises ValueError for another format, for boxes of other than four numbers, and where a size is
    needed and missing.
    """
    if isinstance(boxes, dict):
        made = convert_format(boxes["boxes"], source, target, height, width, dtype)
        return {**boxes, "boxes": made}
    boxes = ops.cast(boxes, dtype)
    if boxes.shape[-1] != 4:
        raise ValueError(
            "`boxes` must be a tensor with the last dimension of 4. Received: "
            f"boxes.shape={tuple(boxes.shape)}"
        )
    source, target = checked_format(source), checked_format(target)
    if source == target:
        return boxes
    shares = source.startswith("rel_"), target.startswith("rel_")
    if any(shares) and (height is None or width is None):
        raise ValueError(
            "convert_format() must receive `height` and `width` transforming between relative and "
            f"absolute formats. Received: source={source!r}, target={target!r}, height={height}, "
            f"width={width}."
        )
    source, target = source.removeprefix("rel_"), target.removeprefix("rel_")
    edges = _edges(boxes, source)
    if shares[0] != shares[1]:
        scale: Callable[..., Tensor] = ops.multiply if shares[0] else ops.divide
        size = [ops.cast(n, dtype) for n in (width, height, width, height)]
        edges = [scale(edge, n) for edge, n in zip(edges, size, strict=True)]
    return _numbers(edges, target)


def _edges(boxes: Tensor, source: str) -> list[Tensor]:
    """Left, top, right and bottom, each (..., 1)."""
    part = dict(zip(_ORDERS[source], joining.split(boxes, 4, -1), strict=True))
    if source.startswith("center"):
        half_width, half_height = part["width"] / 2.0, part["height"] / 2.0
        x, y = part["x"], part["y"]
        return [x - half_width, y - half_height, x + half_width, y + half_height]
    if "width" in part:
        part["right"] = part["left"] + part["width"]
        part["bottom"] = part["top"] + part["height"]
    return [part[name] for name in _ORDERS["xyxy"]]


def _numbers(edges: list[Tensor], target: str) -> Tensor:
    """Boxes of these edges, (..., 4)."""
    left, top, right, bottom = edges
    part = dict(zip(_ORDERS["xyxy"], edges, strict=True))
    if "width" in _ORDERS[target]:
        part["width"], part["height"] = right - left, bottom - top
        part["x"], part["y"] = left + part["width"] / 2.0, top + part["height"] / 2.0
    return ops.concatenate([part[name] for name in _ORDERS[target]], axis=-1)
