"""Boxes that move with their image: cut to it, cropped, padded, rotated and sheared."""

import math
from typing import Any

from .. import ops
from ..ops import joining
from ..typing import Tensor, TensorLike
from .formats import checked_format, convert_format


def clip_to_image_size(
    bounding_boxes: dict[str, Any],
    height: TensorLike | None = None,
    width: TensorLike | None = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:
    """Returns boxes cut at the borders of their image; what lies outside gets the label -1.

    Args:
        bounding_boxes: a dict of "boxes" (..., 4) and perhaps "labels" (...); it is copied.
        height, width: the image's size in pixels; not needed for relative formats.
        bounding_box_format: see `convert_format`.

    Raises ValueError for another format, and where a size is needed and missing.
    """
    source = checked_format(bounding_box_format)
    relative = source.startswith("rel_")
    if not relative and (height is None or width is None):
        raise ValueError(
            f"`height` and `width` must be set if `format='{source}'`. Received: height={height}, "
            f"width={width}"
        )
    edges = "rel_xyxy" if relative else "xyxy"
    given = bounding_boxes["boxes"]
    if source != edges:
        given = convert_format(given, source, edges, 1, 1)
    boxes = _clipped(given, 1.0 if relative else height, 1.0 if relative else width)
    found = {**bounding_boxes, "boxes": boxes}
    labels = bounding_boxes.get("labels")
    if labels is not None:
        area = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
        found["labels"] = ops.where(ops.greater(area, 0), labels, -1)
    if source != edges:
        found["boxes"] = convert_format(boxes, edges, source, 1, 1)
    return found


def _clipped(boxes: TensorLike, height: Any, width: Any) -> Tensor:
    """Boxes (left, top, right, bottom), each number between 0 and the size."""
    x1, y1, x2, y2 = joining.split(boxes, 4, -1)
    high = [ops.cast(n, ops.dtype(x1)) for n in (width, height)]
    x1, x2 = (ops.clip(x, 0, high[0]) for x in (x1, x2))
    y1, y2 = (ops.clip(y, 0, high[1]) for y in (y1, y2))
    return ops.concatenate([x1, y1, x2, y2], axis=-1)


def _moved(boxes: TensorLike, right: Any, down: Any) -> Tensor:
    """Boxes (left, top, right, bottom), moved."""
    x1, y1, x2, y2 = joining.split(boxes, 4, -1)
    parts = [ops.add(x1, right), ops.add(y1, down), ops.add(x2, right), ops.add(y2, down)]
    return ops.concatenate(parts, axis=-1)


def _in_pixels(name: str, bounding_box_format: str) -> str:
    """A format that knows nothing of the image's size. ValueError for a relative one."""
    found = checked_format(bounding_box_format)
    if found.startswith("rel_"):
        raise ValueError(
            f"{name}() changes the size of the image, so that boxes relative to it would mean "
            f"another thing. Received: bounding_box_format={bounding_box_format!r}. Convert the "
            'boxes first: convert_format(boxes, ..., target="xyxy").'
        )
    return found


def crop(
    boxes: TensorLike,
    top: TensorLike,
    left: TensorLike,
    height: TensorLike,
    width: TensorLike,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Returns boxes (..., 4) as they lie in a part of their image, cut at its borders.

    Args:
        boxes: in pixels.
        top, left: where the part begins.
        height, width: its size.
        bounding_box_format: see `convert_format`.

    Raises ValueError for relative formats.
    """
    source = _in_pixels("crop", bounding_box_format)
    if source != "xyxy":
        boxes = convert_format(boxes, source, "xyxy")
    found = _clipped(_moved(boxes, ops.negative(left), ops.negative(top)), height, width)
    return found if source == "xyxy" else convert_format(found, "xyxy", source)


def pad(
    boxes: TensorLike,
    top: TensorLike,
    left: TensorLike,
    height: TensorLike | None = None,
    width: TensorLike | None = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Returns boxes (..., 4) as they lie in their image with pixels put around it.

    Args:
        boxes: in pixels.
        top, left: how many rows and columns stand in front.
        height, width: the size of what was made, which changes nothing.
        bounding_box_format: see `convert_format`.

    Raises ValueError for relative formats.
    """
    source = _in_pixels("pad", bounding_box_format)
    if source != "xyxy":
        boxes = convert_format(boxes, source, "xyxy")
    found = _moved(boxes, left, top)
    return found if source == "xyxy" else convert_format(found, "xyxy", source)


def affine_transform(
    boxes: TensorLike,
    angle: TensorLike,
    translate_x: TensorLike,
    translate_y: TensorLike,
    scale: TensorLike,
    shear_x: TensorLike,
    shear_y: TensorLike,
    height: TensorLike,
    width: TensorLike,
    center_x: TensorLike | None = None,
    center_y: TensorLike | None = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Returns the boxes around what boxes become when their images are turned, moved and sheared.

    Args:
        boxes: (batch, boxes, 4).
        angle: degrees, (batch,), as are all that follow but the sizes.
        translate_x, translate_y: in shares of the image's size.
        scale: the factor of its size.
        shear_x, shear_y: degrees.
        height, width: the image's size in pixels.
        center_x, center_y: what stays where it is, in shares of the size; the middle if None.
        bounding_box_format: see `convert_format`.

    Returns boxes of the same shape and format, in the dtype of `angle`: each holds the four corners
    after M = R(angle - shear_y) / cos(shear_y) with the shear along x. Definition of Keras.
    """
    source = checked_format(bounding_box_format)
    if source != "xyxy":
        boxes = convert_format(boxes, source, "xyxy", height, width)
    dtype = ops.dtype(angle)
    width_1, height_1 = (ops.subtract(ops.cast(n, dtype), 1) for n in (width, height))
    cx = ops.multiply(0.5 if center_x is None else center_x, width_1)
    cy = ops.multiply(0.5 if center_y is None else center_y, height_1)
    turn, sx, sy = (ops.multiply(ops.negative(a), math.pi / 180) for a in (angle, shear_x, shear_y))
    rest = ops.subtract(turn, sy)
    a, c = ops.cos(rest) / ops.cos(sy), -ops.sin(rest) / ops.cos(sy)
    b, d = a * ops.tan(sx) + ops.sin(turn), ops.cos(turn) - c * ops.tan(sx)
    rows = [(ops.multiply(d, scale), ops.multiply(-b, scale))]
    rows.append((ops.multiply(-c, scale), ops.multiply(a, scale)))
    from_x = ops.subtract(cx, ops.multiply(translate_x, width_1))
    from_y = ops.subtract(cy, ops.multiply(translate_y, height_1))
    x1, y1, x2, y2 = joining.split(ops.cast(boxes, dtype), 4, -1)
    xs, ys = (ops.concatenate(p, axis=-1) for p in ([x1, x2, x2, x1], [y1, y1, y2, y2]))
    found = []
    for (by_x, by_y), middle in zip(rows, (cx, cy), strict=True):
        shift = ops.subtract(middle, by_x * from_x + by_y * from_y)
        found.append(xs * _row(by_x) + ys * _row(by_y) + _row(shift))
    parts = [f(x, axis=-1, keepdims=True) for f in (ops.min, ops.max) for x in found]
    made = ops.concatenate(parts, axis=-1)
    return made if source == "xyxy" else convert_format(made, "xyxy", source, height, width)


def _row(x: Tensor) -> Tensor:
    """(batch,) as (batch, 1, 1)."""
    return ops.reshape(x, (-1, 1, 1))
