"""Boxes, masks and labels on images."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from PIL import Image

from isozoo import visualization

RNG = np.random.default_rng(2)


def test_boxes_of_every_format():
    images = np.zeros((2, 40, 60, 3), "uint8")
    corners = np.array([[[10, 6, 30, 26], [40, 10, 50, 30]], [[4, 4, 56, 36], [0, 0, 1, 1]]])
    left, top, right, bottom = np.moveaxis(corners.astype("float32"), -1, 0)
    width, height, x, y = right - left, bottom - top, (left + right) / 2, (top + bottom) / 2
    forms = {
        "xyxy": (left, top, right, bottom),
        "yxyx": (top, left, bottom, right),
        "xywh": (left, top, width, height),
        "center_xywh": (x, y, width, height),
        "center_yxhw": (y, x, height, width),
        "rel_xyxy": (left / 60, top / 40, right / 60, bottom / 40),
        "rel_yxyx": (top / 40, left / 60, bottom / 40, right / 60),
        "rel_xywh": (left / 60, top / 40, width / 60, height / 40),
        "rel_center_xywh": (x / 60, y / 40, width / 60, height / 40),
    }
    expected = np.zeros((2, 40, 60, 3), "uint8")
    for number, (x1, y1, x2, y2) in ((0, corners[0, 0]), (0, corners[0, 1]), (1, corners[1, 0])):
        for edge in (np.s_[y1, x1 : x2 + 1], np.s_[y2, x1 : x2 + 1], np.s_[y1 : y2 + 1, x1],
                     np.s_[y1 : y2 + 1, x2]):  # fmt: skip
            expected[number][edge] = (255, 128, 1)
    labels = np.array([[0, 3], [1, -1]])  # -1 is not drawn
    for form, parts in forms.items():
        boxes = {
            "boxes": np.stack(parts, -1) + (0 if "rel" not in form else 1e-6),
            "labels": labels,
        }
        options = {"color": (255, 128, 1), "line_thickness": 1}
        found = visualization.draw_bounding_boxes(images, boxes, form, **options)
        np.testing.assert_array_equal(found, expected, err_msg=form)
        first = images.transpose(0, 3, 1, 2) / 255
        found = visualization.draw_bounding_boxes(
            first, boxes, form, data_format="channels_first", **options
        )
        np.testing.assert_array_equal(found, expected.transpose(0, 3, 1, 2))
    assert not images.any()


def test_names_and_thick_lines():
    images = np.zeros((1, 80, 120, 1), "uint8")
    boxes = {"boxes": np.array([[[20.0, 40, 60, 70]]]), "labels": np.array([[5]])}
    plain = visualization.draw_bounding_boxes(images, boxes, "xyxy", line_thickness=4)
    assert (plain[0, 38:42, 18:63, 0] == 128).all() and not plain[0, :38].any()
    for more in ({}, {"confidences": np.array([[0.87]])}):
        named = visualization.draw_bounding_boxes(images, {**boxes, **more}, "xyxy", {5: "cat"})
        ink = (named[0, :36, :, 0] > 0).any(0)
        # Letters begin at the left edge of the box, above it; a share makes the text longer.
        assert not ink[:19].any() and (ink[60:].any() if more else ink[20:60].any())


def test_masks_as_keras_draws_them():
    images = RNG.integers(0, 256, (2, 6, 7, 3)).astype("float32")
    masks = RNG.integers(0, 4, (2, 6, 7, 1))
    for options in (
        {},
        {"num_classes": 4},
        {"num_classes": 4, "alpha": 0.25, "ignore_index": 2},
        {"num_classes": 2, "color_mapping": {0: (1, 2, 3), 1: (200, 100, 50)}, "blend": False},
    ):
        ours = visualization.draw_segmentation_masks(images, masks, **options)
        theirs = np.asarray(keras.visualization.draw_segmentation_masks(images, masks, **options))
        assert ours.dtype == theirs.dtype
        # A product may be rounded on either side of a whole number.
        assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1
        first = visualization.draw_segmentation_masks(
            images.transpose(0, 3, 1, 2), masks.transpose(0, 3, 1, 2),
            data_format="channels_first", **options,
        )  # fmt: skip
        np.testing.assert_array_equal(first, ours)


def test_galleries(tmp_path):
    images = np.stack([np.full((20, 20, 3), v, "uint8") for v in (0, 80, 255)])
    path = tmp_path / "gallery.png"
    visualization.plot_image_gallery(
        images / 255, [0, 1, 2], [0, 2, 9], {0: "a", 1: "b", 2: "c"}, path=path,
        value_range=(0, 1), transparent=False,
    )  # fmt: skip
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    for value in (0, 80):
        assert (pixels == value).all(1).sum() > 1000
    boxes = {"boxes": np.array([[[2.0, 2, 15, 15]]] * 3), "labels": np.zeros((3, 1), int)}
    visualization.plot_bounding_box_gallery(
        images, "xyxy", boxes, boxes, true_color=(255, 0, 0), pred_color=(0, 0, 255), path=path,
        legend=True, transparent=False,
    )  # fmt: skip
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
    assert (np.abs(pixels - (0, 0, 255)).max(1) < 30).sum() > 50  # the prediction, drawn last
    masks = np.ones((3, 20, 20, 1), int)
    visualization.plot_segmentation_mask_gallery(
        images, 2, y_true=masks, y_pred=masks, path=path, blend=False,
        color_mapping=[(0, 0, 0), (10, 200, 30)], transparent=False,
    )  # fmt: skip
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
    assert (np.abs(pixels - (10, 200, 30)).max(1) < 3).sum() > 5000


def test_wrong_arguments(tmp_path):
    one = np.zeros((1, 4, 4, 3))
    boxes = {"boxes": np.zeros((1, 1, 4)), "labels": np.zeros((1, 1))}
    draw, masks = visualization.draw_bounding_boxes, visualization.draw_segmentation_masks
    gallery = visualization.plot_image_gallery
    for call, error, text in (
        (lambda: draw(one[0], boxes, "xyxy"), ValueError, "batched 4D tensor"),
        (lambda: draw(one, [boxes], "xyxy"), TypeError, "should be a dict"),
        (lambda: draw(one, {"boxes": boxes["boxes"]}, "xyxy"), ValueError, "'labels' keys"),
        (lambda: draw(one, boxes, "abcd"), ValueError, "Supported formats.*rel_xywh.*abcd"),
        (lambda: masks(one[0], one), ValueError, "batched 4D tensor"),
        (lambda: masks(one, one), TypeError, "integer dtype"),
        (lambda: gallery(one, path=tmp_path / "x.png", show=True), ValueError, "either `path`"),
        (lambda: gallery(one, y_true=[1]), ValueError, "label_map"),
        (lambda: gallery(one[0]), ValueError, "batched 4D tensor"),
        (
            lambda: visualization.plot_bounding_box_gallery(
                one, "xyxy", legend=True, legend_handles=[1]
            ),
            ValueError,
            "Only pass `legend`",
        ),
    ):
        with pytest.raises(error, match=text):
            call()
    assert not list(tmp_path.iterdir())
