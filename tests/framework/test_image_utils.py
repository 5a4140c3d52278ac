"""Images of Pillow as arrays and in files; Config; configs in the form of Keras 2."""

from __future__ import annotations

import io
import json

import keras
import numpy as np
import pytest
from PIL import Image

import isozoo
from isozoo import utils

RNG = np.random.default_rng(3)


def test_arrays_and_images_as_keras_has_them():
    for channels in (1, 3, 4):
        x = RNG.uniform(-3, 7, (5, 6, channels))
        for arguments in ({}, {"scale": False}, {"dtype": "float64"}):
            y = np.clip(x * 30, 0, 255) if arguments.get("scale") is False else x
            ours, theirs = (
                utils.array_to_img(y, **arguments),
                keras.utils.array_to_img(y, **arguments),
            )
            assert ours.mode == theirs.mode
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
        first = utils.array_to_img(x.transpose(2, 0, 1), data_format="channels_first")
        np.testing.assert_array_equal(np.asarray(first), np.asarray(utils.array_to_img(x)))
        for data_format in ("channels_last", "channels_first"):
            found = utils.img_to_array(first, data_format)
            np.testing.assert_array_equal(found, keras.utils.img_to_array(first, data_format))
            assert found.dtype == "float32"
    wide = utils.array_to_img(np.full((2, 2, 1), 70000.0), scale=False)
    assert wide.mode == "I" and wide.getpixel((0, 0)) == 70000
    for wrong, text in (((4, 4), "rank 3"), ((4, 4, 2), "channel number: 2")):
        with pytest.raises(ValueError, match=text):
            utils.array_to_img(np.zeros(wrong))
    with pytest.raises(ValueError, match="image shape"):
        utils.img_to_array(np.zeros(3))
    with pytest.raises(ValueError, match="data_format"):
        utils.img_to_array(np.zeros((3, 3)), "last")


def test_files(tmp_path):
    x = RNG.integers(0, 256, (9, 14, 3)).astype("uint8")
    path = tmp_path / "x.png"
    utils.save_img(path, x, scale=False)
    np.testing.assert_array_equal(np.asarray(utils.load_img(path)), x)
    for options in (
        {"color_mode": "grayscale"},
        {"color_mode": "rgba"},
        {"target_size": (4, 5), "interpolation": "bilinear"},
        {"target_size": (4, 5), "interpolation": "lanczos", "keep_aspect_ratio": True},
        {"target_size": (5, 3), "interpolation": "box", "keep_aspect_ratio": True},
    ):
        for source in (str(path), path, io.BytesIO(path.read_bytes())):
            found = utils.load_img(source, **options)
            expected = keras.utils.load_img(str(path), **options)
            assert found.mode == expected.mode
            np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
    with pytest.warns(UserWarning, match="does not support RGBA"):
        utils.save_img(tmp_path / "x.jpg", RNG.uniform(0, 1, (4, 4, 4)))
    with Image.open(tmp_path / "x.jpg") as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")
    for wrong, text in (
        ({"color_mode": "cmyk"}, "color_mode"),
        ({"target_size": (2, 2), "interpolation": "magic"}, "Invalid interpolation.*nearest"),
    ):
        with pytest.raises(ValueError, match=text):
            utils.load_img(path, **wrong)
    with pytest.raises(TypeError, match="path-like"):
        utils.load_img(7)


def test_config():
    config = utils.Config(rate=0.1, steps=3)
    config.name, config["deep"] = "x", [1]
    assert (config.rate, config["name"], "deep" in config, len(config)) == (0.1, "x", True, 4)
    assert list(config) == ["deep", "name", "rate", "steps"]
    assert json.loads(config.to_json()) == config.as_dict() == dict(config.items())
    config.freeze()
    for change in (
        lambda: setattr(config, "rate", 1),
        lambda: config.update(rate=1),
        lambda: config.pop("rate"),
        lambda: config.__delitem__("rate"),
    ):
        with pytest.raises(ValueError, match="config is frozen"):
            change()
    config.unfreeze()
    assert config.pop("steps") == 3 and config.get("steps", 7) == 7
    with pytest.raises(AttributeError, match="Did you mean 'rate'"):
        config.ratee  # noqa: B018


def test_objects_in_the_form_of_keras_2():
    legacy = utils.legacy
    with isozoo.use_backend("numpy"):
        layer = isozoo.layers.Dense(3, activation="relu", name="d")
        made = legacy.serialize_keras_object(layer)
        assert (made["class_name"], made["config"]["units"]) == ("Dense", 3)
        again = legacy.deserialize_keras_object(made, vars(isozoo.layers) | {"Dense": type(layer)})
        assert (again.units, again.name) == (3, "d")
    assert legacy.serialize_keras_object(None) is None
    assert legacy.serialize_keras_object(isozoo.activations.relu) == "relu"
    known = {"relu": isozoo.activations.relu}
    assert legacy.deserialize_keras_object("relu", known) is isozoo.activations.relu
    with pytest.raises(ValueError, match="Unknown activation: 'os.system'"):
        legacy.deserialize_keras_object("os.system", known, printable_module_name="activation")
    with pytest.raises(ValueError, match="Improper config format"):
        legacy.deserialize_keras_object({"class_name": "Dense"})
    with pytest.raises(ValueError, match="get_config"):
        legacy.serialize_keras_object(object())


def test_names_of_the_namespace():
    for name in ("custom_object_scope", "get_registered_object", "serialize_keras_object"):
        assert getattr(utils, name) is getattr(isozoo.saving, name)
    import isozoo.utils.legacy as again

    assert again is utils.legacy
