"""What Keras's image classifiers share around the network: pixels in, names of classes out.

Definition: keras/src/applications/imagenet_utils.py. `isozoo.applications.imagenet_utils` and the
functions of the same names in `isozoo.applications.vgg16` and its like are made of these.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..framework import activations, config, ops
from ..framework.typing import Tensor
from .labels import imagenet_synsets
from .preprocessing import IMAGENET_MEAN, IMAGENET_STD

MODES = ("caffe", "tf", "torch")
CAFFE_MEAN = (103.939, 116.779, 123.68)
"""Of ImageNet's training pictures: blue, green, red, each from 0 to 255."""

Sizes = tuple[int | None, ...]


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Brings pixels to the range that a network was trained on.

    Args:
        x: pixels from 0 to 255, RGB: (height, width, 3) or (batch, height, width, 3), with the
            channels first if `data_format` says so. A floating array of NumPy is written over in
            the modes "tf" and "torch", as in Keras; in "caffe" it is written over, too, and the
            result is a view of it.
        data_format: "channels_last" or "channels_first"; the setting when None.
        mode: "caffe" turns RGB to BGR and subtracts the mean of ImageNet; "tf" scales to [-1, 1];
            "torch" scales to [0, 1], then subtracts ImageNet's mean and divides by its deviation.

    Returns:
        The same kind of array or tensor, of a floating dtype.

    Raises:
        ValueError: another mode or data format.
    """
    if mode not in MODES:
        raise ValueError(
            f"Expected mode to be one of `caffe`, `tf` or `torch`. Received: mode={mode}"
        )
    data_format = checked_data_format(data_format)
    plain = isinstance(x, np.ndarray)
    if plain and not np.issubdtype(x.dtype, np.floating):
        x = x.astype(config.floatx())
    rank = len(x.shape)
    axis = rank - 3 if data_format == "channels_first" else rank - 1
    if mode == "caffe":
        x = _reversed(x, axis, plain)
        return _shifted(x, CAFFE_MEAN, (1.0, 1.0, 1.0), axis, rank, plain)
    if mode == "torch":
        x = _divided(x, 255.0, plain)
        return _shifted(x, IMAGENET_MEAN, IMAGENET_STD, axis, rank, plain)
    x = _divided(x, 127.5, plain)
    if plain:
        x -= 1.0
        return x
    return ops.subtract(x, 1.0)


@cache
def preprocessing(mode: str) -> Callable[..., Any]:
    """Returns the `preprocess_input` of a network's module: of one mode, or, of none, nothing."""
    if mode:

        def preprocess(x: Any, data_format: str | None = None) -> Any:
            return preprocess_input(x, data_format, mode)

        doc = f'Brings pixels, 0 to 255, to the range of the mode "{mode}"'
    else:

        def preprocess(x: Any, data_format: str | None = None) -> Any:
            return x

        doc = "Returns x: the network takes pixels from 0 to 255"
    preprocess.__name__ = preprocess.__qualname__ = "preprocess_input"
    preprocess.__doc__ = f"{doc}; see `imagenet_utils.preprocess_input`."
    return preprocess


def checked_data_format(data_format: str | None) -> str:
    """Returns the data format, the setting when None. ValueError when there is no such."""
    if data_format is None:
        return config.image_data_format()
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(
            "Expected data_format to be one of `channels_first` or `channels_last`. Received: "
            f"data_format={data_format}"
        )
    return data_format


def _reversed(x: Any, axis: int, plain: bool) -> Any:
    return np.flip(x, axis) if plain else ops.flip(x, axis)


def _divided(x: Any, by: float, plain: bool) -> Any:
    if plain:
        x /= by
        return x
    return ops.divide(x, by)


