"""Non-maximum suppression: of boxes that overlap, the one with the highest score stays."""

from __future__ import annotations

from typing import Any

from ..framework import ops
from ..framework.typing import Tensor, TensorLike


def non_max_suppression(
    boxes: TensorLike,
    scores: TensorLike,
    classes: TensorLike | None = None,
    *,
    score_threshold: float | Tensor = 0.25,
    iou_threshold: float | Tensor = 0.7,
    max_boxes: int = 300,
) -> tuple[Tensor, Tensor]:
    """Chooses boxes by falling scores and drops those that overlap one that was chosen.

    The greedy rule: the box with the highest score that is left is chosen (of equal ones the
    first), and all boxes of its class whose intersection with it is more than `iou_threshold` times
    their union are dropped, until none is left or `max_boxes` are chosen. The shapes of the results
    do not depend on the values, so that it may be compiled.

    Args:
        boxes: (batch, boxes, 4): left, top, right, bottom.
        scores: (batch, boxes).
        classes: integers (batch, boxes), or None where all boxes are of one class.
        score_threshold: of 0 to 1, a number or a scalar tensor; boxes whose score is not above it
            are left out.
        iou_threshold: of 0 to 1, a number or a scalar tensor.
        max_boxes: the most boxes of each image.

    Returns:
        indices: int32 (batch, max_boxes), which boxes were chosen, by falling scores; -1 behind the
            last one.
        counts: int32 (batch,), how many they are.

    Raises:
        ValueError: a threshold or a number outside its range.
    """
    known = [x for x in (score_threshold, iou_threshold) if isinstance(x, int | float)]
    if max_boxes < 1 or not all(0 <= x <= 1 for x in known):
        raise ValueError(
            "The thresholds must lie between 0 and 1, and `max_boxes` be positive; got "
            f"{score_threshold}, {iou_threshold} and {max_boxes}."
        )
    boxes, scores = ops.convert_to_tensor(boxes), ops.convert_to_tensor(scores)
    sides = ops.subtract(boxes[..., 2:], boxes[..., :2])
    areas = ops.multiply(sides[..., 0], sides[..., 1])  # (batch, boxes)
    places = ops.arange(max_boxes, dtype="int32")
    batch, count = ops.shape(scores)[:2]
    numbers = ops.arange(count, dtype="int32")
    # Made here: a loop in torch's programs takes tensors, but holds no constants.
    zero, nothing = ops.zeros((), scores.dtype), ops.full((), -1.0, dtype=scores.dtype)
    nowhere = ops.full((), -1, dtype="int32")

    def goes_on(step: Any, left: Tensor, chosen: Tensor) -> Tensor:
        return ops.logical_and(ops.less(step, max_boxes), ops.any(ops.greater_equal(left, 0.0)))

    def choose(step: Any, left: Tensor, chosen: Tensor) -> tuple[Any, Tensor, Tensor]:
        best = ops.cast(ops.argmax(left, axis=-1), "int32")[:, None]  # (batch, 1)
        some = ops.greater_equal(ops.take_along_axis(left, best, axis=1), 0.0)
        box = ops.take_along_axis(boxes, best[..., None], axis=1)  # (batch, 1, 4)
        shared = ops.maximum(
            ops.subtract(
                ops.minimum(boxes[..., 2:], box[..., 2:]), ops.maximum(boxes[..., :2], box[..., :2])
            ),
            zero,
        )
        shared = ops.multiply(shared[..., 0], shared[..., 1])
        union = ops.subtract(ops.add(areas, ops.take_along_axis(areas, best, axis=1)), shared)
        dropped = ops.greater(shared, ops.multiply(union, iou_threshold))
        if classes is not None:
            same = ops.equal(classes, ops.take_along_axis(classes, best, axis=1))
            dropped = ops.logical_and(dropped, same)
        dropped = ops.logical_or(dropped, ops.equal(numbers, best))
        left = ops.where(dropped, nothing, left)
        best = ops.where(some, best, nowhere)
        return step + 1, left, ops.where(ops.equal(places, step), best, chosen)

    left = ops.where(ops.greater(scores, score_threshold), scores, -1.0)
    chosen = ops.full((batch, max_boxes), -1, dtype="int32")
    start = ops.zeros((), "int32")
    _, _, chosen = ops.while_loop(goes_on, choose, (start, left, chosen), max_boxes)
    return chosen, ops.sum(ops.cast(ops.greater_equal(chosen, 0), "int32"), axis=-1)
