"""ResNet against keras.applications, transformers and plain torch, with the same weights."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo.applications import ResNetBackbone, ResNetImageClassifier
from isozoo.applications.resnet import family, weight_map
from isozoo.framework.core.scopes import deferred_initialization
from isozoo.hub import HubError, WeightsError, export, load, open_reader
from isozoo.hub.loading import load_preset

TOLERANCE = 1e-5  # of the largest output; the project promises 1e-4


def close(found, expected) -> bool:
    return np.abs(np.asarray(found) - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.fixture(scope="module")
def images():
    # Odd sizes, so that every padding counts.
    return np.random.default_rng(0).normal(size=(2, 65, 80, 3)).astype("float32")


def transformers_resnet(folder, images, **config):
    """(folder of a saved model, its logits, its feature map)."""
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification

    from .originals import randomise, run

    torch.manual_seed(1)
    settings = {"embedding_size": 16, "depths": [2, 1, 1, 2], "num_labels": 7, **config}
    model = randomise(ResNetForImageClassification(ResNetConfig(**settings)))
    model.save_pretrained(folder)
    with torch.no_grad():
        features = model.resnet(torch.from_numpy(images).permute(0, 3, 1, 2)).last_hidden_state
    return folder, run(lambda x: model(x).logits, images), features.permute(0, 2, 3, 1).numpy()


@pytest.fixture(scope="module")
def bottlenecks(tmp_path_factory, images):
    sizes = [32, 64, 96, 128]
    return transformers_resnet(tmp_path_factory.mktemp("bottleneck"), images, hidden_sizes=sizes)


def test_like_transformers_from_a_folder(backend, images, bottlenecks):
    folder, logits, _ = bottlenecks
    model = isozoo.from_preset(str(folder))
    assert isinstance(model, ResNetImageClassifier) and model.num_classes == 7
    assert close(model.predict(images), logits)


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
@pytest.mark.parametrize(
    "config",
    [
        {"layer_type": "basic", "hidden_sizes": [16, 24, 32, 40]},
        {"hidden_sizes": [32, 64, 96, 128], "downsample_in_bottleneck": True},
        {"hidden_sizes": [32, 64], "depths": [1, 2], "downsample_in_first_stage": True},
    ],
    ids=["basic", "stride on the first 1x1", "first stage steps"],
)
def test_forms_of_transformers(backend, tmp_path, images, config):
    folder, logits, _ = transformers_resnet(tmp_path, images, **config)
    assert close(isozoo.from_preset(str(folder)).predict(images), logits)


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_the_backbone_alone_leaves_the_head_in_the_file(backend, images, bottlenecks):
    folder, _, features = bottlenecks
    model = ResNetBackbone.from_preset(str(folder))
    assert close(model.predict(images), features)


def test_like_torch_with_torchvision_names(backend, tmp_path, images):
    from .originals import TorchvisionResNet18, randomise, run, save

    original = randomise(TorchvisionResNet18(5))
    save(original, tmp_path, {"architecture": "resnet18", "num_classes": 5})
    model = isozoo.from_preset(str(tmp_path))
    assert close(model.predict(images), run(original, images))


@pytest.fixture(scope="module")
def keras_resnet50():
    """(variables by path, images, logits) of keras.applications.ResNet50 with random weights."""
    import keras

    rng = np.random.default_rng(2)
    model = keras.applications.ResNet50(
        weights=None, input_shape=(64, 64, 3), classes=10, classifier_activation=None
    )
    for variable in model.variables:
        kind = variable.path.split("/")[-1]
        if kind in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif kind != "kernel":
            variable.assign(rng.normal(0, 0.2, variable.shape))
    images = rng.normal(size=(2, 64, 64, 3)).astype("float32")
    values = {variable.path: variable.numpy() for variable in model.variables}
    return values, images, np.asarray(model(images))


def test_like_keras_resnet50(backend, keras_resnet50, tmp_path):
    from safetensors.numpy import save_file

    values, images, logits = keras_resnet50
    path = tmp_path / "model.safetensors"
    save_file(values, path)
    with deferred_initialization():
        model = ResNetImageClassifier(num_classes=10, **family.KERAS_FORM)
    paths = {p.removeprefix("backbone."): v for p, v in model.weights_by_path().items()}
    with open_reader(path, {}) as reader:
        report = load(reader, paths, weight_map.keras())
    assert not report.missing and not report.dropped
    assert close(model.predict(images), logits)


def test_the_two_forms_are_different_nets(keras_resnet50, tmp_path):
    """With Keras's weights, v1.5's place of the stride gives other outputs."""
    values, images, logits = keras_resnet50
    form = {**family.KERAS_FORM, "stride_on_first_conv": False}
    with isozoo.use_backend("numpy"), deferred_initialization():
        model = ResNetImageClassifier(num_classes=10, **form)
    paths = {p.removeprefix("backbone."): v for p, v in model.weights_by_path().items()}
    table = weight_map.keras()
    for key, value in values.items():
        row, _, binding = table.find_key(key, "")
        paths[row.paths(binding)[0]].assign(value)
    assert not close(model(images), logits)


@pytest.mark.parametrize("layout", ["torchvision", "huggingface", "keras"])
def test_weight_maps_lead_back(layout, tmp_path):
    form = family.KERAS_FORM if layout == "keras" else {}
    from safetensors.numpy import load_file

    small = {"stackwise_num_filters": (4, 8), "stackwise_num_blocks": (2, 1)}
    with isozoo.use_backend("numpy"):
        model = ResNetImageClassifier(
            num_classes=3, input_conv_filters=4, stackwise_num_strides=(1, 2), **small, **form
        )
    paths = {p.removeprefix("backbone."): v for p, v in model.weights_by_path().items()}
    export(paths, getattr(weight_map, layout)(), tmp_path / "model.safetensors")
    keys = load_file(tmp_path / "model.safetensors")
    assert len(keys) == len(paths)
    expected = {
        "torchvision": ("layer1.1.conv3.weight", (16, 4, 1, 1)),
        "huggingface": (
            "resnet.encoder.stages.0.layers.1.layer.2.convolution.weight",
            (16, 4, 1, 1),
        ),
        "keras": ("conv2_block2_3_conv/kernel", (1, 1, 4, 16)),
    }
    name, shape = expected[layout]
    assert keys[name].shape == shape


@pytest.mark.parametrize("depth, count", [(18, 11689512), (50, 25557032), (152, 60192808)])
def test_numbers_of_trainable_weights(depth, count):
    """Those that the paper's implementations state."""
    with isozoo.use_backend("numpy"), deferred_initialization():
        model = ResNetImageClassifier(**family.architecture(depth))
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == count


