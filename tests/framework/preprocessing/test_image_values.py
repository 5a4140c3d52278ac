"""What layers on images compute: as Keras's layers for the same draws, and by closed forms."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

import isozoo
from isozoo import layers

from .images import ATOL, BOXES, FIXED, IMAGES, KINDS, LABELS, LAYERS, MASKS, made, on_host

# Whose draws are no numbers that Keras's layers could be given.
_OTHER_DRAWS = {"AugMix", "RandomColorJitter", "RandomElasticTransform"}
_WARPING = (
    "RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear", "RandomPerspective",
    "RandomFlip",
)  # fmt: skip


def _theirs(name, **kwargs):
    """Keras's layer of the same arguments."""
    return getattr(keras.layers, name)(**{**LAYERS[name], **kwargs})


def _boxes():
    return {"boxes": BOXES.copy(), "labels": KINDS.copy()}


def _near(found, wanted, name, atol=ATOL):
    found, wanted = (np.asarray(x) for x in (found, wanted))
    assert found.shape == wanted.shape, name
    np.testing.assert_allclose(found, wanted, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_pixels_are_keras_s(backend):
    checked = set()
    for name in set(LAYERS) - _OTHER_DRAWS:
        layer, theirs = made(name), _theirs(name)
        drawn = on_host(layer.get_random_transformation(IMAGES))
        given = drawn[:2] if name == "RandomCrop" else drawn
        found = on_host(layer.transform_images(IMAGES, drawn))
        # Keras's layers change some arrays in place.
        wanted = np.asarray(theirs.transform_images(keras.ops.convert_to_tensor(IMAGES), given))
        _near(found, wanted, name)
        if name not in FIXED and found.shape == IMAGES.shape:
            assert np.abs(found - IMAGES).max() > 1, name
        if name in _WARPING:
            found = on_host(layer.transform_segmentation_masks(MASKS, drawn))
            wanted = theirs.transform_segmentation_masks(keras.ops.convert_to_tensor(MASKS), given)
            _near(found, wanted, name, 0)
        if name in ("CutMix", "MixUp"):
            found = on_host(layer.transform_labels(LABELS, drawn))
            weight = {**given, "mix_weight": given["mix_weight"].reshape(-1)}
            _near(found, theirs.transform_labels(LABELS, weight), name, 1e-6)
        checked.add(name)
    assert len(checked) >= 25


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_boxes_are_keras_s(backend):
    """Where Keras's layers do what they say: in its format "xyxy"."""
    for name in (*_WARPING, "Resizing", "CenterCrop", "MaxNumBoundingBoxes"):
        layer, theirs = made(name), _theirs(name, bounding_box_format="xyxy")
        drawn = on_host(layer.get_random_transformation(IMAGES))
        found = on_host(layer.transform_bounding_boxes(_boxes(), drawn))
        wanted = theirs.transform_bounding_boxes(
            {key: keras.ops.convert_to_tensor(x) for key, x in _boxes().items()}, drawn
        )
        for key in ("boxes", "labels"):
            # Corners of up to 9 pixels, after a projection of some ten roundings.
            _near(found[key], wanted[key], name, 1e-3)
        # In another format, the same boxes.
        relative = made(name, bounding_box_format="rel_xywh")
        sizes = ((8, 9), (8, 9))
        if name in ("Resizing", "CenterCrop"):
            sizes = ((8, 9), (layer.height, layer.width))
        convert = isozoo.utils.bounding_boxes.convert_format
        again = relative.transform_bounding_boxes(
            {"boxes": convert(BOXES, "xyxy", "rel_xywh", *sizes[0]), "labels": KINDS}, drawn
        )
        if name != "MaxNumBoundingBoxes":
            _near(
                convert(again["boxes"], "rel_xywh", "xyxy", *sizes[1]), found["boxes"], name, 1e-4
            )


@pytest.mark.parametrize("backend", ["numpy", "tensorflow"], indirect=True)
def test_boxes_by_hand(backend):
    """Those that Keras moves along the wrong axis, or puts behind each other along another."""
    crop = layers.RandomCrop(5, 4, bounding_box_format="xywh", seed=1)
    found = crop.transform_bounding_boxes(
        {"boxes": [[[2.0, 1, 5, 4], [0, 0, 2, 2]]], "labels": [[4, 5]]}, (1, 2, 8, 9)
    )
    found = on_host(found)
    np.testing.assert_array_equal(found["boxes"], [[[0, 0, 4, 4], [0, 0, 0, 1]]])
    np.testing.assert_array_equal(found["labels"], [[4, -1]])
    mix = layers.MixUp(bounding_box_format="xyxy")
    drawn = {"permutation_order": np.array([1, 0]), "mix_weight": np.array([0.5, 0.5], "float32")}
    found = on_host(mix.transform_bounding_boxes(_boxes(), drawn))
    np.testing.assert_array_equal(found["boxes"], np.concatenate([BOXES, BOXES[::-1]], 1))
    np.testing.assert_array_equal(found["labels"], np.concatenate([KINDS, KINDS[::-1]], 1))
    # Images with different numbers of boxes.
    lists = {"boxes": [[[0, 0, 1, 1]], [[0, 1, 2, 3], [1, 1, 2, 2]]], "labels": [[1], [2, 3]]}
    found = on_host(made("RandomInvert")({"images": IMAGES, "bounding_boxes": lists}))
    found = found["bounding_boxes"]
    np.testing.assert_array_equal(found["boxes"][0], [[0, 0, 1, 1], [0, 0, 0, 0]])
    np.testing.assert_array_equal(found["labels"], [[1, -1], [2, 3]])
    limit = layers.MaxNumBoundingBoxes(1, fill_value=-2)
    single = limit.transform_single_bounding_box({"boxes": BOXES[0], "labels": KINDS[0]}, None)
    assert on_host(single)["boxes"].tolist() == [BOXES[0, 0].tolist()]


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_pixels_are_pillow_s(backend):
    image = IMAGES[0].astype("uint8")
    picture = Image.fromarray(image)
    solar = layers.Solarization(threshold_factor=(0.5, 0.5), seed=1)
    drawn = {"additions": np.float32(0), "thresholds": np.float32(128)}
    found = solar.transform_images(image[None], drawn)[0]
    np.testing.assert_array_equal(found, np.asarray(ImageOps.solarize(picture, 128)))
    bits = layers.RandomPosterization((3, 3))
    np.testing.assert_array_equal(bits(image), np.asarray(ImageOps.posterize(picture, 3)))
    invert = layers.RandomInvert((1, 1))
    np.testing.assert_array_equal(invert(image), np.asarray(ImageOps.invert(picture)))
    smooth = layers.RandomSharpness((0.0, 0.0)).transform_images(
        image[None].astype("float32"), {"factor": np.zeros(1, "float32")}
    )
    # The kernel of PIL's SMOOTH, whose sum is rounded to a whole number.
    wanted = np.asarray(picture.filter(ImageFilter.SMOOTH), "float32")
    assert np.abs(smooth[0] - wanted)[1:-1, 1:-1].max() <= 0.5 + 1e-4
    # Of one value, a channel stays; of two, they become the ends.
    x = np.zeros((4, 4, 2), "float32") + 7
    x[0, 0, 1] = 50
    found = layers.AutoContrast()(x)
    assert (found[..., 0] == 7).all() and set(np.unique(found[..., 1])) == {0, 255}


@pytest.mark.parametrize("backend", ["numpy", "torch"], indirect=True)
def test_draws_that_differ(backend):
    """Each image of a batch has its own draw, and each call."""
    x = np.full((6, 2, 2, 3), 100, "float32")
    layer = layers.RandomBrightness(0.3, seed=5)
    first, second = on_host(layer(x)), on_host(layer(x))
    assert len(np.unique(first[:, 0, 0, 0])) == len(np.unique(second[:, 0, 0, 0])) == 6
    assert not np.isin(first, second).any()
    # Images and masks move alike, also where a layer draws for each pixel.
    layer = layers.RandomElasticTransform(seed=5, scale=(1.0, 1.0), interpolation="nearest")
    both = layer({"images": IMAGES[..., :1], "segmentation_masks": IMAGES[..., :1]})
    both = on_host(both)
    np.testing.assert_array_equal(both["images"], both["segmentation_masks"])


def test_arguments():
    wrong = [
        ("RandomRotation", {"factor": 2}, ValueError, r"in the range \[-1, 1\]"),
        ("RandomZoom", {"height_factor": -1}, ValueError, r"in the range \(-1.0, 1.0\]"),
        ("RandomTranslation", {"width_factor": (0, 1, 2)}, ValueError, "list of two numbers"),
        ("RandomShear", {"x_factor": -0.5}, ValueError, r"in the range \[0.0, 1.0\]"),
        ("Solarization", {"addition_factor": 3}, ValueError, "`addition_factor`"),
        ("RandomBrightness", {"value_range": 3}, ValueError, "list of two numbers"),
        ("RandomGaussianBlur", {"kernel_size": 4}, ValueError, "must be an odd number"),
        ("RandomGrayscale", {"factor": 2}, ValueError, "between 0 and 1"),
        ("RandomPerspective", {"scale": 2}, ValueError, r"in the range \[0,1\]"),
        ("RandomFlip", {"mode": "diagonal"}, ValueError, "`mode`"),
        ("RandomRotation", {"fill_mode": "mirror"}, NotImplementedError, "Unknown `fill_mode`"),
        ("RandomZoom", {"interpolation": "cubic"}, NotImplementedError, "Unknown `interpolation`"),
        ("Resizing", {"factor": 0.5}, ValueError, "does not take a `factor`"),
        ("Resizing", {"data_format": "first"}, ValueError, "`data_format`"),
    ]  # fmt: skip
    with isozoo.use_backend("numpy"):
        for name, kwargs, kind, words in wrong:
            with pytest.raises(kind, match=words):
                made(name, **kwargs)
        with pytest.raises(ValueError, match="fully defined height and width"):
            layers.RandomCrop(2, 2).get_random_transformation(isozoo.Input((None, 4, 3)))
        with pytest.raises(ValueError, match="three numbers"):
            layers.RandomErasing(fill_value=(1, 2))(IMAGES)
        with pytest.raises(ValueError, match="must contain a `layers` key"):
            layers.Pipeline.from_config({"name": "p"})
