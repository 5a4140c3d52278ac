"""A file is there whole or not at all: after a crash, on a full disk, after an error."""

from __future__ import annotations

import errno
import json
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest

import isozoo
from isozoo import layers, saving

from ...patience import DEADLINE

pytest.importorskip("h5py")

# Saves a model over another one, and dies at each place in turn; a child process for each.
PROGRAM = """
import os, signal, sys
import isozoo
from isozoo import layers, saving
from isozoo.framework import files
from isozoo.framework.saving import h5_store

folder = sys.argv[1]
isozoo.config.set_backend("numpy")


def model(value):
    made = isozoo.Sequential([isozoo.Input((4,)), layers.Dense(3), layers.Dense(2)])
    for variable in made.variables:
        variable.assign([[value] * variable.shape[-1]] * variable.shape[0]
                        if len(variable.shape) == 2 else [value] * variable.shape[0])
    return made


def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)


def at_part(number):
    part, count = h5_store.H5Writer.part, [0]

    def counted(self, *args):
        count[0] += 1
        return die() if count[0] > number else part(self, *args)

    h5_store.H5Writer.part = counted


def before_sync():
    files._sync = die


def before_rename():
    os.replace = die


def after_rename():
    replace = os.replace
    os.replace = lambda *args: die(replace(*args))


PLACES = [lambda: at_part(0), lambda: at_part(2), before_sync, before_rename, after_rename]
for name in ("m.keras", "m.h5", "m.safetensors", "m.weights.h5", "m.weights.json"):
    path = os.path.join(folder, name)
    weights = ".weights." in name
    options = {"max_shard_size": 6e-8} if name.endswith(".json") else {}

    def save(value):
        made = model(value)
        made.save_weights(path, **options) if weights else made.save(path)

    for number, place in enumerate(PLACES):
        save(1.0)
        child = os.fork()
        if not child:
            place()
            save(2.0)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if weights:
            found = model(0.0)
            found.load_weights(path)
        else:
            found = saving.load_model(path)
        values = {float(x) for v in found.get_weights() for x in v.ravel()}
        print(name, number, os.WIFSIGNALED(status), sorted(values))
"""


def test_a_process_that_is_killed_leaves_the_old_file_or_the_new(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=3) for line in done.stdout.splitlines()]
    assert len(lines) == 25
    assert {values for *_, values in lines} <= {"[1.0]", "[2.0]"}, done.stdout
    for name, place, killed, values in lines:
        if place == "3":  # at the door: nothing of the new file may be seen
            assert (killed, values) == ("True", "[1.0]"), name


def tiny(units: int = 3):
    return isozoo.Sequential([isozoo.Input((4,)), layers.Dense(units), layers.Dense(2)])


FORMS = ["m.keras", "m.h5", "m.safetensors", "m.weights.h5", "w.safetensors"]


def save(model, path):
    model.save_weights(path) if path.name[0] == "w" or ".weights" in path.name else model.save(path)


@pytest.fixture
def numpy():
    with isozoo.use_backend("numpy"):
        yield


@pytest.mark.parametrize("name", FORMS)
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, numpy, name):
    path = tmp_path / name
    save(tiny(), path)
    before = path.read_bytes()

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("isozoo.framework.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(tiny(5), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("limit", [100, 3000])
def test_a_writer_that_fails_half_way_leaves_the_old_file(tmp_path, numpy, name, limit):
    path = tmp_path / name
    save(tiny(), path)
    before = path.read_bytes()
    bigger = tiny(500)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        with pytest.raises((OSError, RuntimeError, Exception)):
            save(bigger, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_layer_that_cannot_be_saved_leaves_the_old_file(tmp_path, numpy):
    class Refuses(isozoo.Layer):
        def call(self, inputs):
            return inputs

        def save_own_variables(self, store):
            raise ValueError("not today")

    path = tmp_path / "m.keras"
    tiny().save(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not today"):
        isozoo.Sequential([isozoo.Input((4,)), Refuses()]).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.keras"]


def test_shards_of_replaced_weights_go(tmp_path, numpy):
    path = tmp_path / "m.weights.json"
    for model in (tiny(), tiny(4), tiny(5)):
        model.save_weights(path, max_shard_size=1e-7)
    index = json.loads(path.read_text())
    named = {name for n in index["weight_map"].values() for name in (n if type(n) is list else [n])}
    assert {p.name for p in tmp_path.iterdir()} == {"m.weights.json", *named}
    again = tiny(5)
    again.load_weights(path)
    for was, now in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


def test_an_array_larger_than_a_shard_is_an_error(tmp_path, numpy):
    with pytest.raises(ValueError, match="exceeds the maximum shard size"):
        tiny().save_weights(tmp_path / "m.weights.json", max_shard_size=1e-8)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5"])
def test_nothing_is_replaced_unless_it_is_permitted(tmp_path, numpy, name):
    path = tmp_path / name
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="overwrite"):
        if "weights" in name:
            tiny().save_weights(path, overwrite=False)
        else:
            tiny().save(path, overwrite=False)
    assert path.read_bytes() == b"mine"


def test_what_cannot_be_written_is_explained(tmp_path, numpy):
    model = tiny()
    for name, said in {"m.pb": "Invalid filepath extension", "m": "Invalid filepath ext"}.items():
        with pytest.raises(ValueError, match=said):
            model.save(tmp_path / name)
    with pytest.raises(ValueError, match="must end in `.weights.h5`"):
        model.save_weights(tmp_path / "m.h5")
    with pytest.raises(ValueError, match="are not supported"):
        model.save(tmp_path / "m.keras", colour="red")
    with pytest.raises(ValueError, match="argument is deprecated"):
        model.save(tmp_path / "m", save_format="tf")
    with pytest.raises(ValueError, match="not yet been built"):
        isozoo.Sequential([layers.Dense(2)]).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="accessible `.keras` zip file"):
        saving.load_model(tmp_path / "none.keras")
    with pytest.raises(ValueError, match="File format not supported"):
        saving.load_model(tmp_path / "none")
    assert not list(tmp_path.iterdir())