def _shifted(x: Any, mean: Any, std: Any, axis: int, rank: int, plain: bool) -> Any:
    """(x - mean) / std, with a mean and a std for each place along the axis."""
    shape = [3 if a == axis else 1 for a in range(rank)]
    mean, std = (np.asarray(v, np.float64).reshape(shape) for v in (mean, std))
    if plain:
        x -= mean.astype(x.dtype)
        x /= std.astype(x.dtype)
        return x
    dtype = ops.dtype(x)
    if not dtype.startswith(("float", "bfloat")):
        x, dtype = ops.cast(x, config.floatx()), config.floatx()
    return ops.divide(ops.subtract(x, ops.cast(mean, dtype)), ops.cast(std, dtype))


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Names the most probable classes of each row.

    The names are Keras's, from its file imagenet_class_index.json, which is fetched at first use
    and checked against the hash that Keras publishes.

    Args:
        preds: (batch, 1000), scores of ImageNet's classes.
        top: how many classes of each row.

    Returns:
        For each row a list of (WordNet id, name, score), the highest score first.

    Raises:
        ValueError: another shape.
        SourcesExhaustedError: the file of names can't be had.
    """
    if len(preds.shape) != 2 or preds.shape[1] != 1000:
        raise ValueError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape "
            f"(samples, 1000)). Received array with shape: {tuple(preds.shape)}"
        )
    names = imagenet_synsets()
    found = []
    for row in ops.convert_to_numpy(preds):
        best = np.argsort(-row, kind="stable")[:top]
        found.append([(*names[i], row[i]) for i in best])
    return found


def obtain_input_shape(
    input_shape: Sizes | None,
    default_size: int | None,
    min_size: int,
    data_format: str,
    require_flatten: bool,
    weights: Any = None,
) -> Sizes:
    """Returns the shape of a network's images, as asked for or by default.

    Args:
        input_shape: without the batch; None for the default.
        default_size: height and width by default.
        min_size: the smallest height and width that the network takes.
        data_format: "channels_last" or "channels_first".
        require_flatten: whether the sizes must be known, for a classifier's sake.
        weights: "imagenet" needs three channels, and with `require_flatten` the default size.

    Raises:
        ValueError: the shape does not have three axes, is too small, lacks a size that must be
            known, or does not fit the weights.
    """
    first = data_format == "channels_first"

    def shape_of(size: int | None, channels: int | None) -> Sizes:
        return (channels, size, size) if first else (size, size, channels)

    if input_shape is not None:
        input_shape = tuple(input_shape)
    if weights != "imagenet" and input_shape and len(input_shape) == 3:
        channels = input_shape[0 if first else -1]
        if channels not in (1, 3):
            warnings.warn(
                "This model usually expects 1 or 3 input channels. However, it was passed an "
                f"input_shape with {channels} input channels.",
                stacklevel=2,
            )
        default = shape_of(default_size, channels)
    else:
        default = shape_of(default_size, 3)
    if weights == "imagenet" and require_flatten:
        if input_shape is not None and input_shape != default:
            raise ValueError(
                "When setting `include_top=True` and loading `imagenet` weights, `input_shape` "
                f"should be {default}.  Received: input_shape={input_shape}"
            )
        return default
    if input_shape:
        _check_shape(input_shape, min_size, first, weights)
    else:
        input_shape = default if require_flatten else shape_of(None, 3)
    if require_flatten and None in input_shape:
        raise ValueError(
            "If `include_top` is True, you should specify a static `input_shape`. Received: "
            f"input_shape={input_shape}"
        )
    return input_shape


def _check_shape(shape: Sizes, min_size: int, first: bool, weights: Any) -> None:
    if len(shape) != 3:
        raise ValueError(
            f"`input_shape` must be a tuple of three integers. Received: input_shape={shape}"
        )
    channels, sizes = (shape[0], shape[1:]) if first else (shape[-1], shape[:-1])
    if channels != 3 and weights == "imagenet":
        raise ValueError(f"The input must have 3 channels; Received `input_shape={shape}`")
    if any(n is not None and n < min_size for n in sizes):
        raise ValueError(
            f"Input size must be at least {min_size}x{min_size}; Received: input_shape={shape}"
        )


def correct_pad(inputs: Tensor, kernel_size: int | tuple[int, int]) -> tuple[Any, Any]:
    """Returns ((top, bottom), (left, right)): zeros around images, for a step of 2 after them.

    Args:
        inputs: (batch, height, width, channels), or with the channels first, by the setting.
        kernel_size: of the convolution that follows, with "valid" borders.
    """
    at = 2 if config.image_data_format() == "channels_first" else 1
    sizes = inputs.shape[at : at + 2]
    kernels = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
    even = (1, 1) if sizes[0] is None else tuple(1 - n % 2 for n in sizes)
    return tuple((k // 2 - e, k // 2) for k, e in zip(kernels, even, strict=True))  # pyright: ignore[reportReturnType]


def validate_activation(classifier_activation: Any, weights: Any) -> None:
    """Raises ValueError where weights are loaded into a classifier with another activation."""
    if weights is None:
        return
    found = activations.get(classifier_activation)
    if found not in (activations.get("softmax"), activations.get(None)):
        raise ValueError(
            "Only `None` and `softmax` activations are allowed for the `classifier_activation` "
            "argument when using pretrained weights, with `include_top=True`; Received: "
            f"classifier_activation={classifier_activation}"
        )
