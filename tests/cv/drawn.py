"""Weights, pictures and boxes that are drawn from numbers, the same wherever they are needed.

It imports nothing but NumPy, so that an environment with the original implementation uses it too;
see `tests/data/make_yolov8_numbers.py`.
"""

import zlib

import numpy as np

SIZE = (64, 96)  # rows and columns of drawn images
# Class, and box in pixels, of the objects in two drawn images. One is smaller than a place, two
# overlap, and the second image has fewer.
OBJECTS = (
    ((2, (10.0, 6.0, 58.0, 50.0)), (0, (30.0, 20.0, 90.0, 60.0)), (4, (70.0, 3.0, 75.0, 9.0))),
    ((1, (0.0, 0.0, 95.0, 63.0)),),
)
NUM_CLASSES = 5


def weights(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Returns float64 values for a tensor, by its name in ultralytics' state dict."""
    draw = np.random.default_rng(zlib.crc32(key.removeprefix("model.").encode()))
    if key.endswith("dfl.conv.weight"):
        return np.arange(16.0).reshape(shape)
    if key.endswith("num_batches_tracked"):
        return np.zeros(shape)
    if key.endswith("running_var"):
        return draw.uniform(0.5, 1.5, shape)
    if len(shape) == 4:
        return draw.normal(size=shape) * np.sqrt(1.5 / np.prod(shape[1:]))
    return draw.normal(float(key.endswith("bn.weight")), 0.2, shape)


def images() -> np.ndarray:
    """Returns two images, float64 (2, rows, columns, 3), 0 to 1."""
    return np.random.default_rng(7).uniform(size=(2, *SIZE, 3))


def logits() -> dict[str, np.ndarray]:
    """Returns logits of boxes and scores for the 126 places of the two images, float64."""
    draw = np.random.default_rng(3)
    return {
        "boxes": 1.5 * draw.normal(size=(2, 126, 64)),
        "scores": draw.normal(size=(2, 126, NUM_CLASSES)) - 1.0,
    }


def sample(values: np.ndarray, count: int = 24) -> list[float]:
    """Returns the largest magnitude, and elements that lie evenly in `values`."""
    flat = np.asarray(values, np.float64).reshape(-1)
    places = np.linspace(0, flat.size - 1, count).astype(int)
    return [float(np.abs(flat).max()), *flat[places].tolist()]


def scenes() -> tuple[list[dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
    """Returns true and found boxes of eight pictures: misses, doubles, crowds, all sizes."""
    draw = np.random.default_rng(11)
    truth, found = [], []
    for number in range(8):
        count = 0 if number == 5 else int(draw.integers(3, 14))
        corner = draw.uniform(0, 400, (count, 2))
        sides = np.exp(draw.uniform(np.log(8), np.log(220), (count, 2)))
        boxes = np.concatenate([corner, corner + sides], axis=-1).round(1)
        classes = draw.integers(0, 3, count)
        crowd = draw.uniform(size=count) < 0.15
        truth.append({"boxes": boxes, "classes": classes, "crowd": crowd})
        some = draw.uniform(size=count) < 0.85
        near = np.concatenate([boxes[some], boxes[some][:2], boxes[crowd]])
        noise = draw.normal(size=near.shape) * np.tile(near[:, 2:] - near[:, :2], 2) * 0.06
        far = draw.uniform(0, 200, (4, 2))
        false = np.concatenate([far, far + draw.uniform(10, 120, (4, 2))], axis=-1)
        labels = np.concatenate([classes[some], classes[some][:2], classes[crowd]])
        labels = np.where(draw.uniform(size=len(labels)) < 0.1, (labels + 1) % 3, labels)
        labels = np.concatenate([labels, draw.integers(0, 4, 4)])
        scores = draw.uniform(0.05, 1, len(labels)).round(2)  # with some that are equal
        boxes = np.concatenate([near + noise, false]).round(1)
        found.append({"boxes": boxes, "classes": labels, "scores": scores})
    return truth, found
