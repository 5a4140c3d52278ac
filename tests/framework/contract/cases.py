"""The layers that the contract holds for: one line each. A new layer gets every row by its line.

Models that nest them stand in the same table, for what holds of a layer holds of a model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from isozoo import layers
from isozoo.framework.nested import flatten, map_structure
from isozoo.nlp.attention import DenseAttention

from . import user_layers as user

_draws = np.random.default_rng(8)


def _draw(*shape: int) -> np.ndarray:
    return _draws.standard_normal(shape).astype(np.float32)


ROWS = (_draw(3, 4),)
STEPS = (_draw(3, 6, 4),)
IMAGES = (_draw(3, 5, 6, 4),)
VOLUMES = (_draw(2, 3, 4, 5, 2),)
TOKENS = (np.array([[1, 5], [2, 0], [4, 4]], np.int32),)
PAIR = (_draw(3, 2, 4), _draw(3, 5, 4))
VOLUMES = (_draw(3, 2, 4, 3, 3),)
MERGED = ([_draw(3, 6, 4), _draw(3, 6, 4)],)


class Case(NamedTuple):
    """A layer and how to call it.

    Attributes:
        name: the name of its rows.
        make: makes it; takes the arguments that all layers take.
        inputs: NumPy arrays to call it on, or lists of them, with the batch in front.
        flags: "random" (training draws), "statistics" (training changes variables), "mask"
            (what Keras's class of the name says of `supports_masking`; of RMSNormalization we say
            so, too), "ends" (takes a mask, and its outputs have none), "own" (what it does with
            masks is its own), "keeps" (integers stay integers), "model" (made of other layers),
            "graph" (made of symbolic tensors), "stateless" (no variables, and no rows about them).
    """

    name: str
    make: Callable[..., Any]
    inputs: tuple[Any, ...]
    flags: frozenset[str] = frozenset()

    def mapped(self, function: Callable[[np.ndarray], Any]) -> tuple[Any, ...]:
        """Returns the inputs with `function(array)` in the place of each array."""
        return map_structure(function, self.inputs)

    def arrays(self) -> list[np.ndarray]:
        """Returns the arrays among the inputs."""
        return flatten(self.inputs)


def _case(name: str, make: Callable[..., Any], inputs: tuple, flags: str = "") -> Case:
    return Case(name, make, inputs, frozenset(flags.split()))


LAYERS = [
    _case("Dense", lambda **o: layers.Dense(3, "relu", **o), ROWS, "mask"),
    _case("Dense_steps", lambda **o: layers.Dense(3, use_bias=False, **o), STEPS, "mask"),
    _case("EinsumDense", lambda **o: layers.EinsumDense(
        "abc,cde->aebd", (2, None, 3), "relu", "ed", **o), STEPS),
    _case("Attention", lambda **o: layers.Attention(True, "concat", 0.5, **o), (list(PAIR),),
          "random mask"),
    _case("AdditiveAttention", lambda **o: layers.AdditiveAttention(**o), (list(PAIR),), "mask"),
    _case("MultiHeadAttention", lambda **o: layers.MultiHeadAttention(2, 3, 1, use_gate=True, **o),
          PAIR, "mask model"),
    _case("GroupQueryAttention", lambda **o: layers.GroupQueryAttention(
        3, 4, 2, 0.5, sliding_window=2, **o), PAIR, "random mask model"),
    _case("ReversibleEmbedding", lambda **o: layers.ReversibleEmbedding(6, 3, **o), TOKENS),
    _case("Masking", lambda **o: layers.Masking(0.5, **o), STEPS, "own keeps stateless"),
    _case("Lambda", lambda **o: layers.Lambda(user.doubled, arguments={"plus": 1}, **o), ROWS,
          "ends keeps stateless"),
    _case("user_Wrapping", lambda **o: user.Wrapping(layers.Dense(2, dtype=o.get("dtype")), **o),
          ROWS, "model"),
    _case("Embedding", lambda **o: layers.Embedding(6, 3, **o), TOKENS),
    _case("Dropout", lambda **o: layers.Dropout(0.5, **o), STEPS, "random mask keeps"),
    _case("AlphaDropout", lambda **o: layers.AlphaDropout(0.5, **o), STEPS, "random mask keeps"),
    _case("SpatialDropout1D", lambda **o: layers.SpatialDropout1D(0.5, **o), STEPS,
          "random mask keeps"),
    _case("SpatialDropout2D", lambda **o: layers.SpatialDropout2D(0.5, **o), IMAGES,
          "random mask keeps"),
    _case("SpatialDropout3D", lambda **o: layers.SpatialDropout3D(0.5, "channels_first", **o),
          VOLUMES, "random mask keeps"),
    _case("GaussianDropout", lambda **o: layers.GaussianDropout(0.5, **o), STEPS,
          "random mask keeps"),
    _case("GaussianNoise", lambda **o: layers.GaussianNoise(0.5, **o), STEPS, "random mask keeps"),
    _case("ActivityRegularization", lambda **o: layers.ActivityRegularization(0.1, 0.2, **o), ROWS,
          "mask keeps stateless"),
    _case("Activation", lambda **o: layers.Activation("tanh", **o), ROWS, "mask stateless"),
    _case("ReLU", lambda **o: layers.ReLU(1.0, 0.1, 0.2, **o), ROWS, "mask stateless"),
    _case("LeakyReLU", lambda **o: layers.LeakyReLU(**o), ROWS, "mask stateless"),
    _case("PReLU", lambda **o: layers.PReLU(shared_axes=[1], **o), STEPS, "mask"),
    _case("ELU", lambda **o: layers.ELU(0.5, **o), ROWS, "mask stateless"),
    _case("Softmax", lambda **o: layers.Softmax([1, 2], **o), STEPS, "own stateless"),
    _case("Add", lambda **o: layers.Add(**o), MERGED, "mask keeps stateless"),
    _case("Average", lambda **o: layers.Average(**o), MERGED, "mask stateless"),
    _case("Concatenate", lambda **o: layers.Concatenate(1, **o), MERGED, "mask keeps stateless"),
    _case("Dot", lambda **o: layers.Dot(2, True, **o), (list(PAIR),), "stateless"),
    _case("Maximum", lambda **o: layers.Maximum(**o), MERGED, "mask keeps stateless"),
    _case("Minimum", lambda **o: layers.Minimum(**o), MERGED, "mask keeps stateless"),
    _case("Multiply", lambda **o: layers.Multiply(**o), MERGED, "mask keeps stateless"),
    _case("Subtract", lambda **o: layers.Subtract(**o), MERGED, "mask keeps stateless"),
    _case("Identity", lambda **o: layers.Identity(**o), STEPS, "mask keeps stateless"),
    _case("Conv1D", lambda **o: layers.Conv1D(2, 3, padding="same", **o), STEPS),
    _case("Conv2D", lambda **o: layers.Conv2D(4, 3, strides=2, groups=2, **o), IMAGES),
    _case("DepthwiseConv2D", lambda **o: layers.DepthwiseConv2D(3, padding="same", **o), IMAGES),
    _case("Conv2DTranspose", lambda **o: layers.Conv2DTranspose(2, 3, 2, "same", **o), IMAGES),
    _case("SeparableConv2D", lambda **o: layers.SeparableConv2D(2, 3, depth_multiplier=2, **o),
          IMAGES),
    _case("LayerNormalization", lambda **o: layers.LayerNormalization(**o), STEPS, "mask"),
    _case("RMSNormalization", lambda **o: layers.RMSNormalization(**o), STEPS, "mask"),
    _case("GroupNormalization", lambda **o: layers.GroupNormalization(2, **o), IMAGES, "mask"),
    _case("UnitNormalization", lambda **o: layers.UnitNormalization(**o), STEPS,
          "mask stateless"),
    _case("SpectralNormalization",
          lambda **o: layers.SpectralNormalization(layers.Dense(3, **o), **o), ROWS,
          "statistics model"),
    _case("BatchNormalization", lambda **o: layers.BatchNormalization(momentum=0.5, **o), STEPS,
          "statistics mask"),
    _case("MaxPooling1D", lambda **o: layers.MaxPooling1D(2, **o), STEPS, "keeps stateless"),
    _case("MaxPooling2D", lambda **o: layers.MaxPooling2D((2, 3), padding="same", **o), IMAGES,
          "keeps stateless"),
    _case("AveragePooling1D", lambda **o: layers.AveragePooling1D(3, 1, "same", **o), STEPS,
          "stateless"),
    _case("AveragePooling2D", lambda **o: layers.AveragePooling2D(2, **o), IMAGES, "stateless"),
    _case("GlobalAveragePooling1D", lambda **o: layers.GlobalAveragePooling1D(**o), STEPS,
          "stateless ends"),
    _case("GlobalAveragePooling2D", lambda **o: layers.GlobalAveragePooling2D(**o), IMAGES,
          "stateless"),
    _case("GlobalMaxPooling1D", lambda **o: layers.GlobalMaxPooling1D(**o), STEPS,
          "keeps stateless"),
    _case("GlobalMaxPooling2D", lambda **o: layers.GlobalMaxPooling2D(keepdims=True, **o), IMAGES,
          "keeps stateless"),
    _case("AdaptiveAveragePooling2D", lambda **o: layers.AdaptiveAveragePooling2D((2, 3), **o),
          IMAGES, "stateless"),
    _case("SimpleRNN", lambda **o: layers.SimpleRNN(3, return_sequences=True, **o), STEPS, "mask"),
    _case("LSTM", lambda **o: layers.LSTM(3, dropout=0.5, return_sequences=True, **o), STEPS,
          "random mask"),
    _case("GRU", lambda **o: layers.GRU(3, recurrent_dropout=0.5, return_sequences=True, **o),
          STEPS, "random mask"),
    _case("RNN", lambda **o: layers.RNN([layers.LSTMCell(3, **o), layers.GRUCell(2, **o)], **o),
          STEPS, "ends model"),
    _case("Bidirectional",
          lambda **o: layers.Bidirectional(layers.GRU(2, return_sequences=True, **o), **o), STEPS,
          "mask model"),
    _case("TimeDistributed",
          lambda **o: layers.TimeDistributed(layers.Conv1D(2, 3, **o), **o), IMAGES, "mask model"),
    _case("ConvLSTM1D", lambda **o: layers.ConvLSTM1D(2, 3, return_sequences=True, **o), IMAGES,
          "mask"),
    _case("Flatten", lambda **o: layers.Flatten(**o), IMAGES, "keeps stateless"),
    _case("Reshape", lambda **o: layers.Reshape((2, -1), **o), STEPS, "keeps stateless"),
    _case("Permute", lambda **o: layers.Permute((2, 1), **o), STEPS, "keeps stateless"),
    _case("RepeatVector", lambda **o: layers.RepeatVector(2, **o), ROWS, "keeps stateless"),
    _case("Cropping1D", lambda **o: layers.Cropping1D((1, 2), **o), STEPS, "keeps stateless"),
    _case("Cropping2D", lambda **o: layers.Cropping2D(((1, 0), (0, 2)), **o), IMAGES,
          "keeps stateless"),
    _case("Cropping3D", lambda **o: layers.Cropping3D(1, "channels_first", **o), VOLUMES,
          "keeps stateless"),
    _case("UpSampling1D", lambda **o: layers.UpSampling1D(3, **o), STEPS, "keeps stateless"),
    _case("UpSampling2D", lambda **o: layers.UpSampling2D((2, 1), None, "bilinear", **o), IMAGES,
          "keeps stateless"),
    _case("UpSampling3D", lambda **o: layers.UpSampling3D((1, 2, 1), **o), VOLUMES,
          "keeps stateless"),
    _case("ZeroPadding1D", lambda **o: layers.ZeroPadding1D((0, 2), **o), STEPS,
          "keeps stateless"),
    _case("ZeroPadding2D", lambda **o: layers.ZeroPadding2D(((1, 0), (0, 2)), **o), IMAGES,
          "keeps stateless"),
    _case("ZeroPadding3D", lambda **o: layers.ZeroPadding3D(1, "channels_first", **o), VOLUMES,
          "keeps stateless"),
    _case("DenseAttention", lambda **o: DenseAttention(2, 3, dropout=0.5, **o), PAIR,
          "random model"),
    _case("user_Scale", lambda **o: user.Scale(3.0, **o), ROWS),
    _case("user_Noisy", lambda **o: user.Noisy(**o), STEPS, "random mask keeps"),
    _case("user_Counting", lambda **o: user.Counting(**o), ROWS, "statistics"),
    _case("user_Mixing", lambda **o: user.Mixing(**o), PAIR[:1] + (PAIR[0][:, :, :2],)),
    _case("user_PassesOn", lambda **o: user.PassesOn(**o), ROWS, "random keeps model"),
]  # fmt: skip

MODELS = [
    _case("subclassed", lambda **o: user.Net(**o), ROWS, "random statistics model"),
    _case("sharing", lambda **o: user.Sharing(**o), ROWS, "statistics model"),
    _case("described", lambda **o: user.Described(**o), ROWS, "random model graph"),
    _case("functional", user.functional, ROWS, "random statistics model graph"),
    _case("nested", user.nested_functional, ROWS, "random model graph"),
    _case("sequential", user.sequential, ROWS, "random statistics model graph"),
]

# Layers that have their code from one above, and need a row or two: see `test_relatives`.
RELATIVES = [
    _case("Conv3D", lambda **o: layers.Conv3D(2, 2, padding="same", **o), VOLUMES),
    _case("Conv1DTranspose", lambda **o: layers.Conv1DTranspose(2, 3, 2, "same", **o), STEPS),
    _case("Conv3DTranspose", lambda **o: layers.Conv3DTranspose(2, 2, 2, **o), VOLUMES),
    _case("DepthwiseConv1D", lambda **o: layers.DepthwiseConv1D(3, depth_multiplier=2, **o), STEPS),
    _case("SeparableConv1D", lambda **o: layers.SeparableConv1D(2, 3, **o), STEPS),
    _case("MaxPooling3D", lambda **o: layers.MaxPooling3D((1, 2, 2), **o), VOLUMES),
    _case("AveragePooling3D", lambda **o: layers.AveragePooling3D(2, padding="same", **o), VOLUMES),
    _case("GlobalMaxPooling3D", lambda **o: layers.GlobalMaxPooling3D(**o), VOLUMES),
    _case("GlobalAveragePooling3D", lambda **o: layers.GlobalAveragePooling3D(**o), VOLUMES),
    _case("AdaptiveAveragePooling1D", lambda **o: layers.AdaptiveAveragePooling1D(4, **o), STEPS),
    _case("AdaptiveAveragePooling3D", lambda **o: layers.AdaptiveAveragePooling3D(2, **o), VOLUMES),
    _case("AdaptiveMaxPooling1D", lambda **o: layers.AdaptiveMaxPooling1D(4, **o), STEPS),
    _case("AdaptiveMaxPooling2D", lambda **o: layers.AdaptiveMaxPooling2D((2, 3), **o), IMAGES),
    _case("AdaptiveMaxPooling3D", lambda **o: layers.AdaptiveMaxPooling3D(2, **o), VOLUMES),
    _case("ConvLSTM2D", lambda **o: layers.ConvLSTM2D(2, 2, padding="same", **o), VOLUMES),
    _case("ConvLSTM3D", lambda **o: layers.ConvLSTM3D(2, 2, **o), (_draw(2, 2, 3, 2, 3, 2),)),
    _case("SimpleRNNCell", lambda **o: layers.RNN(layers.SimpleRNNCell(3), **o), STEPS),
    _case("GRUCell", lambda **o: layers.RNN(layers.GRUCell(3, reset_after=False), **o), STEPS),
    _case("LSTMCell", lambda **o: layers.RNN(layers.LSTMCell(3), **o), STEPS),
    _case("StackedRNNCells", lambda **o: layers.RNN(
        layers.StackedRNNCells([layers.SimpleRNNCell(3)]), **o), STEPS),
]  # fmt: skip

ALL = [*LAYERS, *MODELS]
STATEFUL = [case for case in ALL if "stateless" not in case.flags]
ACTIVE = [case for case in ALL if case.flags & {"random", "statistics"}]


def over(cases: list[Case]) -> Any:
    """Returns the decorator that runs a test for each case; its id ends in the backend's name."""
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])
