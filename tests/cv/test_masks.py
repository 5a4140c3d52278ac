"""Masks' codes against pycocotools' own, regions against SciPy, and masks of everything."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from isozoo.cv import decode_rle, draw_masks, encode_rle
from isozoo.cv.masks import mask_box, regions, suppressed, without_small_regions
from isozoo.cv.sam.automatic import Settings, crop_boxes, segment_everything
from isozoo.cv.sam.preprocessing import SAMPreprocessor


def disc(height, width, x, y, radius):
    rows, columns = np.mgrid[0:height, 0:width]
    return np.hypot(columns - x, rows - y) < radius


def corner():
    mask = np.ones((40, 60), bool)
    mask[0, 0] = False
    return mask


def large():
    mask = np.zeros((700, 900), bool)
    mask[100:650, 3:800] = True
    mask[::7, ::5] = False
    return mask


# What pycocotools 2.0.11's `mask.encode` gives for them.
CODES = {
    "na09m04M2N2N2N2O0O2O0000000000000001N101N2N2N2N3L\\l0": disc(40, 60, 25, 18, 12),
    "1oZ2": corner(),
    "0S1": np.ones((5, 7), bool),
    "S1": np.zeros((5, 7), bool),
}


def test_codes_are_those_of_pycocotools_both_ways():
    for text, mask in CODES.items():
        assert encode_rle(mask) == {"size": list(mask.shape), "counts": text}
        for counts in (text, text.encode(), encode_rle(mask, compressed=False)["counts"]):
            assert np.array_equal(decode_rle({"size": mask.shape, "counts": counts}), mask)
    code = encode_rle(large())
    found = hashlib.sha256(code["counts"].encode()).hexdigest()
    assert found == "a160978d7cbc687a81d62f51e96acf31b5f9fc10c868d2c92c616c940168960c"
    assert np.array_equal(decode_rle(code), large())


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ({"counts": [4]}, "`size`"),
        ({"size": [2, -1], "counts": [2]}, "`size`"),
        ({"size": [2**20, 2**20], "counts": [2**40]}, "larger than"),
        ({"size": [2, 2], "counts": [1, 2]}, "add up to 4"),
        ({"size": [2, 2], "counts": [8, -4]}, "add up to 4"),
        ({"size": [2, 2], "counts": 4}, "a text or a list"),
        ({"size": [2, 2], "counts": "4é"}, "does not belong"),
        ({"size": [2, 2], "counts": "P"}, "middle of a number"),
        ({"size": [2, 2], "counts": "PPPPPPPPPPPPPPP"}, "does not belong"),
    ],
)
def test_codes_that_are_none_are_refused(code, said):
    with pytest.raises(ValueError, match=said):
        decode_rle(code)


def test_regions_are_those_of_scipy_with_corners():
    from scipy import ndimage

    draw = np.random.default_rng(0)
    for share in (0.2, 0.5, 0.8):
        mask = draw.random((37, 53)) < share
        expected, count = ndimage.label(mask, np.ones((3, 3)))
        found, areas = regions(mask)
        assert len(areas) == count + 1 and areas.sum() == mask.size
        pairs = np.unique(np.stack([found.ravel(), expected.ravel()]), axis=1)
        assert pairs.shape[1] == count + 1  # the same regions, whatever their numbers
        assert (areas == np.bincount(found.ravel())).all()


def test_small_holes_are_filled_and_small_islands_removed():
    solid = disc(80, 90, 30, 40, 20)
    spoiled = (solid & ~disc(80, 90, 30, 40, 3)) | disc(80, 90, 75, 10, 4)
    assert np.array_equal(without_small_regions(spoiled, 60), solid)
    assert np.array_equal(without_small_regions(spoiled, 5), spoiled)
    # Where all islands are small, the largest stays.
    two = disc(80, 90, 20, 20, 5) | disc(80, 90, 60, 60, 7)
    assert np.array_equal(without_small_regions(two, 1000), disc(80, 90, 60, 60, 7))
    assert not without_small_regions(np.zeros((4, 4), bool), 2).any()


def test_boxes_that_overlap_a_better_one_are_dropped():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 7], [0, 0, 10, 8], [20, 20, 30, 30]])
    # The intersections over union with the first are 0.7 and 0.8.
    assert suppressed(boxes, np.array([0.5, 0.4, 0.3, 0.9]), 0.7).tolist() == [3, 0, 1]
    assert suppressed(boxes, np.array([0.5, 0.6, 0.3, 0.9]), 0.6).tolist() == [3, 1]
    assert suppressed(np.zeros((0, 4)), np.zeros(0), 0.5).size == 0


SIZE, SIDE, ROWS = (120, 160), 64, 64
OBJECTS = ((40, 40, 22), (110, 70, 30), (138, 98, 18))  # x, y, radius


class Scene:
    """A picture whose objects are discs: a decoder that gives the disc in which a point lies."""

    def __init__(self, part, frame):
        self.frame, self.size = frame, frame.size
        self.left, self.top = part

    def predict(self, points, labels):
        assert points.shape[1:] == (1, 2) and (labels == 1).all()
        logits = np.full((len(points), 4, ROWS, ROWS), -9.0, np.float32)
        scores = np.zeros((len(points), 4), np.float32)
        y, x = (np.mgrid[0:ROWS, 0:ROWS] + 0.5) * SIDE / ROWS
        scale = np.array(self.frame.scaled) / self.size
        for number, (place,) in enumerate(points):
            for kind, (left, top, radius) in enumerate(OBJECTS):
                middle = (np.array([left, top]) - (self.left, self.top)) * scale[::-1]
                wide = radius * scale[0]
                far = np.hypot(x - middle[0], y - middle[1])
                if np.hypot(*(place - middle)) < wide:
                    logits[number, 1] = 2 * (wide - far)
                    logits[number, 2] = 0.3 * (wide - far)  # flat: unstable
                    scores[number, 1:] = 0.95 - 0.01 * kind, 0.99, 0.5
        return logits, scores


class Model:
    """A segmenter whose encoder knows where a part was cut out, for its colours tell it."""

    def __init__(self):
        self.preprocessor, self.points = SAMPreprocessor(image_size=SIDE), 0

    def encode(self, image):
        left, top, _ = np.asarray(image)[0, 0]
        return Scene((int(left), int(top)), self.preprocessor.frame((image.height, image.width)))


def test_masks_of_everything_are_found_once_each():
    from PIL import Image

    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    image = Image.fromarray(np.stack([x, y, 0 * x], -1).astype(np.uint8))
    settings = {"points_per_side": 12, "points_per_batch": 50, "stability_threshold": 0.5}
    for layers in (0, 1):
        found = segment_everything(Model(), image, Settings(**settings, crop_layers=layers), False)
        assert [round(mask.score, 2) for mask in found] == [0.95, 0.94, 0.93]
        for mask, (left, top, radius) in zip(found, OBJECTS, strict=True):
            expected = disc(*SIZE, left - 0.5, top - 0.5, radius)
            both = mask.pixels | expected
            # The grid of logits is 2.5 pixels wide.
            assert (mask.pixels & expected).sum() > 0.9 * both.sum()
            assert mask.area == mask.pixels.sum() and mask.box == mask_box(mask.pixels)
            assert np.hypot(mask.point[0] - left, mask.point[1] - top) < radius
            assert np.array_equal(decode_rle(mask.rle()), mask.pixels)
            # Logits of 2 a pixel of the square: the thresholds lie half of one, or 1.25, off. In
            # parts of the picture, whose masks are preferred, they lie nearer.
            off = SIZE[1] / SIDE / 2
            if not layers:
                assert abs(mask.stability - ((radius - off) / (radius + off)) ** 2) < 0.03
    strict = Settings(**{**settings, "score_threshold": 0.945})
    assert len(segment_everything(Model(), image, strict, False)) == 1


def test_parts_of_a_picture_overlap_as_in_the_original():
    # By hand: 16 of 100 pixels are shared, so each of two has ceil((16 + side) / 2).
    assert crop_boxes((100, 200), 1, 0.16) == [
        ((0, 0, 200, 100), 0),
        ((0, 0, 108, 58), 1),
        ((0, 42, 108, 100), 1),
        ((92, 0, 200, 58), 1),
        ((92, 42, 200, 100), 1),
    ]
    assert len(crop_boxes((100, 200), 2, 0.3)) == 1 + 4 + 16


def test_masks_are_drawn_in_colours_of_their_own(tmp_path):
    from PIL import Image

    grey = np.full((50, 60, 3), 100, np.uint8)
    one, two = disc(50, 60, 15, 25, 10), disc(50, 60, 42, 25, 12)
    draw_masks(grey, [one, encode_rle(two)], tmp_path / "masks.png")
    drawn = np.asarray(Image.open(tmp_path / "masks.png"))
    assert (drawn[~(one | two)] == 100).all()
    inner = drawn[25, 15].tolist(), drawn[25, 42].tolist()
    assert len({*map(tuple, inner), (100, 100, 100)}) == 3
    for (x, y, radius), colour in zip(((15, 25, 10), (42, 25, 12)), inner, strict=True):
        filled = disc(50, 60, x, y, radius - 2)
        assert (drawn[filled] == colour).all()
        assert (drawn[25, x + radius - 1] != colour).any()  # the outline
    with pytest.raises(ValueError, match=r"\(4, 4\) does not fit a picture of \(50, 60\)"):
        draw_masks(grey, [np.ones((4, 4), bool)], tmp_path / "no.png")
    assert not (tmp_path / "no.png").exists()
