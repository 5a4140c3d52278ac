"""Ops of images at their edges: ties, saturation, infinities, empty batches, other frameworks."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from PIL import Image

import isozoo
from isozoo import ops
from isozoo.scripts.references import image as ref

from .cases.table import numbers

image = ops.image
IMAGES = numbers(2, 9, 7, 3, low=0.0, high=4.0)
METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


def _near(x, expected, error=2e-6):
    x, expected = ops.convert_to_numpy(x), np.asarray(expected)
    assert x.shape == expected.shape
    limit = error * np.abs(expected).max(initial=1e-30)
    assert np.abs(x.astype(np.float64) - expected).max(initial=0.0) <= limit


def _same(x, expected):
    x = ops.convert_to_numpy(x)
    assert x.dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(x, expected)


# Resizing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_resize_is_that_of_jax_and_tensorflow(method, antialias, backend):
    jax_image = importlib.import_module("jax.image")
    tf_image = importlib.import_module("tensorflow").image
    # Both compute places in float32, and take the top of Lanczos's bell for flat; without antialias
    # TensorFlow has its cubic kernel from a table of 1024 places.
    coarse = 1e-3 if method == "bicubic" and not antialias else 1e-5
    for size in ((4, 11), (18, 5)):
        have = image.resize(ops.convert_to_tensor(IMAGES), size, method, antialias)
        _near(have, jax_image.resize(IMAGES, (2, *size, 3), method, antialias), 1e-5)
        if not (method == "nearest" and antialias):
            _near(have, tf_image.resize(IMAGES, size, method, antialias=antialias), coarse)


def test_resize_area_is_that_of_tensorflow(backend):
    tf_image = importlib.import_module("tensorflow").image
    for size in ((4, 11), (3, 1)):
        have = image.resize(ops.convert_to_tensor(IMAGES), size, "area")
        _near(have, tf_image.resize(IMAGES, size, "area"), 1e-5)


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos3"])
def test_resize_with_antialias_is_that_of_pillow(method, backend):
    plane = numbers(17, 13, low=0.0, high=4.0)
    resample = {"bilinear": "BILINEAR", "bicubic": "BICUBIC", "lanczos3": "LANCZOS"}[method]
    there = Image.fromarray(plane).resize((6, 5), getattr(Image.Resampling, resample))
    have = image.resize(ops.convert_to_tensor(plane[..., None]), (5, 6), method, True)
    _near(have, np.asarray(there)[..., None], 1e-5)


def test_resize_nearest_takes_the_pixel_at_the_centre_and_the_upper_of_two(backend):
    for size in (1, 2, 3, 5, 12):
        row = ops.convert_to_tensor(np.arange(size, dtype=np.int16).reshape(1, size, 1))
        for out in (1, 4, 7, 10):
            expected = [(2 * i + 1) * size // (2 * out) for i in range(out)]
            have = image.resize(row, (1, out), "nearest")
            _same(have, np.array(expected, np.int16).reshape(1, out, 1))


@pytest.mark.parametrize("method", METHODS)
def test_resize_rounds_and_saturates_integers(method, backend):
    steps = np.zeros((1, 6, 5, 1), np.uint8)
    steps[:, 2:4, 1:4] = 255
    expected = ref.resize(steps.astype(np.float64), (11, 9), interpolation=method)
    have = image.resize(ops.convert_to_tensor(steps), (11, 9), method)
    _same(have, np.clip(np.rint(np.float32(expected)), 0, 255).astype(np.uint8))


def test_resize_rounds_halves_to_even(backend):
    row = ops.convert_to_tensor(np.array([0, 1, 2, 3, 4, 5], np.int32).reshape(1, 6, 1))
    _same(image.resize(row, (1, 3)), np.array([0, 2, 4], np.int32).reshape(1, 3, 1))


def test_resize_computes_halves_in_single(backend):
    small = IMAGES.astype(np.float16)
    have = image.resize(ops.convert_to_tensor(small), (4, 5))
    expected = np.float16(ref.resize(small.astype(np.float64), (4, 5)))
    assert np.abs(ops.convert_to_numpy(have) - expected).max() <= 2.0**-9


def test_resize_to_the_same_size_changes_nothing(backend):
    for method in METHODS:
        _same(image.resize(ops.convert_to_tensor(IMAGES), (9, 7), method), IMAGES)


def test_empty_batches_give_empty_batches(backend):
    none = ops.convert_to_tensor(np.zeros((0, 5, 4, 3), np.float32))
    eight = ops.convert_to_tensor(np.eye(1, 8, dtype=np.float32)[0])
    for method in METHODS:
        assert ops.shape(image.resize(none, (3, 9), method)) == (0, 3, 9, 3)
    assert ops.shape(image.affine_transform(none, eight)) == (0, 5, 4, 3)
    assert ops.shape(image.rgb_to_hsv(none)) == (0, 5, 4, 3)
    assert ops.shape(image.sobel_edges(none)) == (0, 5, 4, 3, 2)
    assert ops.shape(image.extract_patches(none, 2)) == (0, 2, 2, 12)


def test_the_layout_is_that_of_the_process(backend):
    moved = ops.convert_to_tensor(np.moveaxis(IMAGES, -1, 1))  # not contiguous
    before = isozoo.config.image_data_format()
    isozoo.config.set_image_data_format("channels_first")
    try:
        _near(image.resize(moved, (4, 5)), np.moveaxis(ref.resize(IMAGES, (4, 5)), -1, 1))
    finally:
        isozoo.config.set_image_data_format(before)


# Sampling ---------------------------------------------------------------------------------------

ROW = np.array([1.0, 2.0, 4.0, 7.0], np.float32)


def _at(row, places, order, mode="constant", value=9):
    places = np.asarray(places, np.float32)[None]
    row, places = ops.convert_to_tensor(row), ops.convert_to_tensor(places)
    return image.map_coordinates(row, places, order, mode, value)


def test_map_coordinates_takes_the_upper_of_two_nearest(backend):
    just_below = np.nextafter(np.float32(0.5), np.float32(0))
    places = [-0.5, 0.5, 1.5, 2.5, 3.5, just_below]
    _same(_at(ROW, places, 0), np.array([1, 2, 4, 7, 9, 1], np.float32))


def test_map_coordinates_rounds_halves_away_from_zero(backend):
    have = _at(np.array([2, 3, -2, -3], np.int32), [0.5, 2.5, 1.5], 1)
    _same(have, np.array([3, -3, 1], np.int32))


def test_map_coordinates_saturates_what_it_fills_in(backend):
    for order in (0, 1):
        have = _at(np.array([1, 2], np.uint8), [-5.0, 1.0], order, value=300.5)
        _same(have, np.array([255, 2], np.uint8))


def test_map_coordinates_far_away(backend):
    places = [-np.inf, np.inf, -1e30, 1e30]
    _same(_at(ROW, places, 1), np.full(4, 9, np.float32))
    _same(_at(ROW, places, 0), np.full(4, 9, np.float32))
    _same(_at(ROW, places, 1, "nearest"), np.array([1, 7, 1, 7], np.float32))
    assert np.isnan(ops.convert_to_numpy(_at(ROW, [np.nan], 1))).all()


def test_map_coordinates_of_one_element(backend):
    for mode in ("nearest", "wrap", "mirror", "reflect"):
        for order in (0, 1):
            have = _at(ROW[:1], [-2.0, -0.75, 0.0, 0.25, 3.0], order, mode)
            _same(have, np.ones(5, np.float32))


def test_map_coordinates_takes_integers_and_lists(backend):
    plane = numbers(4, 5)
    rows, columns = np.array([0, 3, 2]), np.array([4, 0, 1])
    for places in (np.stack([rows, columns]), [rows, columns], [rows.tolist(), columns.tolist()]):
        _same(image.map_coordinates(ops.convert_to_tensor(plane), places, 1), plane[rows, columns])


def test_affine_transform_where_the_plane_is_at_infinity(backend):
    # k = 1 - x is 0 in the second column.
    transform = np.array([1, 0, 0, 0, 1, 0, -1, 0], np.float32)
    have = image.affine_transform(ops.convert_to_tensor(IMAGES), transform, fill_value=5.0)
    np.testing.assert_array_equal(ops.convert_to_numpy(have)[:, :, 1], 5.0)


def test_affine_transform_moves_integers_exactly(backend):
    pixels = np.arange(2 * 5 * 4 * 3, dtype=np.uint8).reshape(2, 5, 4, 3)
    move = np.array([1, 0, 1, 0, 1, -2, 0, 0], np.float32)
    expected = np.zeros_like(pixels)
    expected[:, 2:, :3] = pixels[:, :3, 1:]
    for interpolation in ("nearest", "bilinear"):
        have = image.affine_transform(ops.convert_to_tensor(pixels), move, interpolation)
        _same(have, expected)


def test_perspective_transform_brings_points_where_they_belong(backend):
    start = np.array([[1, 1], [1, 5], [4, 1], [5, 6]], np.float32)
    end = np.array([[0, 1], [2, 6], [5, 0], [6, 8]], np.float32)
    have = image.perspective_transform(ops.convert_to_tensor(IMAGES), start, end)
    have = ops.convert_to_numpy(have)
    for (x, y), (u, v) in zip(start.astype(int), end.astype(int), strict=True):
        np.testing.assert_allclose(have[:, v, u], IMAGES[:, y, x], rtol=2e-5)


def test_elastic_transform_follows_its_seed(backend):
    x = ops.convert_to_tensor(IMAGES)
    draw = lambda seed: ops.convert_to_numpy(image.elastic_transform(x, 4.0, 0.5, seed=seed))  # noqa: E731
    np.testing.assert_array_equal(draw(3), draw(3))
    assert not np.array_equal(draw(3), draw(4))
    assert not np.array_equal(draw(None), draw(None))
    generator = isozoo.random.SeedGenerator(3)
    first, second = draw(generator), draw(generator)
    np.testing.assert_array_equal(first, draw(3))
    assert not np.array_equal(first, second)


# Filters and colours ----------------------------------------------------------------------------


def test_gaussian_blur_takes_deviations_of_any_kind(backend):
    x, expected = ops.convert_to_tensor(IMAGES), ref.gaussian_blur(IMAGES, (5, 3), (0.5, 2.0))
    for sigma in ((0.5, 2.0), np.array([0.5, 2.0]), ops.convert_to_tensor([0.5, 2.0])):
        _near(image.gaussian_blur(x, (5, 3), sigma), expected)


def test_gaussian_blur_rounds_integers(backend):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 6, 5, 3)).astype(np.uint8)
    expected = np.rint(ref.gaussian_blur(pixels.astype(np.float64))).astype(np.uint8)
    _same(image.gaussian_blur(ops.convert_to_tensor(pixels)), expected)


def test_sobel_edges_of_one_row(backend):
    row = np.array([0, 1, 3, 7], np.float32).reshape(1, 1, 4, 1)
    have = ops.convert_to_numpy(image.sobel_edges(ops.convert_to_tensor(row)))
    np.testing.assert_array_equal(have[0, 0, :, 0, 0], 0)
    np.testing.assert_array_equal(have[0, 0, :, 0, 1], [0, 12, 24, 0])


def test_ssim_of_equal_images_is_one(backend):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 12, 11, 3)).astype(np.uint8)
    same = image.ssim(ops.convert_to_tensor(pixels), ops.convert_to_tensor(pixels), 255.0)
    _near(same, np.ones(2))
    other = image.ssim(ops.convert_to_tensor(pixels), ops.convert_to_tensor(255 - pixels), 255.0)
    _near(other, ref.ssim(pixels.astype(float), 255.0 - pixels, 255.0))


def test_ssim_is_that_of_tensorflow(backend):
    tf_image = importlib.import_module("tensorflow").image
    first, second = numbers(2, 16, 14, 3, low=0, high=1), numbers(2, 16, 14, 3, low=0, high=1)
    second = 0.75 * first + 0.25 * second
    expected = tf_image.ssim(first, second, 1.0)
    _near(image.ssim(ops.convert_to_tensor(first), ops.convert_to_tensor(second)), expected, 1e-5)


def test_rgb_to_grayscale_drops_the_fraction_of_integers(backend):
    pixels = np.array([[255, 255, 255], [10, 0, 0], [0, 0, 0], [100, 100, 100]], np.uint8)
    have = image.rgb_to_grayscale(ops.convert_to_tensor(pixels.reshape(1, 4, 3)))
    _same(have, np.array([254, 2, 0, 99], np.uint8).reshape(1, 4, 1))


def test_colours_at_the_corners_of_the_cube(backend):
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * 3), -1).reshape(2, 4, 3).astype(np.float32)
    hsv = image.rgb_to_hsv(ops.convert_to_tensor(corners))
    _near(hsv, ref.rgb_to_hsv(corners))
    _near(image.hsv_to_rgb(hsv), corners)


def test_patches_that_touch_are_the_image(backend):
    pixels = np.arange(6 * 4 * 2, dtype=np.uint8).reshape(6, 4, 2)
    patches = ops.convert_to_numpy(image.extract_patches(ops.convert_to_tensor(pixels), (3, 2)))
    whole = patches.reshape(2, 2, 3, 2, 2).transpose(0, 2, 1, 3, 4).reshape(6, 4, 2)
    np.testing.assert_array_equal(whole, pixels)


# Compiled ---------------------------------------------------------------------------------------

EIGHT = np.array([1.25, 0, 0.5, 0, 0.75, 0.25, 0.01, 0], np.float32)
CALLS = {
    "rgb_to_grayscale": lambda x: image.rgb_to_grayscale(x),
    "hsv": lambda x: image.hsv_to_rgb(image.rgb_to_hsv(x)),
    "nearest": lambda x: image.resize(x, (4, 5), "nearest"),
    "bilinear": lambda x: image.resize(x, (4, 9)),
    "antialias": lambda x: image.resize(x, (4, 5), "lanczos3", True),
    "crop": lambda x: image.resize(x, (4, 5), "bicubic", crop_to_aspect_ratio=True),
    "pad": lambda x: image.resize(x, (4, 5), pad_to_aspect_ratio=True),
    "affine_transform": lambda x: image.affine_transform(x, EIGHT, fill_mode="reflect"),
    "elastic_transform": lambda x: image.elastic_transform(x, 4.0, 0.5, seed=3),
    "crop_images": lambda x: image.crop_images(x, 1, 1, 2, target_width=3),
    "pad_images": lambda x: image.pad_images(x, 1, 1, 2, target_width=12),
    "extract_patches": lambda x: image.extract_patches(x, 2, 1, padding="same"),
    "tiles": lambda x: image.extract_patches(x, 2),
    "gaussian_blur": lambda x: image.gaussian_blur(x),
    "sobel_edges": lambda x: image.sobel_edges(x),
    "ssim": lambda x: image.ssim(x, x * 0.5, filter_size=3),
}


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)
@pytest.mark.parametrize("name", CALLS)
def test_compiled_calls_give_what_eager_ones_do(name, backend):
    """In TensorFlow without a known height and width, in PyTorch without a break in the graph."""
    x = ops.convert_to_tensor(IMAGES)
    expected = ops.convert_to_numpy(CALLS[name](x))
    framework = importlib.import_module(backend)
    if backend == "jax":
        compiled = framework.jit(CALLS[name])
    elif backend == "torch":
        compiled = framework.compile(CALLS[name], fullgraph=True, backend="eager")
    else:
        spec = framework.TensorSpec((None, None, None, 3), framework.float32)
        compiled = framework.function(CALLS[name], [spec], autograph=False)
    _near(compiled(x), expected, 1e-5)


def test_symbolic_images_of_unknown_size(backend):
    x = isozoo.KerasTensor((None, None, None, 3), "float32")
    assert image.resize(x, (224, 160)).shape == (None, 224, 160, 3)
    assert image.crop_images(x, 1, 1, target_height=224, target_width=160).shape[1:3] == (224, 160)
    assert image.crop_images(x, 1, 1, 2, target_width=160).shape == (None, None, 160, 3)
    assert image.pad_images(x, 1, 1, 2, target_width=300).shape == (None, None, 300, 3)
    assert image.gaussian_blur(x).shape == x.shape
    assert image.elastic_transform(x, seed=1).shape == x.shape
    assert image.ssim(x, x).shape == (None,)
