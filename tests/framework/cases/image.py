"""Rows of ops: images."""

from __future__ import annotations

import numpy as np

from isozoo.framework.backends import host_draws
from isozoo.scripts.references import image as ref

from .table import BATCH, FLOAT, FLOATS, NUMBERS, case, numbers, rows

IMAGES = rows(5, 4, 3, low=0.0, high=4.0)
FIRST = np.ascontiguousarray(np.moveaxis(IMAGES, -1, 1))
ONE = IMAGES[0]
COLOURS = rows(2, 2, 3, low=0.0, high=1.0)
LARGE = rows(13, 9, 2, low=0.0, high=4.0)

# Colours
case("image.rgb_to_grayscale", IMAGES, reference=ref.rgb_to_grayscale, tried=NUMBERS)
for note, images in (("first", FIRST), ("one-first", FIRST[0])):
    case(
        "image.rgb_to_grayscale",
        images,
        data_format="channels_first",
        reference=ref.rgb_to_grayscale,
        note=note,
    )
case("image.rgb_to_grayscale", IMAGES[..., :1], reference=lambda x: x, note="gray")
for name in ("rgb_to_hsv", "hsv_to_rgb"):
    function = getattr(ref, name)
    case(f"image.{name}", COLOURS, reference=function, tried=FLOATS, error=2e-6, of_largest=True)
    case(
        f"image.{name}",
        np.ascontiguousarray(np.moveaxis(COLOURS[0], -1, 0)),
        data_format="channels_first",
        reference=function,
        of_largest=True,
        note="one-first",
    )

# Sizes
for method in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area"):
    for size in ((3, 9), (8, 2), (5, 3)):
        case(
            "image.resize",
            IMAGES,
            size,
            interpolation=method,
            reference=ref.resize,
            of_largest=True,
            note="" if method == "bilinear" and size == (3, 9) else f"{method}-{size[0]}",
        )
for method in ("bilinear", "bicubic", "lanczos3", "lanczos5"):
    settings = {"interpolation": method, "antialias": True}
    case(
        "image.resize",
        LARGE,
        (4, 5),
        **settings,
        reference=ref.resize,
        of_largest=True,
        note=f"{method}-antialias",
    )
case("image.resize", ONE, (3, 3), reference=ref.resize, of_largest=True, note="one")
for note, settings in (
    ("first", {}),
    ("crop", {"crop_to_aspect_ratio": True}),
    ("pad", {"pad_to_aspect_ratio": True, "fill_value": 2.0}),
):
    case(
        "image.resize",
        FIRST,
        (3, 6),
        data_format="channels_first",
        **settings,
        reference=ref.resize,
        of_largest=True,
        note=note,
    )
PLANE = numbers(6, 5, low=0.0, high=4.0)
for method in ("linear", "cubic", "lanczos3", "lanczos5"):
    for note, smooth in (("", True), ("-plain", False)):
        case(
            "image.scale_and_translate",
            PLANE,
            (8, 3),
            np.array([1.375, 0.5], np.float32),
            np.array([-0.75, 0.25], np.float32),
            (0, 1),
            method,
            antialias=smooth,
            reference=ref.scale_and_translate,
            fixed=(2, 3),
            error=4e-6,
            of_largest=True,
            note="" if method == "linear" and smooth else f"{method}{note}",
        )
case(
    "image.scale_and_translate",
    IMAGES[0],
    (5, 6, 3),
    np.array([1.25], np.float32),
    np.array([0.5], np.float32),
    (-2,),
    "triangle",
    reference=ref.scale_and_translate,
    tried=(),
    fixed=(2, 3),
    error=4e-6,
    of_largest=True,
    note="axis",
)

# Coordinates, none of them halfway between elements
PLACES = np.stack([numbers(4, 3, low=-9.0, high=14.0), numbers(4, 3, low=-9.0, high=14.0)])
FLAT = rows(5, low=0.0, high=4.0)
for mode in ("constant", "nearest", "wrap", "mirror", "reflect"):
    for order in (0, 1):
        case(
            "image.map_coordinates",
            FLAT,
            PLACES,
            order,
            fill_mode=mode,
            fill_value=1.5,
            reference=ref.map_coordinates,
            fixed=(1,) if order == 0 else (),
            error=4e-6,
            of_largest=True,
            tried=NUMBERS if mode == "constant" else (),
            gradient=mode == "constant",
            note=f"{mode}-{order}" if (mode, order) != ("constant", 1) else "",
        )
case(
    "image.map_coordinates",
    rows(low=0.0, high=4.0),
    np.array([[0.25, 3.125, 5.75]], np.float32),
    1,
    reference=ref.map_coordinates,
    of_largest=True,
    note="flat",
)
ZOOM = np.array([1.25, 0.125, -0.375, 0.0625, 0.875, 0.3125, 0.0, 0.0], np.float32)
PROJECT = ZOOM + np.linspace(0, 0.02, BATCH * 8, dtype=np.float32).reshape(BATCH, 8)
for note, interpolation, mode in (
    ("", "bilinear", "constant"),
    ("nearest", "nearest", "constant"),
    ("reflect", "bilinear", "reflect"),
    ("wrap", "bilinear", "wrap"),
    ("edge", "bilinear", "nearest"),
    ("mirror", "bilinear", "mirror"),
):
    case(
        "image.affine_transform",
        IMAGES,
        PROJECT,
        interpolation=interpolation,
        fill_mode=mode,
        fill_value=0.5,
        reference=ref.affine_transform,
        fixed=(1,),
        error=4e-6,
        of_largest=True,
        note=note,
    )
