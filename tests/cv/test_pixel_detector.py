"""A detector from pixels to objects: what the preprocessor and `detect` do, in one model."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo.cv.detection import ObjectDetector
from isozoo.cv.letterbox import ObjectDetectorPreprocessor
from isozoo.cv.pixel_detector import LetterboxLayer
from isozoo.framework import ops

DRAWS = np.random.default_rng(0)


def picture(height: int, width: int) -> np.ndarray:
    return DRAWS.integers(0, 256, (height, width, 3)).astype("uint8")


def test_frames_are_those_of_the_preprocessor(backend):
    """In whole numbers, so that only the last division has roundings."""
    prepare, layer = ObjectDetectorPreprocessor(64, 32, square=True), LetterboxLayer(64)
    for shape in ((37, 53), (128, 33), (5, 9)):
        image = picture(*shape)
        wanted, frame = prepare.frame(image)
        found, where = layer(ops.convert_to_tensor(image[None]))
        np.testing.assert_allclose(ops.convert_to_numpy(found)[0], wanted, rtol=0, atol=2**-23)
        right = [frame.left, frame.top, frame.scale, frame.picture_width, frame.picture_height]
        np.testing.assert_allclose(ops.convert_to_numpy(where), right, rtol=2**-23)


class Squares(ObjectDetector):
    """Squares of 12 pixels, every 8 pixels, whose colours are their scores and classes."""

    num_classes, max_boxes = 3, 20

    def __init__(self):
        super().__init__()
        self.built = True

    def call(self, images):
        return images

    def propose(self, images):
        count = images.shape[1] // 8
        y, x = np.mgrid[:count, :count].reshape(2, 1, -1, 1).astype("float32") * 8
        shares = ops.average_pool(images, 8, 8, "valid")
        shares = ops.reshape(shares, (-1, count * count, 3))
        boxes = ops.add(
            np.concatenate([x, y, x + 12, y + 12], -1), ops.multiply(shares[..., :1], 0)
        )
        scores, classes = ops.max(shares, -1), ops.cast(ops.argmax(shares, -1), "int32")
        return boxes, scores, classes


@pytest.mark.parametrize("format", ["onnx", "stablehlo", "tf_saved_model"])
def test_it_is_exported_with_all_that_it_does(format, tmp_path):
    with isozoo.use_backend("numpy"):
        model = Squares()
    model.preprocessor = ObjectDetectorPreprocessor(64, 32, square=True)
    path = str(tmp_path / "m")
    model.with_preprocessing(score=0.5, iou=0.1).export(path, format=format, verbose=False)
    if format == "onnx":
        session = pytest.importorskip("onnxruntime").InferenceSession(path)
        names = [one.name for one in session.get_outputs()]
    elif format == "stablehlo":
        call = (
            pytest.importorskip("jax.export").deserialize(bytearray(open(path, "rb").read())).call
        )
    else:
        tf = pytest.importorskip("tensorflow")
        serve = tf.saved_model.load(path).signatures["serving_default"]
    for count, shape in ((2, (37, 53)), (1, (90, 40))):
        images = np.stack([picture(*shape) for _ in range(count)])
        if format == "onnx":
            found = dict(zip(names, session.run(None, {"images": images}), strict=True))
        else:
            found = call(images) if format == "stablehlo" else serve(images=tf.constant(images))
        found = {name: np.asarray(x) for name, x in found.items()}
        for row, objects in enumerate(model.detect(list(images), score=0.5, iou=0.1)):
            assert found["counts"][row] == len(objects) > 1
            n = len(objects)
            assert list(found["classes"][row, :n]) == [one.index for one in objects]
            assert set(found["classes"][row, n:]) <= {-1}
            # Sizes of some hundred pixels after three operations of float32.
            boxes = [one.box for one in objects]
            np.testing.assert_allclose(found["boxes"][row, :n], boxes, rtol=0, atol=1e-4)
            scores = [one.score for one in objects]
            np.testing.assert_allclose(found["scores"][row, :n], scores, rtol=0, atol=1e-6)
            assert not found["boxes"][row, n:].any() and not found["scores"][row, n:].any()
