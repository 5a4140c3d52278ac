"""How far boxes overlap."""

import math
from typing import Any

from .. import ops
from ..config import epsilon
from ..typing import Tensor, TensorLike
from .formats import convert_format


def _size(name: str, bounding_box_format: str, image_shape: Any) -> tuple[Any, Any]:
    if image_shape is not None:
        return tuple(image_shape)[:2]  # pyright: ignore[reportReturnType]
    if "rel" in bounding_box_format:
        raise ValueError(
            "When using relative bounding box formats (e.g. `rel_yxyx`) the `image_shape` argument "
            f"must be provided. Received: image_shape={image_shape} for {name}()."
        )
    return None, None


def compute_iou(
    boxes1: TensorLike,
    boxes2: TensorLike,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Any = None,
) -> Tensor:
    """Returns the intersection over the union of each box with each other box.

    Args:
        boxes1: (boxes1, 4) or (batch, boxes1, 4).
        boxes2: (boxes2, 4) or (batch, boxes2, 4).
        bounding_box_format: of both, see `convert_format`.
        use_masking: whether pairs with a box whose numbers are all negative give `mask_val`.
        mask_val: what stands for them.
        image_shape: (height, width, channels), needed for relative formats.

    Returns float32 (boxes1, boxes2), with the batch in front if one of the two has it. Raises
    ValueError for other ranks, and for a size that is missing.
    """
    ranks = len(ops.shape(boxes1)), len(ops.shape(boxes2))
    for number, rank in enumerate(ranks, 1):
        if rank not in (2, 3):
            raise ValueError(
                f"compute_iou() expects boxes{number} to be batched, or to be unbatched: of rank 2 "
                f"or 3. Received len(boxes1.shape)={ranks[0]}, len(boxes2.shape)={ranks[1]}."
            )
    height, width = _size("compute_iou", bounding_box_format, image_shape)
    first, second = (
        convert_format(x, bounding_box_format, "xyxy", height, width) for x in (boxes1, boxes2)
    )
    # Each box of the first along rows, of the second along columns.
    first, second = ops.expand_dims(first, -2), ops.expand_dims(second, -3)
    shared = _area(
        ops.maximum(first[..., :2], second[..., :2]), ops.minimum(first[..., 2:], second[..., 2:])
    )
    areas = [_extent(x[..., :2], x[..., 2:]) for x in (first, second)]
    union = areas[0] + areas[1] - shared
    found = ops.divide(shared, union + epsilon())
    if not use_masking:
        return found
    empty = [ops.less(ops.max(x, axis=-1), 0.0) for x in (first, second)]
    return ops.where(ops.logical_or(*empty), float(mask_val), found)


def _extent(low: Tensor, high: Tensor) -> Tensor:
    """The product of the differences along the last axis, of two numbers."""
    sides = high - low
    return sides[..., 0] * sides[..., 1]


def _area(low: Tensor, high: Tensor) -> Tensor:
    """The area between two corners, 0 where they stand the wrong way round."""
    return _extent(low, ops.maximum(low, high))


def compute_ciou(
    boxes1: TensorLike, boxes2: TensorLike, bounding_box_format: str, image_shape: Any = None
) -> Tensor:
    """Returns the complete intersection over union (Zheng et al. 2020) of boxes, pair by pair.

    Args:
        boxes1, boxes2: (..., 4), of shapes that broadcast.
        bounding_box_format: see `convert_format`.
        image_shape: (height, width, channels), needed for relative formats.

    Returns float32 (...): the IoU, less the distance of the middles over the diagonal of what holds
    both, squared, less a term for the difference of their proportions.
    """
    height, width = _size("compute_ciou", bounding_box_format, image_shape)
    first, second = (
        convert_format(x, bounding_box_format, "xyxy", height, width) for x in (boxes1, boxes2)
    )
    small = epsilon()
    low, high = (x[..., :2] for x in (first, second)), (x[..., 2:] for x in (first, second))
    (low1, low2), (high1, high2) = low, high
    sides1, sides2 = high1 - low1, high2 - low2
    (width1, height1), (width2, height2) = (
        (s[..., 0], s[..., 1] + small) for s in (sides1, sides2)
    )
    shared = _area(ops.maximum(low1, low2), ops.minimum(high1, high2))
    union = width1 * height1 + width2 * height2 - shared + small
    iou = shared / (union + small)
    around = ops.maximum(high1, high2) - ops.minimum(low1, low2)
    diagonal = ops.sum(ops.square(around), axis=-1) + small
    apart = ops.sum(ops.square((low1 + high1) / 2.0 - (low2 + high2) / 2.0), axis=-1)
    angle = ops.arctan(width2 / height2) - ops.arctan(width1 / height1)
    shape = (4 / math.pi**2) * ops.square(angle)
    share = shape / (shape - iou + (1 + small))
    return iou - (apart / diagonal + shape * share)
