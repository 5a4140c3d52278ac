"""Preparing pictures inside of a model: as Pillow does it, in every format that holds it."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo.applications import ResNetImageClassifier
from isozoo.applications.picture_layer import PictureLayer
from isozoo.applications.preprocessing import CROPS, ImageClassifierPreprocessor
from isozoo.framework import ops

SIZE = (24, 32)
# What one step of 255 is in the result, at most: the smallest of the deviations.
STEP = 1 / 255 / 0.224


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Squares of random colours, uint8 (height, width, 3)."""
    colours = np.random.default_rng(seed).integers(0, 256, (height // 4 + 1, width // 4 + 1, 3))
    return np.kron(colours, np.ones((4, 4, 1)))[:height, :width].astype("uint8")


@pytest.mark.parametrize("crop", CROPS)
def test_it_is_what_pillow_makes(backend, crop):
    kinds = ("bilinear", "bicubic", "lanczos", "box", "hamming")
    for interpolation in kinds if backend == "numpy" else ("bilinear", "lanczos"):
        order = "bgr" if interpolation == "box" else "rgb"
        prepare = ImageClassifierPreprocessor(SIZE, crop, 0.875, interpolation, channel_order=order)
        layer = PictureLayer.of(prepare)
        # The last one loses so many rows that Pillow takes columns first.
        for shape in ((37, 53), (20, 20), (90, 40)):
            image = picture(*shape)
            if interpolation in ("lanczos", "bicubic"):
                image = image // 128 * 255  # cut at 0 and 255 after each pass
            found = ops.convert_to_numpy(layer(ops.convert_to_tensor(image[None])))
            off = np.abs(found - prepare(image))
            # Pillow's weights have 22 bits: a sum near the middle of two whole numbers turns.
            assert off.max() <= 1.01 * STEP, (interpolation, shape)


def test_no_resizing_changes_nothing():
    prepare = ImageClassifierPreprocessor((8, 8), "none", 1.0, "nearest")
    image = picture(8, 8)
    found = ops.convert_to_numpy(PictureLayer.of(prepare)(image[None]))
    np.testing.assert_allclose(found, prepare(image), rtol=0, atol=1e-5)


def classifier(backend: str):
    with isozoo.use_backend(backend):
        model = ResNetImageClassifier(
            num_classes=3,
            stackwise_num_filters=(4, 8),
            stackwise_num_blocks=(1, 1),
            stackwise_num_strides=(1, 2),
            block_type="basic_block",
            input_conv_filters=4,
        )
    model.preprocessor = ImageClassifierPreprocessor((16, 16), "resize_first", 0.875, "bilinear")
    return model


def run(format: str, path: str):
    """The exported model as a function of uint8 pictures."""
    if format == "tf_saved_model":
        tf = pytest.importorskip("tensorflow")
        serve = tf.saved_model.load(path).signatures["serving_default"]
        return lambda x: serve(images=tf.constant(x))
    if format == "onnx":
        pytest.importorskip("onnxscript")
        session = pytest.importorskip("onnxruntime").InferenceSession(path)
        names = [one.name for one in session.get_outputs()]
        return lambda x: dict(zip(names, session.run(None, {"images": x}), strict=True))
    export = pytest.importorskip("jax.export")
    with open(path, "rb") as file:
        return export.deserialize(bytearray(file.read())).call


@pytest.mark.parametrize("format", ["tf_saved_model", "onnx", "stablehlo"])
def test_exported_models_take_pixels(format, tmp_path):
    model = classifier("numpy")
    path = str(tmp_path / "m")
    model.export(path, format=format, verbose=False, preprocessing=True)
    exported = run(format, path)
    for count, shape in ((2, (37, 53)), (1, (20, 31)), (1, (50, 24))):
        images = np.stack([picture(*shape, seed) for seed in range(count)])
        found = {name: np.asarray(x) for name, x in exported(images).items()}
        assert set(found) == {"logits", "probabilities"}
        right = np.asarray(ops.convert_to_numpy(model(model.preprocessor(images))))
        # One pixel of 256 that is off by one step of 255 moves a mean by less.
        np.testing.assert_allclose(found["logits"], right, rtol=0, atol=0.01 * np.abs(right).max())
        shares = np.exp(found["logits"]) / np.exp(found["logits"]).sum(-1, keepdims=True)
        np.testing.assert_allclose(found["probabilities"], shares, rtol=0, atol=1e-6)


def test_texts_have_no_preprocessing_inside(tmp_path):
    model = classifier("numpy")
    model.preprocessor = None
    with pytest.raises(ValueError, match="preprocessor"):
        model.export(tmp_path / "m", preprocessing=True)
    from isozoo.nlp import BertTextEmbedder

    texts = BertTextEmbedder(
        vocabulary_size=9, num_layers=1, num_heads=1, hidden_dim=4, intermediate_dim=4
    )
    with pytest.raises(ValueError, match="cannot be part of an exported model"):
        texts.export(tmp_path / "m", preprocessing=True)
    assert not list(tmp_path.iterdir())
