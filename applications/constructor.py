"""Keras's constructor functions for image classifiers, each made from a row.

A network is a function from a symbolic batch of images to symbolic features or scores; a row names
it, with its settings, its default size, and the arguments that its constructor has. What all
constructors do alike, the checks, the top, the weights, stands here once.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..framework import config, layers
from ..framework.core.graph import get_source_inputs
from ..framework.core.keras_tensor import KerasTensor
from ..framework.core.scopes import deferred_initialization
from ..framework.models import Model
from .imagenet_utils import obtain_input_shape, validate_activation

Arguments = dict[str, Any]
STANDARD: Arguments = {
    "include_top": True,
    "weights": "imagenet",
    "input_tensor": None,
    "input_shape": None,
    "pooling": None,
    "classes": 1000,
    "classifier_activation": "softmax",
}
"""The arguments that most constructors have, in Keras's order, with their defaults; then `name`."""


@dataclass(frozen=True)
class Top:
    """What the caller wants behind the last features.

    Args:
        include_top: whether classes are scored.
        pooling: without a top: "avg", "max" or None.
        classes: how many.
        activation: of the scores.
        weights: what is loaded afterwards: None, "imagenet" or a path.
    """

    include_top: bool
    pooling: str | None
    classes: int
    activation: Any
    weights: Any

    def __post_init__(self) -> None:
        if self.pooling not in (None, "avg", "max"):
            raise ValueError(
                'The `pooling` argument should be None, "avg" or "max". '
                f"Received: pooling={self.pooling!r}"
            )

    def pooled(self, x: Any, named: bool = False) -> Any:
        """Returns features without a top: pooled if asked for, by layers with Keras's names."""
        if self.pooling == "avg":
            return layers.GlobalAveragePooling2D(name="avg_pool" if named else None)(x)
        if self.pooling == "max":
            return layers.GlobalMaxPooling2D(name="max_pool" if named else None)(x)
        return x

    def scored(self, x: Any, dropout: float = 0.0, **dense: Any) -> Any:
        """Returns the scores of classes for vectors, by a dense layer."""
        if dropout:
            x = layers.Dropout(dropout, name="top_dropout")(x)
        settings = {"name": "predictions", **dense}
        return layers.Dense(self.classes, activation=self.checked_activation(), **settings)(x)

    def checked_activation(self) -> Any:
        """Returns the activation. ValueError where weights are loaded that are not for it."""
        validate_activation(self.activation, self.weights)
        return self.activation

    def __call__(self, x: Any, named: bool = False, pool: str | None = "avg_pool") -> Any:
        """Returns the mean over the image and a dense layer, or what was asked for instead.

        Args:
            x: the last features.
            named: whether the layer that pools without a top has a name.
            pool: the name of the layer that takes the mean below the top.
        """
        if not self.include_top:
            return self.pooled(x, named)
        return self.scored(layers.GlobalAveragePooling2D(name=pool)(x))


@dataclass(frozen=True)
class Network:
    """A row: one constructor function of Keras.

    Args:
        title: the function's name, such as "VGG16".
        body: (images, top, **settings) -> features or scores, all symbolic.
        name: of the model, by default; or a callable of (arguments, input shape).
        size: height and width of the images by default; or a callable of the arguments.
        least: the smallest height and width.
        parameters: arguments and defaults in Keras's order.
        reference: the paper.
        settings: of the body, fixed.
        forwarded: arguments of the caller that the body takes.
        preset: arguments, input shape -> name of the published weights with a top; ValueError
            where none fit. The name of the model when None.
        channels_last_only: whether there is no form with the channels first.
        check: more checks, of (arguments); it may change them.
        sized: whether the network hangs on the size of the images in other forms than Keras's, too.
    """

    title: str
    body: Callable[..., Any]
    name: str | Callable[[Arguments, Any], str]
    size: int | Callable[[Arguments], int] = 224
    least: int = 32
    parameters: Arguments = field(default_factory=lambda: STANDARD)
    reference: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    forwarded: tuple[str, ...] = ()
    preset: Callable[[Arguments, Any], str] | None = None
    channels_last_only: bool = False
    check: Callable[[Arguments], None] | None = None
    sized: bool = False

    def build(self, arguments: Arguments) -> Any:
        """Returns the functional model for the arguments of a call, weights loaded."""
        if self.channels_last_only and config.image_data_format() == "channels_first":
            raise ValueError(
                f"{self.title} does not support the `channels_first` image data format. Call "
                "`isozoo.config.set_image_data_format('channels_last')` first."
            )
        weights, include_top = arguments["weights"], arguments["include_top"]
        _check_weights(weights, include_top, arguments["classes"])
        if self.check is not None:
            self.check(arguments)
        shape = self.input_shape(arguments)
        preset = None
        if weights == "imagenet":
            preset = self.preset_name(arguments, shape)
        if preset is not None:
            from .published.weights import load_published

            with deferred_initialization():
                model = self.assemble(arguments, shape)
            load_published(model, preset)
            return model
        if weights is None:
            return self.assemble(arguments, shape)
        with deferred_initialization():
            model = self.assemble(arguments, shape)
        model.load_weights(os.fspath(weights))
        return model

    def assemble(self, arguments: Arguments, shape: Any = None, published: bool = False) -> Any:
        """Returns the functional model, with fresh weights.

        Args:
            arguments: all of those that a call has.
            shape: of one image; what the arguments say when None.
            published: whether the network has what the published weights need.
        """
        shape = self.input_shape(arguments) if shape is None else shape
        images = given = arguments["input_tensor"]
        if given is None:
            images = layers.Input(shape)
        elif not isinstance(given, KerasTensor):
            images = layers.Input(shape=shape, tensor=given)
        names = ("include_top", "pooling", "classes", "classifier_activation", "weights")
        top = Top(*(arguments[name] for name in names))
        top = replace(top, weights="imagenet") if published else top
        forwarded = {name: arguments[name] for name in self.forwarded}
        outputs = self.body(images, top, **self.settings, **forwarded)
        name = arguments["name"]
        if name is None and callable(self.name):
            name = self.name(arguments, shape)
        inputs = images
        if isinstance(given, KerasTensor):
            sources = get_source_inputs(given)
            inputs = sources[0] if len(sources) == 1 else sources
        return Model(inputs, outputs, name=name)

    def defaults(self) -> Arguments:
        """Returns the arguments with their defaults."""
        return {**self.parameters, "name": None if callable(self.name) else self.name}

    def usual_size(self) -> int:
        """Returns height and width of the images that the network is made for."""
        return self.size(self.defaults()) if callable(self.size) else self.size

    def input_shape(self, arguments: Arguments) -> Any:
        """Returns the shape of the images, (height, width, channels) or as the setting says."""
        size = self.size(arguments) if callable(self.size) else self.size
        return obtain_input_shape(
            arguments["input_shape"],
            size,
            self.least,
            config.image_data_format(),
            require_flatten=arguments["include_top"],
            weights=arguments["weights"],
        )

    def preset_name(self, arguments: Arguments, shape: Any) -> str:
        """Returns the name of the published weights for a call with `weights="imagenet"`."""
        name = str(self.name) if self.preset is None else self.preset(arguments, shape)
        return name if arguments["include_top"] else f"{name}_notop"


