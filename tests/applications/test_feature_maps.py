"""Outputs of layers inside classifiers, against Keras's inner tensors and transformers'."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import isozoo
from isozoo import applications, ops

from .keras_networks import CASES, images, original, ours, write_h5
from .test_vit import close, outputs, pictures
from .test_vit import original as original_vit

CASE = next(case for case in CASES if case.title == "MobileNetV2")


def numbers(x):
    return np.asarray(ops.convert_to_numpy(x))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    theirs = original(CASE)
    path = write_h5(theirs, tmp_path_factory.mktemp("features") / "published.h5")
    names = ("block_3_add", "block_4_depthwise_relu") if _has(theirs, "block_3_add") else ()
    names = names or tuple(layer.name for layer in theirs.layers[10:40:12])
    part = keras.Model(theirs.inputs, [theirs.get_layer(name).output for name in names])
    x = images(CASE)
    return path, names, x, [np.asarray(y) for y in part(x)]


def _has(model, name):
    return any(layer.name == name for layer in model.layers)


def test_like_keras_models_of_inner_tensors(backend, network):
    path, names, x, expected = network
    model = ours(CASE, path)
    found = applications.features(model, x, at=names)
    assert list(found) == list(names)
    for name, value in zip(names, expected, strict=True):
        assert np.abs(numbers(found[name]) - value).max() <= 1e-5 * np.abs(value).max()
    (alone,) = applications.features(model, x, at=names[0]).values()
    np.testing.assert_allclose(numbers(alone), numbers(found[names[0]]), rtol=1e-4, atol=1e-5)


def test_layers_of_a_class_by_their_paths(backend, tmp_path):
    theirs = original_vit(tmp_path)
    model = isozoo.from_preset(str(tmp_path))
    x = pictures(2, 40, 40)
    hidden = outputs(theirs, x, output_hidden_states=True).hidden_states
    found = model.features(x, at=["embeddings", "backbone.blocks.0"])
    assert close(numbers(found["embeddings"]), hidden[0].numpy())
    assert close(numbers(found["backbone.blocks.0"]), hidden[1].numpy())


def test_wrong_names_are_explained():
    with isozoo.use_backend("numpy"):
        model = applications.EfficientNetLiteImageClassifier(
            num_classes=2, width_coefficient=0.1, depth_coefficient=0.1
        )
        with pytest.raises(ValueError, match="no layer 'backbone.stemm'; near matches: backb"):
            model.features(pictures(1, 32, 32), at="backbone.stemm")
        with pytest.raises(ValueError, match="'conv' may be any of .*give more of the path"):
            model.features(pictures(1, 32, 32), at="conv")
        with pytest.raises(ValueError, match="name one layer"):
            model.features(pictures(1, 32, 32), at=[])


def test_a_layer_that_is_called_twice_is_refused():
    with isozoo.use_backend("numpy"):
        inputs = isozoo.Input((4, 4, 3))
        twice = isozoo.layers.Conv2D(3, 1, name="twice")
        model = isozoo.Model(inputs, twice(twice(inputs)))
        with pytest.raises(ValueError, match="'twice' is called 2 times"):
            applications.features(model, pictures(1, 4, 4), at="twice")
