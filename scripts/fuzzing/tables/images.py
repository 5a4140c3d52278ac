"""Rows of ops: images."""

import numpy as np

from ...references import image
from ..draws import FLOATS, INTEGERS, Draw
from ..rows import Call, row

KINDS = (*FLOATS, *INTEGERS)


def _image(draw: Draw, kinds=FLOATS, channels=None, least=2, batch=True, values="positive"):
    """Images with their channels last or first, and the name of that."""
    count = draw.whole(1, 3) if channels is None else channels
    sizes = (draw.whole(least, 6), draw.whole(least, 6))
    first = draw.chance(0.4)
    shape = (count, *sizes) if first else (*sizes, count)
    if not batch or draw.chance(0.7):
        shape = (draw.pick(1, 2), *shape)
    x = draw.array(shape, draw.dtype(kinds), values)
    return x, "channels_first" if first else "channels_last"


def _plain(function_kinds=FLOATS, channels=None, values="positive", batch=True, least=2, **choices):
    def make(draw: Draw) -> Call:
        x, layout = _image(draw, function_kinds, channels, least, batch, values)
        settings = {k: draw.pick(*v) for k, v in choices.items()}
        return Call([x], {**settings, "data_format": layout})

    return make


ONE = {"operands": (0,), "size": "largest", "error": 32}
# An image of one channel stays as it is.
row("image.rgb_to_grayscale", _plain(FLOATS, 3), image.rgb_to_grayscale, open=False, **ONE)
row("image.rgb_to_hsv", _plain(FLOATS, 3, "unit"), None, **ONE)
row("image.hsv_to_rgb", _plain(FLOATS, 3, "unit"), None, **ONE)
METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area")


def _resized(draw: Draw) -> Call:
    x, layout = _image(draw, FLOATS)
    method = draw.pick(*METHODS)
    kwargs = {"interpolation": method, "data_format": layout}
    if method in ("bilinear", "bicubic", "lanczos3", "lanczos5"):
        kwargs["antialias"] = draw.chance(0.5)
    if draw.chance(0.3):
        kwargs["crop_to_aspect_ratio"] = True
    return Call([x, (draw.whole(1, 8), draw.whole(1, 8))], kwargs)


def _smooth_resized(draw: Draw) -> Call:
    call = _resized(draw)
    x = call.args[0]
    return Call([draw.array(x.shape, "float64", "tame"), *call.args[1:]], call.kwargs)


row("image.resize", _resized, image.resize, **ONE, gradient=(0,), smooth=_smooth_resized)


def _whole_resized(draw: Draw) -> Call:
    x, layout = _image(draw, INTEGERS, values="small")
    return Call([x, (draw.whole(1, 8), draw.whole(1, 8))],
                {"interpolation": "nearest", "data_format": layout})  # fmt: skip


row("image.resize", _whole_resized, image.resize, **ONE)


def _scaled(draw: Draw) -> Call:
    x = draw.array((draw.whole(2, 6), draw.whole(2, 6)), draw.dtype(FLOATS), "tame")
    factors = draw.random.uniform(0.4, 2.2, 2).astype("float32")
    moves = draw.random.uniform(-1, 1, 2).astype("float32")
    return Call([x, (draw.whole(1, 7), draw.whole(1, 7)), factors, moves, (0, 1),
                 draw.pick("linear", "cubic", "lanczos3", "lanczos5")],
                {"antialias": draw.chance(0.5)})  # fmt: skip


row("image.scale_and_translate", _scaled, image.scale_and_translate, meet="same", **{**ONE,
    "error": 256})  # fmt: skip
FILLS = ("constant", "nearest", "wrap", "mirror", "reflect")


def _mapped(draw: Draw) -> Call:
    x = draw.array(draw.shape(1, 3, 2), draw.dtype(FLOATS), "tame")
    places = draw.random.uniform(-7, 11, (x.ndim, draw.size(1), draw.size(1)))
    # Far from the middle between two elements, where the nearest one is open.
    places = (np.round(places * 4) / 4 + 1 / 16).astype("float32")
    return Call([x, places, draw.pick(0, 1)], {"fill_mode": draw.pick(*FILLS), "fill_value": 1.5})


row("image.map_coordinates", _mapped, image.map_coordinates, **{**ONE, "error": 64},
    dtype="met")  # fmt: skip