def _check_weights(weights: Any, include_top: bool, classes: int) -> None:
    if weights in ("imagenet", None):
        pass
    elif not isinstance(weights, str | os.PathLike) or not os.path.exists(weights):
        raise ValueError(
            "The `weights` argument should be either `None` (random initialization), 'imagenet' "
            "(pre-training on ImageNet), or the path to the weights file to be loaded.  Received: "
            f"weights={weights}"
        )
    if weights == "imagenet" and include_top and classes != 1000:
        raise ValueError(
            "If using `weights='imagenet'` with `include_top=True`, `classes` should be 1000.  "
            f"Received classes={classes}. Pass `include_top=False` and put a head of your own on "
            "the result."
        )


def constructor(network: Network) -> Callable[..., Any]:
    """Returns the function that builds a row's network, with Keras's arguments."""
    parameters = network.defaults()
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [inspect.Parameter(name, kind, default=value) for name, value in parameters.items()]
    )

    def construct(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{network.title}{signature}: {error}") from None
        return network.build({**parameters, **bound.arguments})

    construct.__name__ = construct.__qualname__ = network.title
    construct.__module__ = network.body.__module__
    construct.__doc__ = _doc(network, parameters)
    construct.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    construct.network = network  # pyright: ignore[reportFunctionMemberAccess]
    return construct


_ABOUT = {
    "include_top": "whether the classifier is on top of the features.",
    "weights": 'None for fresh weights, "imagenet" for those that Keras publishes, or the path of '
    "a file of weights.",
    "input_tensor": "a symbolic tensor to build on, in the place of a new input.",
    "input_shape": "of one image: (height, width, channels), or with the channels first by the "
    "setting. Needed only where another size than the default is wanted.",
    "pooling": 'without a top: "avg" or "max" over the image, or None for the feature map.',
    "classes": "number of classes.",
    "classifier_activation": 'activation of the scores; None for logits, "softmax" by default.',
    "name": "of the model.",
    "alpha": "by which the numbers of channels are multiplied.",
    "depth_multiplier": "outputs for each channel of a depthwise convolution.",
    "dropout": "share of features dropped below the top in training.",
    "dropout_rate": "share of features dropped below the top in training.",
    "minimalistic": "whether squeeze-and-excitation, hard swish and 5x5 kernels are left out.",
    "include_preprocessing": "whether the network takes pixels from 0 to 255 and scales them.",
}


def _doc(network: Network, parameters: Arguments) -> str:
    lines = [f"Builds {network.title} as a functional model, with Keras's names of layers."]
    if network.reference:
        lines += ["", f"    {network.reference}"]
    lines += ["", "    Args:", *(f"        {name}: {_ABOUT[name]}" for name in parameters), ""]
    lines += ["    Raises:", "        ValueError: an argument is out of its range, or does not fit"]
    lines += ["            the weights.", "    "]
    return "\n".join(lines)


def resized(arguments: Arguments, sizes: tuple[int, ...], default: int = 224) -> int:
    """Returns the size of the images asked for if weights exist for it, else the default."""
    shape, given = arguments["input_shape"], arguments["input_tensor"]
    if shape is None and isinstance(given, KerasTensor):
        shape = given.shape[1:]
    if shape is None or len(shape) != 3:
        return default
    rows, columns = shape[1:] if config.image_data_format() == "channels_first" else shape[:2]
    return rows if rows == columns and rows in sizes else default
