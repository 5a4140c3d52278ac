"""Boxes: formats by hand, overlaps and moves as Keras has them, and back."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from isozoo import ops
from isozoo.utils import bounding_boxes as ours

theirs = keras.utils.bounding_boxes
_draws = np.random.default_rng(0)


def _random_boxes(*shape):
    """Boxes in an image of height 20 and width 30, (left, top, right, bottom)."""
    corners = np.sort(_draws.uniform(0, 20, (*shape, 2, 2)), axis=-2)
    return corners.reshape(*shape, 4).astype("float32")


X, Y = _random_boxes(2, 5), _random_boxes(2, 4)
# Numbers up to 30 after some ten roundings.
ATOL = 30 * 10 * np.finfo("float32").eps
BOX = [3.0, 2.0, 9.0, 12.0]
FORMATS = {
    "xyxy": BOX,
    "yxyx": [2, 3, 12, 9],
    "xywh": [3, 2, 6, 10],
    "center_xywh": [6, 7, 6, 10],
    "center_yxhw": [7, 6, 10, 6],
    "rel_xyxy": [0.1, 0.1, 0.3, 0.6],
    "rel_yxyx": [0.1, 0.1, 0.6, 0.3],
    "rel_xywh": [0.1, 0.1, 0.2, 0.5],
    "rel_center_xywh": [0.2, 0.35, 0.2, 0.5],
}


def _near(found, wanted, atol=ATOL):
    found = ops.convert_to_numpy(found)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, np.asarray(wanted), rtol=0, atol=atol)


def test_formats(backend):
    for source, box in FORMATS.items():
        for target, wanted in FORMATS.items():
            given = np.array([box], "float32")
            _near(ours.convert_format(given, source, target, 20, 30), [wanted])
    given = {"boxes": X, "labels": np.zeros((2, 5), "int32")}
    found = ours.convert_format(given, "XYXY", "yxyx")
    assert given["boxes"] is X and found["labels"] is given["labels"]
    _near(found["boxes"], X[..., [1, 0, 3, 2]], 0)
    # A size for each image of a batch.
    sizes = np.array([[[20.0]], [[40.0]]], "float32"), np.array([[[30.0]], [[15.0]]], "float32")
    wanted = X / np.concatenate([sizes[1], sizes[0]] * 2, -1)
    _near(ours.convert_format(X, "xyxy", "rel_xyxy", *sizes), wanted)


def test_moves(backend):
    small = np.array([[[-3, 5, 12, 40], [31, 2, 35, 8]]], "float32")
    given = {"boxes": small, "labels": np.array([[6, 7]], "int32")}
    found = ours.clip_to_image_size(given, 20, 30)
    _near(found["boxes"], [[[0, 5, 12, 20], [30, 2, 30, 8]]], 0)
    assert ops.convert_to_numpy(found["labels"]).tolist() == [[6, -1]]
    shares = {"boxes": ours.convert_format(small, "xyxy", "rel_xywh", 20, 30)}
    found = ours.clip_to_image_size(shares, bounding_box_format="rel_xywh")
    _near(found["boxes"], [[[0, 0.25, 0.4, 0.75], [1, 0.1, 0, 0.3]]], 1e-6)
    _near(ours.crop(small, 4, 2, 10, 8), [[[0, 1, 8, 10], [8, 0, 8, 4]]], 0)
    _near(ours.pad(small, 4, 2), [[[-1, 9, 14, 44], [33, 6, 37, 12]]], 0)
    _near(ours.pad(FORMATS["xywh"], 1, 2, bounding_box_format="xywh"), [5, 3, 6, 10], 0)
    # A quarter turn around the middle of a square of 11 pixels.
    zero, one, box = np.zeros(1, "float32"), np.ones(1, "float32"), [[[1.0, 2, 4, 3]]]
    quarter = ours.affine_transform(box, one * 90, zero, zero, one, zero, zero, 11, 11)
    _near(quarter, np.asarray([[[2, 6, 3, 9]]], "float32"), 1e-5)
    draws = np.random.default_rng(1)
    limits = (30, 0.3, 0.3, 0.5, 20, 20)
    numbers = [draws.uniform(-n, n, 2).astype("float32") for n in limits]
    numbers[3] += 1.0
    for center in ({}, {"center_x": 0.2, "center_y": 0.7}):
        wanted = np.asarray(theirs.affine_transform(X, *numbers, 20, 30, **center))
        _near(ours.affine_transform(X, *numbers, 20, 30, **center), wanted, 4 * ATOL)


def test_overlaps(backend):
    half = np.array([[0, 0, 4, 4]], "float32"), np.array([[2, 0, 6, 4], [8, 8, 9, 9]], "float32")
    _near(ours.compute_iou(*half, "xyxy"), [[1 / 3, 0]], 1e-6)
    pairs = (X, Y), (X[0], Y), (X, Y[0]), (X[0], Y[0])
    for x, y in pairs if backend == "numpy" else pairs[1:2]:
        _near(ours.compute_iou(x, y, "xyxy"), theirs.compute_iou(x, y, "xyxy"), 1e-5)
    masked = Y.copy()
    masked[:, 1] = -1
    kwargs = {"use_masking": True, "mask_val": -2}
    found = ours.compute_iou(X, masked, "yxyx", **kwargs)
    _near(found, theirs.compute_iou(X, masked, "yxyx", **kwargs), 1e-5)
    assert (ops.convert_to_numpy(found)[:, :, 1] == -2).all()
    relative = theirs.convert_format(X, "xyxy", "rel_xywh", 20, 30)
    found = ours.compute_iou(np.asarray(relative), np.asarray(relative), "rel_xywh",
                             image_shape=(20, 30, 3))  # fmt: skip
    _near(found, ours.compute_iou(X, X, "xyxy"), 1e-4)
    _near(ours.compute_ciou(X[:, :4], Y, "xyxy"), theirs.compute_ciou(X[:, :4], Y, "xyxy"), 1e-5)


def test_deltas(backend):
    for order in ("center_xywh", "center_yxhw"):
        kwargs = {"variance": [0.1, 0.1, 0.2, 0.2], "image_shape": (20, 30, 3)}
        found = ours.encode_box_to_deltas(X[:, :4], Y, "xyxy", "xyxy", order, **kwargs)
        wanted = theirs.encode_box_to_deltas(X[:, :4], Y, "xyxy", "xyxy", order, **kwargs)
        # Divided by sizes of boxes that are small, and by 0.1.
        np.testing.assert_allclose(ops.convert_to_numpy(found), np.asarray(wanted), rtol=1e-4,
                                   atol=1e-4)  # fmt: skip
        back = ours.decode_deltas_to_boxes(
            {"a": X[:, :4]}, {"a": found}, "xyxy", "rel_xyxy", order, **kwargs
        )
        _near(back["a"], Y / np.array([30, 20, 30, 20], "float32"), 1e-5)


def test_errors():
    with pytest.raises(ValueError, match="last dimension of 4"):
        ours.convert_format(np.zeros((2, 3)), "xyxy", "xywh")
    with pytest.raises(ValueError, match="Supported formats"):
        ours.convert_format(X, "xyxy", "xyz")
    with pytest.raises(ValueError, match="must receive `height` and `width`"):
        ours.convert_format(X, "xyxy", "rel_xyxy", height=3)
    with pytest.raises(ValueError, match="`height` and `width` must be set"):
        ours.clip_to_image_size({"boxes": X})
    with pytest.raises(ValueError, match="Convert the boxes first"):
        ours.crop(X, 1, 1, 2, 2, "rel_xyxy")
    with pytest.raises(ValueError, match="`image_shape`"):
        ours.compute_iou(X, Y, "rel_xyxy")
    with pytest.raises(ValueError, match="expects boxes2"):
        ours.compute_iou(X, Y[0, 0], "xyxy")
    with pytest.raises(ValueError, match="must be length 4"):
        ours.encode_box_to_deltas(X, X, "xyxy", "xyxy", variance=[1.0])
    with pytest.raises(ValueError, match="`encoded_format`"):
        ours.decode_deltas_to_boxes(X, X, "xyxy", "xyxy", "xyxy")