def test_training_uses_the_batch_and_moves_the_statistics():
    images = np.random.default_rng(3).normal(size=(4, 32, 32, 3)).astype("float32")
    with isozoo.use_backend("torch"):
        model = ResNetImageClassifier(
            2,
            input_conv_filters=4,
            stackwise_num_filters=(4,),
            stackwise_num_blocks=(1,),
            stackwise_num_strides=(1,),
        )
        before = model.weights_by_path()["backbone.stem.norm.moving_mean"].numpy().copy()
        inferred = model(images)
        model(images, training=True).sum().backward()
    after = model.weights_by_path()["backbone.stem.norm.moving_mean"].numpy()
    assert inferred.shape == (4, 2)
    assert np.abs(after - before).max() > 0
    assert all(p.grad is not None for p in model.parameters())


def test_a_file_of_another_depth_is_refused(tmp_path, images):
    from .originals import TorchvisionResNet18, save

    save(TorchvisionResNet18(5), tmp_path, {"architecture": "resnet34", "num_classes": 5})
    with pytest.raises(WeightsError, match=r"layer1\.2\.conv1\.weight"):
        load_preset(str(tmp_path), backend="numpy")


def test_an_activation_that_is_not_known_is_refused(tmp_path, images, bottlenecks):
    folder = bottlenecks[0]
    config = json.loads((folder / "config.json").read_text())
    config["hidden_act"] = "gelu"
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(HubError, match="gelu"):
        load_preset(str(tmp_path), backend="numpy")


def test_a_copy_on_another_backend_keeps_its_layers_apart():
    """Many lists of layers are copied; none may stand in another's place."""
    arguments = {**family.architecture(50), "stackwise_num_filters": (2, 4, 6, 8)}
    with isozoo.use_backend("numpy"):
        model = ResNetImageClassifier(3, input_conv_filters=2, **arguments)
    copy = model.to_backend("torch")
    for one, other in zip(model.backbone.stages, copy.backbone.stages, strict=True):
        units = [unit for block in other.blocks for unit in block.units]
        assert len({id(unit) for unit in units}) == 3 * len(one.blocks)
    images = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype("float32")
    assert close(copy.predict(images), model.predict(images))
