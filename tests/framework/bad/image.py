"""Bad calls of the ops of images."""

from __future__ import annotations

import numpy as np

from .table import bad, floats

IMAGES = floats(2, 5, 4, 3)
FLAT = floats(5, 4)

for name in ("rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb", "gaussian_blur", "elastic_transform"):
    bad(f"image.{name}", FLAT, names="images (5, 4) rank")
    bad(f"image.{name}", IMAGES, data_format="last", names="data_format 'last' channels_first")
bad("image.rgb_to_grayscale", floats(2, 5, 4, 2), names="images (2, 5, 4, 2) channels")
for name in ("rgb_to_hsv", "hsv_to_rgb"):
    bad(f"image.{name}", floats(2, 5, 4, 1), names="images (2, 5, 4, 1) 3 channels")
    bad(f"image.{name}", IMAGES.astype(np.uint8), names="images uint8 floats")

bad("image.resize", FLAT, (2, 2), names="images (5, 4) rank")
bad("image.resize", IMAGES.astype(np.complex64), (2, 2), names="images complex64 real")
bad("image.resize", IMAGES, (2, 2, 2), names="size (2, 2, 2)")
bad("image.resize", IMAGES, (2, 0), names="size (2, 0)")
bad("image.resize", IMAGES, (2, 2), interpolation="cubic", names="interpolation 'cubic' bicubic")
bad("image.resize", IMAGES, (2, 2), fill_mode="wrap", names="fill_mode 'wrap' 'constant'")
bad("image.resize", floats(2, 0, 4, 3), (2, 2), names="images (2, 0, 4, 3) pixels")
bad(
    "image.resize",
    IMAGES,
    (2, 2),
    crop_to_aspect_ratio=True,
    pad_to_aspect_ratio=True,
    names="pad_to_aspect_ratio crop_to_aspect_ratio",
)
TWO = floats(2)
bad(
    "image.scale_and_translate",
    FLAT,
    (5, 4),
    TWO,
    TWO,
    (0, 1),
    "nearest",
    names="method 'nearest' linear",
)
bad(
    "image.scale_and_translate", FLAT, (5,), TWO, TWO, (0, 1), "linear", names="output_shape (5,) 2"
)
bad(
    "image.scale_and_translate",
    FLAT,
    (5, 9),
    floats(1),
    floats(1),
    (0,),
    "linear",
    names="output_shape (5, 9) spatial_dims",
)
bad(
    "image.scale_and_translate",
    FLAT,
    (5, 4),
    floats(3),
    TWO,
    (0, 1),
    "linear",
    names="scale (3,) spatial_dims",
)
bad(
    "image.scale_and_translate",
    FLAT,
    (5, 4),
    TWO,
    TWO,
    (0, 2),
    "linear",
    names="spatial_dims (0, 2) axes",
)

bad("image.map_coordinates", FLAT, floats(3, 7), 1, names="coordinates (3, 7) First dim")
bad("image.map_coordinates", FLAT, floats(2), 1, names="coordinates (2,) rank")
bad("image.map_coordinates", FLAT, floats(2, 7), 2, names="order 2 0 1")
bad("image.map_coordinates", FLAT, floats(2, 7), 1, fill_mode="edge", names="fill_mode 'edge'")
bad("image.affine_transform", FLAT, floats(8), names="images (5, 4) rank")
bad("image.affine_transform", IMAGES, floats(2, 6), names="transform (2, 6) 8")
bad("image.affine_transform", IMAGES, floats(1, 2, 8), names="transform (1, 2, 8) rank")
bad("image.affine_transform", IMAGES, floats(3, 8), names="transform (3, 8) (2, 5, 4, 3)")
bad("image.affine_transform", IMAGES, floats(8), interpolation="bicubic", names="interpolation")
bad("image.affine_transform", IMAGES, floats(8), fill_mode="edge", names="fill_mode 'edge'")
POINTS = floats(4, 2)
bad("image.perspective_transform", FLAT, POINTS, POINTS, names="images (5, 4) rank")
bad("image.perspective_transform", IMAGES, floats(3, 2), POINTS, names="start_points (3, 2) (4, 2)")
bad("image.perspective_transform", IMAGES, POINTS, floats(4, 3), names="end_points (4, 3) (4, 2)")
bad("image.perspective_transform", IMAGES, POINTS, floats(2, 4, 2), names="end_points same shape")
bad("image.elastic_transform", IMAGES, fill_mode="edge", names="fill_mode 'edge'")
bad("image.elastic_transform", IMAGES, interpolation="area", names="interpolation 'area'")
bad("image.elastic_transform", IMAGES, seed=0.5, names="seed 0.5 SeedGenerator")

bad("image.crop_images", FLAT, 1, 1, 1, 1, names="images (5, 4) rank")
bad("image.crop_images", IMAGES, 1, 1, 1, names="target_width exactly two")
bad("image.crop_images", IMAGES, 1, 1, 1, 1, 2, 2, names="target_height exactly two")
bad("image.crop_images", IMAGES, -1, 1, 1, 1, names="top_cropping -1 >= 0")
bad("image.crop_images", IMAGES, 1, 1, target_height=9, target_width=1, names="bottom_cropping -5")
bad("image.pad_images", FLAT, 1, 1, 1, 1, names="images (5, 4) rank")
bad("image.pad_images", IMAGES, 1, names="target_height exactly two")
bad("image.pad_images", IMAGES, 1, 1, 1, -1, names="right_padding -1 >= 0")
bad("image.pad_images", IMAGES, 1, 1, target_height=2, target_width=9, names="bottom_padding -4")
bad("image.extract_patches", FLAT, 2, names="images (5, 4)")
bad("image.extract_patches", IMAGES, "two", names="size 'two' int")
bad("image.extract_patches", IMAGES, (2, 2, 2, 2), names="size (2, 2, 2, 2)")
bad("image.extract_patches", IMAGES, (6, 2), names="size (6, 2) inside")
bad("image.extract_patches", IMAGES, 2, 0, names="strides 0")
bad("image.extract_patches", IMAGES, 2, padding="full", names="padding 'full' 'valid' 'same'")
bad("image.extract_patches_3d", floats(5, 4, 3), 2, names="volumes (5, 4, 3)")

bad("image.gaussian_blur", IMAGES, (3, 0), names="kernel_size (3, 0)")
bad("image.gaussian_blur", IMAGES, (3, 3), (1.0, 0.0), names="sigma (1.0, 0.0) positive")
bad("image.sobel_edges", floats(5, 4, 3), names="images (5, 4, 3) 4 axes")
bad("image.ssim", FLAT, FLAT, names="image1 (5, 4)")
bad("image.ssim", IMAGES, FLAT, names="image2 (5, 4)")
bad("image.ssim", IMAGES, floats(2, 5, 5, 3), filter_size=3, names="image2 (2, 5, 5, 3)")
bad("image.ssim", IMAGES, IMAGES, names="filter_size 11 (2, 5, 4, 3)")
