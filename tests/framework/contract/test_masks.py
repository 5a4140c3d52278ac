"""Rows: masks travel beside tensors, through layers that support them, and are seen by name."""

from __future__ import annotations

import gc
import warnings
import weakref

import numpy as np
import pytest

from isozoo import Input, Layer, Model, layers, ops

from .cases import LAYERS, over
from .helpers import built
from .user_layers import MaskedMean, MaskSource

FLOATS = [
    case for case in LAYERS if len(case.arrays()) == 1 and case.arrays()[0].dtype == np.float32
]
X = np.array([[[1, 2], [0, 3], [4, 1]], [[0, 1], [0, 2], [5, 5]]], np.float32)
STEPS_THAT_COUNT = [2, 1]


class Chain(Model):
    """A source of masks, a layer, and what sees the mask behind it."""

    def __init__(self, *inner, **kwargs):
        super().__init__(**kwargs)
        self.source, self.inner, self.sink = MaskSource(), list(inner), MaskedMean()

    def call(self, x):
        x = self.source(x)
        for layer in self.inner:
            x = layer(x)
        return self.sink(x)


@over([case for case in FLOATS if "mask" in case.flags])
def test_mask_passes_a_layer_that_supports_masks(case, backend):
    x = np.array(case.inputs[0])
    x[0, ..., 0] = 0
    expected = np.array((x[..., 0] != 0).sum(-1), np.float32)
    part = built(case)
    np.testing.assert_array_equal(ops.convert_to_numpy(Chain(part)(x)), expected)
    # Between the calls of a user, too.
    y = part(MaskSource()(x))
    np.testing.assert_array_equal(ops.convert_to_numpy(MaskedMean()(y)), expected)
    assert not hasattr(y, "_keras_mask")


@over([case for case in FLOATS if not case.flags & {"mask", "own", "model", "ends"}])
def test_mask_ends_with_a_warning_at_a_layer_that_does_not(case, backend):
    """What keras 3.15 says, too: "does not support masking and will therefore destroy"."""
    chain = Chain(built(case))
    with pytest.warns(UserWarning, match="does not support masking"):
        y = chain(case.inputs[0])
    np.testing.assert_array_equal(ops.convert_to_numpy(y), [-1.0])


def test_no_layer_warns_without_a_mask(backend):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layers.Flatten()(X)


def test_mask_of_an_embedding(backend):
    tokens = np.array([[1, 2, 0], [3, 0, 0]])
    embed, dense = layers.Embedding(4, 2, mask_zero=True), layers.Dense(3)
    y = MaskedMean()(dense(embed(tokens)))
    np.testing.assert_array_equal(ops.convert_to_numpy(y), [2, 1])
    plain = layers.Embedding(4, 2)
    assert ops.convert_to_numpy(MaskedMean()(plain(tokens))) == -1


def test_given_mask_goes_before_the_travelling_one(backend):
    given = np.array([[True, True, True], [False, False, False]])
    y = MaskedMean()(MaskSource()(X), mask=given)
    np.testing.assert_array_equal(ops.convert_to_numpy(y), [3, 0])


@pytest.mark.parametrize("how", ["call", "infer", "predict"])
def test_mask_in_a_functional_model(how, backend):
    inputs = Input((3, 2))
    x = layers.Dense(4)(MaskSource()(inputs))
    model = Model(inputs, MaskedMean()(layers.Dropout(0.5)(x)))
    y = (model if how == "call" else getattr(model, how))(X)
    np.testing.assert_array_equal(ops.convert_to_numpy(y), STEPS_THAT_COUNT)


def test_masks_of_two_tensors_by_the_arguments_names(backend):
    class Two(Layer):
        def call(self, query, value, query_mask=None, value_mask=None):
            count = lambda m: ops.sum(ops.cast(m, "int32"))  # noqa: E731
            return ops.stack([count(query_mask), count(value_mask)])

    source = MaskSource()
    y = Two()(source(X), source(X[:, :2]))
    np.testing.assert_array_equal(ops.convert_to_numpy(y), [3, 1])


def test_mask_is_gone_with_its_tensor(backend):
    from isozoo.framework.core import masks

    y = MaskSource()(X)
    link = weakref.ref(masks.get_mask(y))
    assert link() is not None
    del y
    gc.collect()
    assert link() is None


def test_layer_that_makes_masks_of_others(backend):
    """`compute_mask` gets the mask of the inputs as `previous_mask`, and may change it."""

    class Half(Layer):
        supports_masking = True

        def call(self, x):
            return x[:, ::2]

        def compute_mask(self, inputs, previous_mask=None):
            return None if previous_mask is None else previous_mask[:, ::2]

    y = Chain(Half())(X)
    np.testing.assert_array_equal(ops.convert_to_numpy(y), (X[:, ::2, 0] != 0).sum(-1))
    np.testing.assert_array_equal(ops.convert_to_numpy(MaskedMean()(Half()(X))), [-1])
