"""pad_sequences, split_dataset, windows of arrays, and files in directories."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import isozoo
from isozoo import utils
from isozoo.framework.backends import registry


def values(batch):
    if isinstance(batch, tuple | list) and not isinstance(batch[0], str):
        return [values(part) for part in batch]
    return np.asarray(batch)


def test_pad_sequences_is_keras_s():
    rows = [[1], [2, 3], [], [4, 5, 6]]
    for options in (
        {},
        {"padding": "post", "value": -1},
        {"maxlen": 2, "dtype": "float32"},
        {"maxlen": 2, "truncating": "post", "padding": "post"},
    ):
        wanted = keras.utils.pad_sequences(rows, **options)
        found = utils.pad_sequences(rows, **options)
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype
    assert utils.pad_sequences([["a"], ["b", "c"]], dtype=object, value="-").tolist()[0][0] == "-"
    for wrong, words in (([1], "non-iterable"), ([[[1]], [[1, 2]]], "different from expected")):
        with pytest.raises(ValueError, match=words):
            utils.pad_sequences(wrong)
    assert isozoo.preprocessing.sequence.pad_sequences is utils.pad_sequences


def test_split_dataset():
    import torch

    rows = np.arange(10.0)
    with isozoo.use_backend("torch"):
        left, right = utils.split_dataset((rows, -rows), left_size=0.7)
        assert [float(x) for x, _ in left] == list(range(7))
        assert [float(y) for _, y in right] == [-7.0, -8.0, -9.0]
    whole = torch.utils.data.TensorDataset(torch.from_numpy(rows))
    left, right = utils.split_dataset(whole, right_size=2, shuffle=True, seed=1)
    assert sorted(float(x[0]) for part in (left, right) for x in part) == list(rows)
    with isozoo.use_backend("jax"):
        parts = utils.split_dataset(rows, left_size=3, right_size=2)
    assert [[float(x) for x in part] for part in parts] == [[0, 1, 2], [8, 9]]
    for options, words in (
        ({}, "must be specified"),
        ({"left_size": 1.5}, "within the range"),
        ({"left_size": 0.7, "right_size": 0.7}, "greater than 1"),
    ):
        with pytest.raises(ValueError, match=words):
            utils.split_dataset(rows, **options)
    with pytest.raises(TypeError, match="dataset"):
        utils.split_dataset("text", left_size=1)


def test_windows():
    rows = np.arange(20).reshape(10, 2)
    options = {"sequence_length": 3, "sampling_rate": 2, "sequence_stride": 2, "batch_size": 2}
    theirs = list(keras.utils.timeseries_dataset_from_array(rows, -rows[:, 0], **options))
    for format in ("tf", "py"):
        ours = utils.timeseries_dataset_from_array(rows, -rows[:, 0], **options, format=format)
        found = [values(batch) for batch in ours]
        assert len(found) == len(theirs)
        for mine, yours in zip(found, theirs, strict=True):
            np.testing.assert_array_equal(mine[0], yours[0].numpy())
            np.testing.assert_array_equal(mine[1], yours[1].numpy())
    with pytest.raises(ValueError, match="sampling_rate"):
        utils.timeseries_dataset_from_array(rows, None, 2, sampling_rate=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of three files of each kind."""
    import soundfile
    from PIL import Image

    top, draws = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    for number in range(6):
        place = top / "ab"[number % 2]
        place.mkdir(exist_ok=True)
        pixels = draws.integers(0, 256, (6, 9, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")
        (place / f"{number}.txt").write_text(f"text é {number}", encoding="utf-8")
        sound = draws.integers(-20000, 20000, (5 + number, 1)).astype("int16")
        soundfile.write(place / f"{number}.wav", sound, 8000)
    return top


KINDS = {
    "text": ({"max_length": 6}, {"label_mode": "categorical"}),
    "image": (
        {"image_size": (4, 5)},
        {"image_size": (4, 4), "crop_to_aspect_ratio": True, "color_mode": "rgba"},
        {"image_size": (4, 4), "pad_to_aspect_ratio": True, "label_mode": "binary"},
        {"image_size": 4, "color_mode": "grayscale", "data_format": "channels_first"},
    ),
    "audio": ({}, {"output_sequence_length": 7, "label_mode": None}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_directories(folder, kind):
    """By TensorFlow, and on the host, as Keras gives them."""
    name = f"{kind}_dataset_from_directory"
    for options in KINDS[kind]:
        options = {**options, "batch_size": 4, "shuffle": False, "verbose": False}
        theirs = getattr(keras.utils, name)(str(folder), **options)
        wanted = [values(batch) for batch in theirs.as_numpy_iterator()]
        for format in ("tf", "py"):
            ours = getattr(utils, name)(str(folder), **options, format=format)
            assert ours.class_names == theirs.class_names
            assert [p[-5] for p in ours.file_paths] == list("024135")
            found = [values(batch) for batch in ours]
            assert len(found) == len(wanted)
            for mine, yours in zip(found, wanted, strict=True):
                compare(mine, yours, kind, (format, options))


def compare(mine, yours, kind, where):
    if isinstance(mine, list):
        for a, b in zip(mine, yours, strict=True):
            compare(a, b, kind, where)
    elif yours.dtype == object:
        texts = [x if isinstance(x, str) else x.decode("utf-8", "replace") for x in mine.tolist()]
        # With "py" the length is that of letters and not of bytes.
        assert [t[:5] for t in texts] == [x.decode("utf-8", "replace")[:5] for x in yours], where
    else:
        assert mine.dtype == yours.dtype and mine.shape == yours.shape, where
        grey = "grayscale" in where[1].values() and where[0] == "py"
        # Pillow rounds brightness to whole numbers, as TensorFlow does, by other weights.
        np.testing.assert_allclose(mine, yours, atol=1.5 if grey else 1e-3, err_msg=str(where))


def test_splits_shuffling_and_errors(folder, tmp_path):
    options = {"seed": 3, "verbose": False, "format": "py", "batch_size": None}
    whole = utils.text_dataset_from_directory(str(folder), **options)
    parts = utils.text_dataset_from_directory(
        str(folder), validation_split=0.34, subset="both", **options
    )
    assert [len(part) for part in parts] == [4, 2]
    assert [*parts[0].file_paths, *parts[1].file_paths] == whole.file_paths
    theirs = keras.utils.text_dataset_from_directory(
        str(folder), validation_split=0.34, subset="validation", seed=3, verbose=False
    )
    text = {t.decode() for batch, _ in theirs.as_numpy_iterator() for t in batch}
    assert {t for t, _ in parts[1]} == text
    for wrong, words in (
        ({"labels": "x"}, "labels"),
        ({"labels": [0]}, "Expected the lengths"),
        ({"label_mode": "x"}, "label_mode"),
        ({"class_names": ["a", "z"]}, "did not match"),
        ({"subset": "training"}, "`validation_split` must be set"),
        ({"validation_split": 2.0, "subset": "both"}, "between 0 and 1"),
        ({"format": "x"}, "`format` should be"),
        ({"class_names": ["a"], "label_mode": "binary"}, "exactly 2"),
    ):
        with pytest.raises(ValueError, match=words):
            utils.text_dataset_from_directory(str(folder), verbose=False, **wrong)
    with pytest.raises(ValueError, match="No images found"):
        utils.image_dataset_from_directory(str(tmp_path), labels=None, verbose=False)


def test_without_tensorflow(folder, monkeypatch):
    """A PyDataset in the place of a `tf.data.Dataset`, on which a model is trained."""
    monkeypatch.setattr(registry, "available", lambda: ("numpy", "torch"))
    with isozoo.use_backend("torch"):
        data = utils.image_dataset_from_directory(
            str(folder), image_size=(4, 4), batch_size=3, label_mode="binary", verbose=False
        )
        assert isinstance(data, isozoo.utils.PyDataset)
        model = isozoo.Sequential([isozoo.layers.Flatten(), isozoo.layers.Dense(1)])
        model.compile("sgd", "mse")
        history = model.fit(data, epochs=1, verbose=0)
        assert np.isfinite(history.history["loss"][0])
