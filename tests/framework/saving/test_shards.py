"""Shards of weights: written whole or not at all, and read by slices; bad files are refused."""

from __future__ import annotations

import json
import os
import shutil

import ml_dtypes
import numpy as np
import pytest

import isozoo
from isozoo.framework.backends.spread_parts import Part, parts
from isozoo.framework.saving import part_files
from isozoo.framework.saving.part_files import PartsFile, write_parts
from isozoo.saving import FileError, MismatchError


def _model(units=3):
    return isozoo.Sequential([isozoo.Input((4,)), isozoo.layers.Dense(units, name="only")])


class _Mesh:
    """Four devices in a grid of 2 x 2, of one process: what a backend tells of their tensors."""

    def process_place(self):
        return 1, 0

    def exchanged(self, text):
        return [text]

    def dtype(self, x):
        return x.dtype.name

    def parts_of(self, x):
        rows, columns = (n // 2 for n in x.shape)
        held = []
        for device in range(4):
            i, j = divmod(device, 2)
            piece = x[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns]
            held.append(((i * rows, j * columns), piece.shape, device, lambda piece=piece: piece))
        return parts(held)


def _written(path, dtype="float32"):
    x = np.arange(24).reshape(4, 6).astype(getattr(ml_dtypes, dtype, dtype))
    write_parts(path, {"x": (_Mesh(), x), "count": (None, np.int64(7))}, _Mesh())
    return x


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e4m3fn", "bool"])
def test_slices_are_put_together_of_parts(tmp_path, dtype):
    x = _written(tmp_path / "a.shards.json", dtype)
    with PartsFile(tmp_path / "a.shards.json") as file:
        found = file.array("x")
        np.testing.assert_array_equal(np.asarray(found), x)
        for at in [
            np.s_[1:3, 2:5],
            np.s_[0:2, 0:3],
            np.s_[3:4],
            np.s_[:, 5:],
            np.s_[2:2, :],
        ]:
            assert found[at].dtype == x.dtype
            np.testing.assert_array_equal(found[at], x[at])
        assert np.asarray(file.array("count")) == 7


def test_what_several_devices_hold_is_written_once_and_evenly():
    held = [((0,), (4,), device, lambda: None) for device in (2, 0, 1)]
    assert parts(held) == [Part((0,), (4,), (0, 1, 2), parts(held)[0].reads)]
    many = {f"x{n}": (_Whole(), np.zeros(8, "float32")) for n in range(6)}
    plan, _, owned = part_files._plan(many, True)
    assert {device: len(rows) for device, rows in plan.items()} == {0: 2, 1: 2, 2: 2}
    assert owned == [0, 1, 2]


class _Whole(_Mesh):
    def parts_of(self, x):
        return parts([((0,), x.shape, device, lambda: x) for device in range(3)])


def test_a_model_and_its_optimizer(backend, tmp_path):
    model = _model()
    if backend != "numpy":
        model.compile("adam", "mse")
        model.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
    model.save_weights(tmp_path / "a.shards.json")
    other = _model()
    if backend != "numpy":
        other.compile("adam", "mse")
    other.load_weights(tmp_path / "a.shards.json")
    for found, wanted in zip(other.variables, model.variables, strict=True):
        np.testing.assert_array_equal(found.numpy(), wanted.numpy())
    if backend != "numpy":
        assert len(other.optimizer.variables) == len(model.optimizer.variables)
        for found, wanted in zip(other.optimizer.variables, model.optimizer.variables, strict=True):
            np.testing.assert_array_equal(found.numpy(), wanted.numpy())


def test_a_whole_model(backend, tmp_path):
    """With its config, its optimizer and what layers keep, on this backend and on another."""
    words = isozoo.layers.StringLookup(vocabulary=["a", "b"], name="words")
    model = _model()
    model.words = words
    if backend != "numpy":
        model.compile(isozoo.optimizers.Adam(0.01), "mse")
        model.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
    model.save(tmp_path / "a.shards.json")
    for name in {backend, "numpy"}:
        with isozoo.use_backend(name):
            found = isozoo.saving.load_model(tmp_path / "a.shards.json")
        assert found.backend == name and [x.name for x in found.layers] == ["only"]
        for one, wanted in zip(found.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, wanted)
        if name != "numpy":
            pairs = zip(found.optimizer.variables, model.optimizer.variables, strict=True)
            for one, wanted in pairs:
                np.testing.assert_array_equal(one.numpy(), wanted.numpy())
    other = _model()
    other.load_weights(tmp_path / "a.shards.json")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    with pytest.raises(FileExistsError):
        model.save(tmp_path / "a.shards.json", overwrite=False)


def test_weights_alone_are_no_model(tmp_path):
    with isozoo.use_backend("numpy"):
        _model().save_weights(tmp_path / "a.shards.json")
        with pytest.raises(FileError, match="no config of a model.*load_weights"):
            isozoo.saving.load_model(tmp_path / "a.shards.json")
        with pytest.raises(ValueError, match="File not found"):
            isozoo.saving.load_model(tmp_path / "b.shards.json")
        _changed(tmp_path / "a.shards.json", lambda i: i.update(notes={"isozoo_config": "{}"}))
        with pytest.raises((FileError, ValueError, TypeError)):
            isozoo.saving.load_model(tmp_path / "a.shards.json")


@pytest.mark.parametrize("step", ["file", "sync", "index", "clean"])
def test_whatever_fails_the_last_shards_stay_whole(tmp_path, monkeypatch, step):
    """A kill at any point: what was there before opens, or what is new does."""
    path = tmp_path / "a.shards.json"
    with isozoo.use_backend("numpy"):
        first, second, found = _model(), _model(), _model()
        first.save_weights(path)
        second.save_weights(tmp_path / "b.shards.json")

        class Killed(BaseException):
            pass

        def die(*args, **kwargs):
            raise Killed

        where = {
            "file": (part_files, "_write_file"),
            "sync": (os, "fsync"),
            "index": (part_files, "write_atomically"),
            "clean": (shutil, "rmtree"),
        }[step]
        with monkeypatch.context() as patched:
            patched.setattr(*where, die)
            with pytest.raises(Killed):
                second.save_weights(path)
        found.load_weights(path)
        wanted = second if step == "clean" else first
        np.testing.assert_array_equal(found.get_weights()[0], wanted.get_weights()[0])
        # The next one takes the place of both, and leaves nothing of them.
        second.save_weights(path)
        found.load_weights(path)
        np.testing.assert_array_equal(found.get_weights()[0], second.get_weights()[0])
    assert len(list(tmp_path.glob("a.*.shards"))) == 1


def test_a_process_that_cannot_write_ends_all(tmp_path, monkeypatch):
    class Second(_Mesh):
        def exchanged(self, text):
            return [text, "OSError: no space left" if not text else text]

    monkeypatch.setattr(part_files.secrets, "token_hex", lambda n: "0" * 8)
    with pytest.raises(OSError, match="process 1 could not write its part: OSError: no space"):
        write_parts(tmp_path / "a.shards.json", {"x": (None, np.zeros(3))}, Second())
    assert list(tmp_path.iterdir()) == []


def _changed(path, change):
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda i: i.update(format="other"), "format is 'other'"),
        (lambda i: i.update(folder="../up"), "no folder beside it"),
        (lambda i: i.update(folder=3), "should be a str"),
        (lambda i: i["arrays"]["x"]["parts"].pop(), "do not make up"),
        (lambda i: i["arrays"]["x"].update(shape=[4, 7]), "do not make up"),
        (lambda i: i["arrays"]["x"].update(shape=[1 << 60, 6]), "do not make up"),
        (lambda i: i["arrays"]["x"].update(dtype="object"), "not known"),
        (lambda i: i["arrays"]["x"].update(dtype=["int8"]), "not known"),
        (lambda i: i["arrays"]["x"]["parts"][0].__setitem__(0, "/etc/passwd"), "do not make up"),
        (lambda i: i["arrays"].update(x=3), "no description"),
        (lambda i: i["arrays"]["x"].update(dtype="int8"), "int8 is expected"),
    ],
)
def test_a_bad_index_is_refused(tmp_path, change, words):
    path = tmp_path / "a.shards.json"
    _written(path)
    _changed(path, change)
    with pytest.raises(FileError, match=words), PartsFile(path) as file:
        np.asarray(file.array("x"))


def test_missing_and_damaged_files_are_named(tmp_path):
    path = tmp_path / "a.shards.json"
    _written(path)
    folder = next(tmp_path.glob("*.shards"))
    file = folder / "shard-00001-of-00004.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-3])
    with pytest.raises(FileError, match="not a whole safetensors"), PartsFile(path) as opened:
        np.asarray(opened.array("x"))
    file.unlink()
    with pytest.raises(FileError, match="shard-00001-of-00004.safetensors is missing"):
        np.asarray(PartsFile(path).array("x"))
    path.write_text("[")
    with pytest.raises(FileError, match="not JSON"):
        PartsFile(path)


def test_another_model_is_refused_and_stays(tmp_path):
    with isozoo.use_backend("numpy"):
        _model().save_weights(tmp_path / "a.shards.json")
        other = _model(5)
        before = other.get_weights()
        with pytest.raises(MismatchError, match="only.kernel"):
            other.load_weights(tmp_path / "a.shards.json")
        np.testing.assert_array_equal(other.get_weights()[0], before[0])
