"""Boxes that come into a layer, and MaxNumBoundingBoxes."""

from typing import Any

from .... import ops


def densified(bounding_boxes: Any) -> dict[str, Any]:
    """Returns boxes and their labels as tensors with one number of boxes for all images.

    Lists of different lengths, and ragged tensors, are filled up with boxes of zeros and labels -1.
    Raises ValueError for another structure and for shapes that do not fit.
    """
    boxes = labels = None
    if isinstance(bounding_boxes, dict):
        boxes, labels = bounding_boxes.get("boxes"), bounding_boxes.get("labels")
    if boxes is None or labels is None:
        raise ValueError(
            "Expected `bounding_boxes` argument to be a dict with keys 'boxes' and 'labels'. "
            f"Received: bounding_boxes={bounding_boxes}"
        )
    if isinstance(boxes, list | tuple):
        boxes, labels = _filled(boxes, labels)
    elif hasattr(boxes, "to_tensor"):  # TensorFlow's ragged tensors
        if not hasattr(labels, "to_tensor"):
            raise ValueError(
                "If `bounding_boxes['boxes']` is a Ragged tensor, `bounding_boxes['labels']` must "
                f"also be a Ragged tensor. Received: bounding_boxes['labels']={labels}"
            )
        shape = [None] * (len(boxes.shape) - 1) + [4]
        boxes, labels = boxes.to_tensor(0, shape=shape), labels.to_tensor(-1)
    boxes, labels = ops.cast(boxes, "float32"), ops.convert_to_tensor(labels)
    rank, label_rank = len(boxes.shape), len(labels.shape)
    if rank not in (2, 3):
        raise ValueError(
            "Expected `bounding_boxes['boxes']` to have rank 2 or 3, with shape (num_boxes, 4) or "
            f"(batch_size, num_boxes, 4). Received: boxes.shape={tuple(boxes.shape)}"
        )
    if label_rank not in (rank - 1, rank):
        raise ValueError(
            f"Found bounding_boxes['boxes'].shape={tuple(boxes.shape)} and expected "
            f"bounding_boxes['labels'] to have rank {rank - 1} or {rank}, but received: "
            f"bounding_boxes['labels'].shape={tuple(labels.shape)}"
        )
    return {**bounding_boxes, "boxes": boxes, "labels": labels}


def _filled(boxes: Any, labels: Any) -> tuple[Any, Any]:
    """Lists of boxes and labels, those of each image as long as the longest."""
    if not isinstance(labels, list | tuple):
        raise ValueError(
            "If `bounding_boxes['boxes']` is a list, then `bounding_boxes['labels']` must also be "
            f"a list. Received: bounding_boxes['labels']={labels}"
        )
    if len(boxes) != len(labels):
        raise ValueError(
            "If `bounding_boxes['boxes']` and `bounding_boxes['labels']` are both lists, they must "
            f"have the same length. Received: len(boxes)={len(boxes)}, len(labels)={len(labels)}"
        )
    depth, first = 0, boxes
    while isinstance(first, list | tuple) and len(first):
        depth, first = depth + 1, first[0]
    if depth < 3:  # the boxes of one image, or tensors
        return boxes, labels
    most = max(len(b) for b in boxes)
    return (
        [[*b, *([[0, 0, 0, 0]] * (most - len(b)))] for b in boxes],
        [[*n, *([-1] * (most - len(n)))] for n in labels],
    )
