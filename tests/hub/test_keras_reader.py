"""Keras's files as weights files: names, arrays, and what is refused."""

from __future__ import annotations

import io
import zipfile

import h5py
import keras
import numpy as np
import pytest

from isozoo.hub import open_reader
from isozoo.hub.errors import ReaderError
from isozoo.hub.readers import KerasReader


@pytest.fixture(scope="module")
def model():
    made = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="first"), keras.layers.BatchNormalization()]
    )
    made.compile("adam", "mse")
    made.optimizer.build(made.trainable_variables)
    return made


@pytest.mark.parametrize("name", ["x.keras", "x.weights.h5", "x.h5"])
def test_what_keras_writes(model, tmp_path, name):
    path = tmp_path / name
    (model.save_weights if "weights" in name else model.save)(path)
    expected = {tuple(w.shape): w.numpy() for w in model.layers[0].weights}
    with open_reader(path) as reader:
        assert isinstance(reader, KerasReader)
        assert len(reader) == 6 and not [key for key in reader if "optimizer" in key]
        wanted = "first/" if name == "x.h5" else "layers/dense/vars/"
        found = [key for key in reader if wanted in key]
        assert len(found) == 2
        for key in found:
            info, array = reader.info(key), reader.read(key)
            assert info.dtype == array.dtype.name == "float32" and info.shape == array.shape
            np.testing.assert_array_equal(array, expected[info.shape])
        with pytest.raises(KeyError):
            reader.info("none")
    with pytest.raises(ReaderError, match="closed"):
        reader.read(found[0])


def test_what_is_refused(model, tmp_path):
    with h5py.File(tmp_path / "soft.h5", "w") as file:
        file["a"] = np.ones(2)
        file["b"] = h5py.SoftLink("/a")
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        file["b"] = h5py.ExternalLink("soft.h5", "/a")
    with h5py.File(tmp_path / "text.h5", "w") as file:
        file["a"] = "text"
    (tmp_path / "cut.h5").write_bytes((tmp_path / "soft.h5").read_bytes()[:60])
    for name in ("soft", "outside", "text", "cut"):
        with pytest.raises(ReaderError):
            open_reader(tmp_path / f"{name}.h5")
    model.save(tmp_path / "x.keras")
    buffer = io.BytesIO((tmp_path / "x.keras").read_bytes())
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr("../evil.py", "")
    (tmp_path / "more.keras").write_bytes(buffer.getvalue())
    with pytest.raises(ReaderError):
        open_reader(tmp_path / "more.keras")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as file:
        file.writestr("model.weights.h5", b"")
    with pytest.raises(ReaderError):
        open_reader(tmp_path / "empty.keras")