case(
    "image.affine_transform",
    FIRST[0],
    ZOOM,
    data_format="channels_first",
    reference=ref.affine_transform,
    error=4e-6,
    of_largest=True,
    note="one-first",
)
START = np.array([[0, 0], [0, 4], [3, 0], [3, 4]], np.float32)
END = START + np.sin(np.arange(BATCH * 8, dtype=np.float32)).reshape(BATCH, 4, 2) / 2
case(
    "image.perspective_transform",
    IMAGES,
    np.broadcast_to(START, END.shape).copy(),
    END,
    fill_value=0.5,
    reference=ref.perspective_transform,
    fixed=(1, 2),
    error=1e-5,
    of_largest=True,
)
case(
    "image.perspective_transform",
    FIRST,
    START,
    END[2],
    interpolation="nearest",
    data_format="channels_first",
    reference=ref.perspective_transform,
    gradient=False,
    tried=(),
    of_largest=True,
    note="nearest-first",
)


def _elastic(images, seed, **settings):
    draws = host_draws.random_normal((seed, 0), (2, *images.shape[:3]), "float64")
    return ref.elastic_transform(images, draws, **settings)


case(
    "image.elastic_transform",
    IMAGES,
    alpha=3.0,
    sigma=0.5,
    seed=1,
    reference=lambda images, alpha, sigma, seed: _elastic(images, seed, alpha=alpha, sigma=sigma),
    error=1e-5,
    of_largest=True,
)

# Frames
case("image.crop_images", IMAGES, 1, 0, 2, 1, reference=ref.crop_images)
case(
    "image.crop_images",
    FIRST[0],
    1,
    bottom_cropping=1,
    right_cropping=2,
    target_width=1,
    data_format="channels_first",
    reference=lambda x, *_, **__: x[:, 1:4, 1:2],
    note="target",
)
case("image.pad_images", IMAGES, 1, 0, 2, 2, reference=ref.pad_images)
case(
    "image.pad_images",
    FIRST[0],
    1,
    target_height=8,
    right_padding=2,
    target_width=6,
    data_format="channels_first",
    reference=lambda x, *_, **__: np.pad(x, ((0, 0), (1, 2), (0, 2))),
    note="target",
)
for note, size, settings in (
    ("", (2, 2), {}),
    ("overlap", (3, 2), {"strides": (1, 2)}),
    ("dilated", (2, 2), {"strides": (2, 1), "dilation_rate": 2}),
    ("same", (3, 2), {"strides": (2, 2), "padding": "same"}),
):
    case(
        "image.extract_patches", IMAGES, size, **settings, reference=ref.extract_patches, note=note
    )
case(
    "image.extract_patches",
    FIRST[0],
    2,
    1,
    data_format="channels_first",
    reference=lambda x, *_, **__: np.moveaxis(
        ref.extract_patches(np.moveaxis(x, 0, -1)[None], (2, 2), (1, 1)), -1, 1
    )[0],
    note="one-first",
)
VOLUMES = rows(3, 4, 2, 2)
case("image.extract_patches", VOLUMES, (2, 2, 1), reference=ref.extract_patches, note="volumes")
case("image.extract_patches_3d", VOLUMES, (2, 2, 2), (1, 2, 1), reference=ref.extract_patches)

# Filters
case("image.gaussian_blur", IMAGES, reference=ref.gaussian_blur, of_largest=True)
for note, kernel in (("wide", (5, 3)), ("even", (2, 4))):
    case(
        "image.gaussian_blur",
        FIRST,
        kernel,
        (0.75, 1.5),
        data_format="channels_first",
        reference=ref.gaussian_blur,
        of_largest=True,
        note=note,
    )
case("image.sobel_edges", IMAGES, dtype=FLOAT, reference=ref.sobel_edges, of_largest=True)
case(
    "image.sobel_edges",
    FIRST,
    data_format="channels_first",
    dtype=FLOAT,
    reference=ref.sobel_edges,
    of_largest=True,
    note="first",
)
for note, settings in (("", {}), ("bright", {"max_val": 4.0, "filter_sigma": 1.0})):
    case(
        "image.ssim",
        IMAGES,
        np.ascontiguousarray(IMAGES[:, ::-1]),
        filter_size=3,
        **settings,
        dtype=FLOAT,
        reference=ref.ssim,
        error=2e-6,
        of_largest=True,
        note=note,
    )
case(
    "image.ssim",
    np.moveaxis(LARGE[0], -1, 0).copy(),
    np.moveaxis(LARGE[0] * 0.75 + LARGE[1] * 0.25, -1, 0).copy(),
    filter_size=9,
    data_format="channels_first",
    dtype=FLOAT,
    reference=ref.ssim,
    error=4e-6,
    of_largest=True,
    note="one-first",
)