def _moved(draw: Draw) -> Call:
    x, layout = _image(draw, FLOATS)
    numbers = draw.random.uniform(-0.2, 0.2, 8) + np.array([1, 0, 0, 0, 1, 0, 0, 0])
    numbers[6:] = 0 if draw.chance(0.6) else numbers[6:] / 20
    return Call([x, numbers.astype("float32")], {"fill_mode": draw.pick(*FILLS),
                "fill_value": 0.5, "data_format": layout})  # fmt: skip


row("image.affine_transform", _moved, image.affine_transform, **{**ONE, "error": 256})


def _tilted(draw: Draw) -> Call:
    x, layout = _image(draw, FLOATS)
    start = np.array([[0, 0], [0, 3], [3, 0], [3, 3]], "float32")
    end = (start + draw.random.uniform(-0.4, 0.4, (4, 2))).astype("float32")
    return Call([x, start, end], {"fill_value": 0.5, "data_format": layout})


row("image.perspective_transform", _tilted, image.perspective_transform, **{**ONE,
    "error": 2048})  # fmt: skip


def _elastic(draw: Draw) -> Call:
    x, layout = _image(draw, FLOATS, least=3)
    return Call([x], {"alpha": 3.0, "sigma": 0.5, "seed": draw.whole(0, 99),
                      "fill_mode": draw.pick(*FILLS), "data_format": layout})  # fmt: skip


row("image.elastic_transform", _elastic, None, **{**ONE, "error": 2048})


def _cropped(draw: Draw) -> Call:
    x, _ = _image(draw, KINDS, least=3)
    return Call([x, 1, draw.pick(0, 1), draw.pick(0, 1), 1], {"data_format": "channels_last"}) \
        if x.shape[-3] > 2 and x.shape[-2] > 2 else Call([x, 0, 0, 0, 0],
            {"data_format": "channels_last"})  # fmt: skip


row("image.crop_images", _cropped, image.crop_images, operands=(0,))


def _framed(draw: Draw) -> Call:
    x, layout = _image(draw, KINDS)
    return Call([x, *(draw.whole(0, 2) for _ in range(4))], {"data_format": layout})


row("image.pad_images", _framed, image.pad_images, operands=(0,))


def _patched(rank: int):
    def make(draw: Draw) -> Call:
        shape = (draw.pick(1, 2), *(draw.whole(3, 5) for _ in range(rank)), draw.whole(1, 2))
        x = draw.array(shape, draw.dtype(KINDS), "tame")
        strides = tuple(draw.whole(1, 2) for _ in range(rank))
        return Call([x, tuple(draw.whole(1, 2) for _ in range(rank))],
                    {"strides": strides, "dilation_rate": draw.pick(1, 1, 2) if max(strides) == 1
                     else 1, "padding": draw.pick("valid", "same")})  # fmt: skip

    return make


row("image.extract_patches", _patched(2), image.extract_patches, operands=(0,))
row("image.extract_patches_3d", _patched(3), image.extract_patches, operands=(0,))


def _blurred(draw: Draw) -> Call:
    x, layout = _image(draw, FLOATS)
    return Call([x, (draw.whole(1, 4), draw.whole(1, 4)), (draw.pick(0.5, 1.0), draw.pick(1.5,
        1.0))], {"data_format": layout})  # fmt: skip


row("image.gaussian_blur", _blurred, image.gaussian_blur, **ONE, gradient=(0,))


def _sloped(draw: Draw) -> Call:
    x, layout = _image(draw, KINDS, least=2)
    x = x if x.ndim == 4 else x[None]
    return Call([x], {"data_format": layout})


row("image.sobel_edges", _sloped, lambda x, data_format: image.sobel_edges(x.astype(float),
    data_format), meet="float", operands=(0,), error=32,
    size=lambda x, data_format: np.max(np.abs(x), initial=0))  # fmt: skip


def _alike(draw: Draw) -> Call:
    x, layout = _image(draw, FLOATS, least=4, values="unit")
    noise = draw.array(x.shape, "float64", "unit")
    y = (x.astype(float) * 0.5 + noise * 0.5).astype(x.dtype)
    return Call([x, y], {"filter_size": 3, "data_format": layout, "max_val": 2.0})


row("image.ssim", _alike, image.ssim, meet="float", size=lambda *a, **k: 1.0, error=64)
