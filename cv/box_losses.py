"""How a detector without anchors learns: which places answer for which object, and the losses.

Task-aligned assignment (Feng et al. 2021, TOOD, arXiv:2108.07755), complete intersection over union
(Zheng et al. 2020, arXiv:1911.08287) and distribution focal loss (Li et al. 2020,
arXiv:2006.04388), with the constants of YOLOv8.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..framework import ops
from ..framework.typing import Tensor

CANDIDATES = 10  # places that answer for an object
SCORE_POWER, OVERLAP_POWER = 0.5, 6.0
BOX_GAIN, SCORE_GAIN, DISTANCE_GAIN = 7.5, 0.5, 1.5
_SMALL, _TINY = 1e-7, 1e-9
# Sides below the first number of pixels count as the second where places are looked for: else a
# small object may have none.
_LEAST_SIDE, _INSTEAD = 8.0, 16.0


class Assigned(NamedTuple):
    """What each place is to answer.

    Attributes:
        boxes: (batch, places, 4), of the object that the place answers for.
        scores: (batch, places, num_classes), 0 where it answers for none.
    """

    boxes: Tensor
    scores: Tensor


class DetectionLosses(NamedTuple):
    """The three losses of a batch, weighted by their gains: scalars."""

    box: Tensor
    score: Tensor
    distance: Tensor


def complete_iou(first: Tensor, second: Tensor) -> Tensor:
    """Returns the complete intersection over union of boxes, pair by pair.

    It is the IoU, less the squared distance of the middles over that of the corners of what holds
    both, less a term for the difference of their proportions, whose factor counts as a constant
    where gradients are taken.

    Args:
        first: (..., 4): left, top, right, bottom.
        second: (..., 4), of a shape that broadcasts.
    """
    low1, high1, low2, high2 = first[..., :2], first[..., 2:], second[..., :2], second[..., 2:]
    sides1, sides2 = ops.subtract(high1, low1), ops.subtract(high2, low2)
    width1, height1 = sides1[..., 0], ops.add(sides1[..., 1], _SMALL)
    width2, height2 = sides2[..., 0], ops.add(sides2[..., 1], _SMALL)
    inner = ops.maximum(ops.subtract(ops.minimum(high1, high2), ops.maximum(low1, low2)), 0.0)
    shared = ops.multiply(inner[..., 0], inner[..., 1])
    areas = ops.add(ops.multiply(width1, height1), ops.multiply(width2, height2))
    iou = ops.divide(shared, ops.add(ops.subtract(areas, shared), _SMALL))
    around = ops.subtract(ops.maximum(high1, high2), ops.minimum(low1, low2))
    diagonal = ops.add(ops.sum(ops.square(around), axis=-1), _SMALL)
    middles = ops.subtract(ops.add(low1, high1), ops.add(low2, high2))
    apart = ops.divide(ops.sum(ops.square(middles), axis=-1), 4.0)
    angle = ops.subtract(
        ops.arctan(ops.divide(width2, height2)), ops.arctan(ops.divide(width1, height1))
    )
    shape = ops.multiply(ops.square(angle), 4 / math.pi**2)
    factor = ops.stop_gradient(ops.divide(shape, ops.add(ops.subtract(shape, iou), 1 + _SMALL)))
    return ops.subtract(iou, ops.add(ops.divide(apart, diagonal), ops.multiply(shape, factor)))


def assign(
    scores: Tensor,
    boxes: Tensor,
    points: np.ndarray,
    true_boxes: Tensor,
    true_classes: Tensor,
) -> Assigned:
    """Chooses for each object the places that fit it best in score and in overlap.

    A place counts for an object when its middle lies in the object's box. Its rank is the score of
    the object's class to the power 0.5 times the overlap (complete IoU, at least 0) to the power 6;
    the ten best answer for the object. A place of several objects answers for the one that it
    overlaps most. The score to learn is the rank over the highest of the object's, times the
    highest overlap of the object's.

    Args:
        scores: (batch, places, num_classes), 0 to 1.
        boxes: (batch, places, 4), in pixels.
        points: (places, 2), the middles of places, in pixels.
        true_boxes: (batch, objects, 4), in pixels.
        true_classes: integers (batch, objects); -1 where there is no object.
    """
    num_classes, num_objects = scores.shape[-1], true_boxes.shape[1]
    there = ops.greater_equal(true_classes, 0)  # (batch, objects)
    classes = ops.maximum(true_classes, 0)
    inside = ops.logical_and(_inside(points, true_boxes), there[..., None])
    overlaps = ops.maximum(complete_iou(true_boxes[:, :, None], boxes[:, None]), 0.0)
    overlaps = ops.where(inside, overlaps, 0.0)  # (batch, objects, places)
    of_class = ops.take_along_axis(ops.transpose(scores, (0, 2, 1)), classes[..., None], axis=1)
    ranks = ops.multiply(
        ops.power(of_class, SCORE_POWER), ops.power(overlaps, OVERLAP_POWER)
    )  # 0 outside of the box
    best, _ = ops.top_k(ranks, min(CANDIDATES, boxes.shape[1]))
    taken = ops.logical_and(ops.greater_equal(ranks, best[..., -1:]), ops.greater(ranks, 0.0))
    number = ops.sum(ops.cast(taken, "int32"), axis=1, keepdims=True)  # (batch, 1, places)
    closest = ops.argmax(overlaps, axis=1)  # (batch, places)
    is_closest = ops.equal(
        ops.cast(closest, "int32")[:, None], np.arange(num_objects, dtype="int32")[:, None]
    )
    taken = ops.where(ops.greater(number, 1), is_closest, taken)
    owner = ops.argmax(ops.cast(taken, "int32"), axis=1)  # (batch, places)
    ranks = ops.where(taken, ranks, 0.0)
    highest = ops.max(ranks, axis=-1, keepdims=True)
    overlap = ops.max(ops.where(taken, overlaps, 0.0), axis=-1, keepdims=True)
    share = ops.divide(ops.multiply(ranks, overlap), ops.add(highest, _TINY))
    share = ops.max(share, axis=1)[..., None]  # (batch, places, 1), 0 where none answers
    labels = ops.take_along_axis(classes, owner, axis=1)
    target = ops.multiply(ops.one_hot(labels, num_classes, dtype=scores.dtype), share)
    return Assigned(ops.take_along_axis(true_boxes, owner[..., None], axis=1), target)


def _inside(points: np.ndarray, boxes: Tensor) -> Tensor:
    """Returns which places lie in which boxes, (batch, objects, places)."""
    low, high = boxes[..., :2], boxes[..., 2:]
    sides = ops.subtract(high, low)
    sides = ops.where(ops.less(sides, _LEAST_SIDE), _INSTEAD, sides)
    middle, half = ops.divide(ops.add(low, high), 2.0), ops.divide(sides, 2.0)
    low, high = ops.subtract(middle, half)[:, :, None], ops.add(middle, half)[:, :, None]
    gaps = ops.concatenate([ops.subtract(points, low), ops.subtract(high, points)], axis=-1)
    return ops.greater(ops.min(gaps, axis=-1), _TINY)


def detection_losses(
    logits: dict[str, Tensor],
    boxes: Tensor,
    points: np.ndarray,
    strides: np.ndarray,
    true_boxes: Tensor,
    true_classes: Tensor,
) -> DetectionLosses:
    """Returns the losses of a batch; their sum is what training makes smaller.

    Each is a sum over places, over the sum of the scores to learn: 1 - complete IoU and the
    distribution focal loss, both weighted by the score to learn, and the binary cross-entropy of
    all scores.

    Args:
        logits: "boxes", (batch, places, 4 * bins), and "scores", (batch, places, num_classes).
        boxes: (batch, places, 4), in pixels, of the same logits.
        points: (places, 2), the middles of places, in strides.
        strides: (places, 1).
        true_boxes: (batch, objects, 4), in pixels.
        true_classes: integers (batch, objects); -1 where there is no object.
    """
    scores = logits["scores"]
    found = assign(
        ops.sigmoid(ops.stop_gradient(scores)),
        ops.stop_gradient(boxes),
        points * strides,
        true_boxes,
        true_classes,
    )
    target, target_boxes = ops.stop_gradient(found.scores), ops.stop_gradient(found.boxes)
    total = ops.maximum(ops.sum(target), 1.0)
    # max(x, 0) - x * t + log(1 + exp(-|x|)), which no large logit overflows.
    entropy = ops.subtract(ops.softplus(scores), ops.multiply(scores, target))
    weight = ops.sum(target, axis=-1)  # (batch, places)
    overlap = complete_iou(ops.divide(boxes, strides), ops.divide(target_boxes, strides))
    distance = _distance_loss(logits["boxes"], ops.divide(target_boxes, strides), points)
    return DetectionLosses(
        _share(ops.multiply(ops.subtract(1.0, overlap), weight), total, BOX_GAIN),
        _share(entropy, total, SCORE_GAIN),
        _share(ops.multiply(distance, weight), total, DISTANCE_GAIN),
    )


def _share(values: Tensor, total: Tensor, gain: float) -> Tensor:
    return ops.multiply(ops.divide(ops.sum(values), total), gain)


def _distance_loss(logits: Tensor, boxes: Tensor, points: np.ndarray) -> Tensor:
    """Returns the mean cross-entropy of the four sides with the two bins beside each distance.

    Args:
        logits: (batch, places, 4 * bins).
        boxes: (batch, places, 4), in strides.
        points: (places, 2), in strides.
    """
    bins = logits.shape[-1] // 4
    shape = ops.shape(logits)
    shares = ops.log_softmax(ops.reshape(logits, (shape[0], shape[1], 4, bins)), axis=-1)
    distances = ops.concatenate(
        [ops.subtract(points, boxes[..., :2]), ops.subtract(boxes[..., 2:], points)], axis=-1
    )
    distances = ops.clip(distances, 0.0, bins - 1 - 0.01)[..., None]
    # 1 at the distance itself, falling to 0 one bin away: the weights of the two bins beside it.
    near = ops.subtract(1.0, ops.abs(ops.subtract(distances, np.arange(bins, dtype="float32"))))
    return ops.negative(
        ops.mean(ops.sum(ops.multiply(ops.maximum(near, 0.0), shares), axis=-1), axis=-1)
    )
