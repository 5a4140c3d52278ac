"""Boxes told by how they differ from anchors, as detectors learn them."""

from typing import Any

from .. import ops
from ..config import epsilon
from ..typing import Tensor, TensorLike
from .formats import convert_format

_ENCODINGS = ("center_xywh", "center_yxhw")


def _checked(encoding: str, name: str, variance: Any) -> Any:
    """The variance as a tensor of four numbers, or None. ValueError for other arguments."""
    if encoding not in _ENCODINGS:
        raise ValueError(
            f"`{name}` should be one of 'center_xywh' or 'center_yxhw', got {encoding}"
        )
    if variance is None:
        return None
    found = ops.convert_to_tensor(variance, "float32")
    if len(found.shape) == 0 or found.shape[-1] != 4:
        raise ValueError(f"`variance` must be length 4, got {variance}")
    return found


def encode_box_to_deltas(
    anchors: TensorLike,
    boxes: TensorLike,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: TensorLike | None = None,
    image_shape: Any = None,
) -> Tensor:
    """Returns how boxes differ from anchors: middles in sizes of the anchor, sizes by logarithms.

    Args:
        anchors, boxes: (..., boxes, 4).
        anchor_format, box_format: see `convert_format`.
        encoding_format: "center_yxhw" or "center_xywh", the order of the four numbers.
        variance: four numbers, by which the result is divided.
        image_shape: (height, width, channels), needed for relative formats.

    Returns float32 (..., boxes, 4). Definition of Ren et al. 2015 (Faster R-CNN). Raises ValueError
    for other arguments.
    """
    divisor = _checked(encoding_format, "encoding_format", variance)
    height, width = (None, None) if image_shape is None else image_shape[:2]
    anchors = convert_format(anchors, anchor_format, encoding_format, height, width)
    boxes = convert_format(boxes, box_format, encoding_format, height, width)
    anchor_size = ops.maximum(anchors[..., 2:], epsilon())
    size = ops.maximum(boxes[..., 2:], epsilon())
    middle = (boxes[..., :2] - anchors[..., :2]) / anchor_size
    deltas = ops.concatenate([middle, ops.log(size / anchor_size)], axis=-1)
    return deltas if divisor is None else ops.divide(deltas, divisor)


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: TensorLike | None = None,
    image_shape: Any = None,
) -> Any:
    """Returns the boxes that differ from anchors so: the inverse of `encode_box_to_deltas`.

    `anchors` and `boxes_delta` may be dicts with the same keys, such as the levels of a pyramid;
    the result is then a dict, too. For the other arguments see there.
    """
    factor = _checked(encoded_format, "encoded_format", variance)
    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {
            key: decode_deltas_to_boxes(
                anchor, boxes_delta[key], anchor_format, box_format, encoded_format, variance,
                image_shape,
            )
            for key, anchor in anchors.items()
        }  # fmt: skip
    height, width = (None, None) if image_shape is None else image_shape[:2]
    anchor = convert_format(anchors, anchor_format, encoded_format, height, width)
    deltas = ops.cast(boxes_delta, "float32")
    if factor is not None:
        deltas = ops.multiply(deltas, factor)
    size = anchor[..., 2:]
    middle = deltas[..., :2] * size + anchor[..., :2]
    boxes = ops.concatenate([middle, ops.exp(deltas[..., 2:]) * size], axis=-1)
    return convert_format(boxes, encoded_format, box_format, height, width)
