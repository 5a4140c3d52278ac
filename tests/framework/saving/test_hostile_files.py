"""Files that want more than to be read: each is an error at once, and nothing of it is done.

Every published hole of Keras's loading has a line here, with a harmless probe in its place.
"""

from __future__ import annotations

import io
import json
import os
import resource
import struct
import sys
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import isozoo
from isozoo import layers, saving
from isozoo.framework import dtype_policies

h5py = pytest.importorskip("h5py")
MEMORY = 256 << 20
# What a config might change for the whole process.
SETTINGS = ("dtype policy", "floatx", "folder", "environment", "recursion limit")


@pytest.fixture(autouse=True)
def _numpy():
    with isozoo.use_backend("numpy"):
        yield


def tiny():
    return isozoo.Sequential([isozoo.Input((4,)), layers.Dense(3, name="d")], name="tiny")


def settings():
    return (
        dtype_policies.dtype_policy().name,
        isozoo.config.floatx(),
        os.getcwd(),
        dict(os.environ),
        sys.getrecursionlimit(),
    )


@contextmanager
def refused(match: str, errors: tuple = (ValueError, TypeError), seconds: float = 1.0):
    """The block raises one of `errors` in time and in bounded memory, and changes no setting."""
    before, modules = settings(), set(sys.modules)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Of the process alone: others may use the processor meanwhile.
    start = time.process_time()
    with pytest.raises(errors, match=match):
        yield
    assert time.process_time() - start < seconds
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) * 1024 < MEMORY
    assert dict(zip(SETTINGS, settings(), strict=True)) == dict(zip(SETTINGS, before, strict=True))
    strange = {name for name in set(sys.modules) - modules if not name.startswith("isozoo")}
    assert not strange & {"subprocess_probe", "antigravity", "this", "keras"}


def archived(path: Path, config, **others: bytes) -> Path:
    """A `.keras` archive with a config of one's own, and the weights of `tiny`."""
    good = path.with_name("good.keras")
    tiny().save(good)
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = config if isinstance(config, bytes) else json.dumps(config).encode()
    members.update(others)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def sequential(*entries, **more):
    first = {"batch_shape": [None, 4], "dtype": "float32", "name": "x"}
    head = {"module": "keras.layers", "class_name": "InputLayer", "config": first}
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "m", "layers": [head, *entries]},
        **more,
    }


def entry(module, class_name, config, **more):
    return {"module": module, "class_name": class_name, "config": config, **more}


def functional(*entries):
    start = entry("keras.layers", "InputLayer", {"batch_shape": [None, 4], "name": "x"})
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "m",
            "layers": [{**start, "name": "x", "inbound_nodes": []}, *entries],
            "input_layers": ["x", 0, 0],
            "output_layers": [entries[-1]["name"], 0, 0],
        },
    }


def lambda_layer(function):
    return entry("keras.layers", "Lambda", {"name": "l", "function": function})


CODE = {"class_name": "__lambda__", "config": {"code": "4wAAAA==", "defaults": None}}
DENSE = entry("keras.layers", "Dense", {"units": 3, "name": "d"})
CONFIGS = {
    "CVE-2024-3660: code in a Lambda": sequential(lambda_layer(CODE)),
    "CVE-2024-3660: code as a list": sequential(lambda_layer(["4wAAAA==", None, None])),
    "CVE-2025-1550: any module's function": sequential(
        lambda_layer(entry("os", "function", "system", registered_name="system"))
    ),
    "CVE-2025-1550: a class of any module": sequential(entry("subprocess", "Popen", {"args": "x"})),
    "CVE-2025-1550: the arguments of a call": sequential(
        entry("builtins", "function", "eval", registered_name="eval")
    ),
    "CVE-2025-8747: a function of keras itself": sequential(
        lambda_layer(entry("keras.utils", "function", "get_file"))
    ),
    "CVE-2025-8747: a loader as the function": sequential(
        lambda_layer(entry("keras.models", "function", "load_model"))
    ),
    "CVE-2025-9906: the switch that permits code": functional(
        entry(
            "keras.config",
            "function",
            "enable_unsafe_deserialization",
            name="f",
            inbound_nodes=[{"args": [], "kwargs": {}}],
        )
    ),
    "CVE-2025-12058: a file as the vocabulary": sequential(
        entry("keras.layers", "StringLookup", {"name": "l", "vocabulary": __file__})
    ),
    "CVE-2025-12058: an address as the vocabulary": sequential(
        entry("keras.layers", "TextVectorization", {"name": "l", "vocabulary": "http://[::1]:9/"})
    ),
    "CVE-2025-49655: a wrapped torch module": sequential(
        entry("keras.layers", "TorchModuleWrapper", {"name": "t", "module": "gASVAAAA"})
    ),
    "CVE-2026-1462: a SavedModel in a layer": sequential(
        entry("keras.layers", "TFSMLayer", {"name": "t", "filepath": "/tmp/none"})
    ),
    "a private name": sequential(entry("keras.layers", "_FilterConv", {"name": "t"})),
    "a module of ours that is no namespace": sequential(
        entry("isozoo.hub.download", "function", "fetch")
    ),
    "a dotted name": sequential(entry("keras.layers", "core.Dense", {"name": "t"})),
    "a class that no config makes": sequential(entry("keras", "Variable", {"initializer": [1.0]})),
    "a function in the place of a layer": sequential(
        entry("keras.ops", "function", "zeros", registered_name="function")
    ),
    "an op of numbers alone": functional(
        entry(
            "keras.ops",
            "function",
            "zeros",
            name="f",
            inbound_nodes=[{"args": [[1 << 40]], "kwargs": {}}],
        )
    ),
    "an op of Keras, of numbers alone": functional(
        entry(
            "keras.src.ops.numpy",
            "Full",
            {"name": "f", "shape": [1 << 40]},
            name="f",
            inbound_nodes=[{"args": [1.0], "kwargs": {}}],
        )
    ),
    "a name of the user's for a class of ours": sequential(
        {**DENSE, "registered_name": "subprocess.Popen"}
    ),
    "a config that is no dict": sequential(entry("keras.layers", "Dense", [1, 2])),
    "an array of objects": sequential(
        entry(
            "keras.layers",
            "Dense",
            {
                "units": 3,
                "bias_initializer": {
                    "class_name": "__numpy__",
                    "config": {"value": [1], "dtype": "object"},
                },
            },
        )
    ),
    "no model at all": entry("keras.initializers", "Zeros", {}),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_runs_nothing(tmp_path, name):
    path = archived(tmp_path / "evil.keras", CONFIGS[name])
    with refused("."):
        saving.load_model(path)
    with refused("."):  # CVE-2026-12481: no value of the flag opens a door
        saving.load_model(path, safe_mode=None)
    with refused("."):
        saving.load_model(path, safe_mode=False)


@pytest.mark.parametrize("safe_mode", [True, False, None])
def test_code_is_refused_by_each_way_in(safe_mode):
    """CVE-2026-12481: also outside of `load_model`."""
    with refused("arbitrary code execution", (ValueError,)):
        saving.deserialize_keras_object(CODE, safe_mode=safe_mode)
    with refused("arbitrary code execution|unknown here"):
        isozoo.models.model_from_json(json.dumps(sequential(lambda_layer(CODE))))


def test_old_files_have_no_other_rules(tmp_path):
    """CVE-2025-9905: the `.h5` form knew no safe mode."""
    path = tmp_path / "evil.h5"
    tiny().save(path)
    old = {"class_name": "Lambda", "config": {"function": ["4wAAAA==", None, None]}}
    config = {"class_name": "Sequential", "config": {"name": "m", "layers": [old]}}
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(config)
    with refused("."):
        saving.load_model(path)
    with refused("."):
        saving.load_model(path, safe_mode=False)


def test_names_of_layers_are_no_paths(tmp_path):
    """CVE-2026-12479: a layer's name made the folder of its assets."""
    probe = tmp_path / "outside"
    for name in ("../../outside", "..", "a/../../b", str(probe)):
        config = sequential({**DENSE, "config": {"units": 3, "name": name}})
        path = archived(tmp_path / "evil.keras", config)
        try:
            saving.load_model(path).save(tmp_path / "again.keras")
        except (ValueError, TypeError):
            pass
    assert sorted(p.name for p in tmp_path.iterdir() if p.name not in ("good.keras",)) in (
        ["evil.keras"],
        ["again.keras", "evil.keras"],
    )


# Sizes ------------------------------------------------------------------------------------------


def test_sizes_in_a_config_are_compared_before_anything_is_allocated(tmp_path):
    config = sequential(entry("keras.layers", "Dense", {"units": 1 << 40, "name": "d"}))
    path = archived(tmp_path / "evil.keras", config)
    with refused("do not fit"):
        saving.load_model(path)


def test_a_dataset_that_declares_petabytes(tmp_path):
    """CVE-2026-0897."""
    path = tmp_path / "bomb.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        shape = dict(shape=(2**50,), dtype="float64", chunks=(1024,), compression="gzip")
        group.create_dataset("0", **shape)
    with refused("shape bomb"):
        tiny().load_weights(path)


def test_a_dataset_that_unpacks_to_another_shape(tmp_path):
    path = tmp_path / "wide.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.create_dataset("0", data=np.zeros((4000, 4000), "f4"), compression="gzip")
        group.create_dataset("1", data=np.zeros(3, "f4"))
    with refused("must match"):
        tiny().load_weights(path)


def deep(depth: int) -> bytes:
    return (
        b'{"class_name": "Sequential", "config": ' + b'{"a": ' * depth + b"1" + b"}" * (depth + 1)
    )


@pytest.mark.parametrize("depth", [300, 100_000])
def test_a_config_that_is_nested_too_deeply(tmp_path, depth):
    with refused("nested deeper|not JSON"):
        saving.load_model(archived(tmp_path / "evil.keras", deep(depth)))


# HDF5 -------------------------------------------------------------------------------------------


def external(file, other):
    file.create_dataset(
        "layers/dense/vars/0", shape=(4, 3), dtype="f4", external=[(str(other), 0, 48)]
    )


def virtual(file, other):
    layout = h5py.VirtualLayout(shape=(4, 3), dtype="f4")
    layout[:] = h5py.VirtualSource(str(other), "x", shape=(4, 3))
    file.create_group("layers/dense/vars").create_virtual_dataset("0", layout)


def external_link(file, other):
    file["layers"] = h5py.ExternalLink(str(other), "/layers")


def soft_link(file, other):
    file.create_dataset("real", data=np.zeros((4, 3), "f4"))
    file.create_group("layers/dense/vars")["0"] = h5py.SoftLink("/real")


def circle(file, other):
    group = file.create_group("layers/dense")
    group["vars"] = file["layers"]


def texts(file, other):
    file.create_dataset("layers/dense/vars/0", data=np.array([b"a"] * 12).reshape(4, 3))


def objects(file, other):
    file.create_dataset("layers/dense/vars/0", shape=(4, 3), dtype=h5py.string_dtype())


def references(file, other):
    file.create_dataset("layers/dense/vars/0", shape=(4, 3), dtype=h5py.ref_dtype)


def named_type(file, other):
    file["layers/dense/vars"] = np.dtype("f4")


def plug_in(file, other):
    group = file.create_group("layers/dense/vars")
    group.create_dataset("0", data=np.zeros((4, 3), "f4"), compression="lzf")


H5 = [external, virtual, external_link, soft_link, circle, texts, objects, references, named_type]


@pytest.mark.parametrize("make", [*H5, plug_in], ids=lambda make: make.__name__)
def test_hdf5_that_weights_have_no_need_of(tmp_path, make):
    """CVE-2026-1669 and what followed it."""
    secret = tmp_path / "secret"
    with h5py.File(secret, "w") as file:
        file["x"] = np.ones((4, 3), "f4")
    path = tmp_path / "evil.weights.h5"
    with h5py.File(path, "w") as file:
        make(file, secret)
    model = tiny()
    before = model.get_weights()
    with refused("Not allowed|reached twice|not numbers|neither a group"):
        model.load_weights(path)
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)
    inside = archived(tmp_path / "evil.keras", sequential(DENSE))
    with zipfile.ZipFile(inside) as archive:
        config = archive.read("config.json")
    evil = archived(inside, config, **{"model.weights.h5": path.read_bytes()})
    with refused("Not allowed|reached twice|not numbers|neither a group"):
        saving.load_model(evil)


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_an_hdf5_file_that_is_cut_short(tmp_path, part):
    path = tmp_path / "cut.weights.h5"
    tiny().save_weights(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with refused("not a whole HDF5 file"):
        tiny().load_weights(path)


def test_damaged_hdf5_files_are_errors_and_not_crashes(tmp_path):
    path = tmp_path / "damaged.weights.h5"
    tiny().save_weights(path)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    model = tiny()
    for _ in range(60):
        damaged = bytearray(whole)
        for at in random.integers(0, len(whole), 8):
            damaged[at] = random.integers(0, 256)
        path.write_bytes(damaged)
        try:
            model.load_weights(path)
        except ValueError:
            pass


# Zip --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "assets/../../evil", "x.py", "assets/a\\b"]
)
def test_members_that_have_no_place_in_an_archive(tmp_path, name):
    """CVE-2025-12060: nothing of an archive is written anywhere."""
    path = archived(tmp_path / "evil.keras", sequential(DENSE), **{name: b"x"})
    with refused("has no place here"):
        saving.load_model(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evil.keras", "good.keras"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(tmp_path):
    path = archived(tmp_path / "evil.keras", sequential(DENSE))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", b"{}")
    with refused("occurs twice"):
        saving.load_model(path)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_a_member_that_unpacks_to_more_than_it_may(tmp_path, member):
    path = archived(tmp_path / "evil.keras", sequential(DENSE))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, b" " * (80 << 20) if name == member else content)
    with refused("decompression bomb|not an HDF5 file", seconds=3):
        saving.load_model(path)


def test_a_member_whose_local_header_says_something_else(tmp_path):
    path = archived(tmp_path / "evil.keras", sequential(DENSE))
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("config.json").header_offset
    content = bytearray(path.read_bytes())
    content[at + 30 : at + 41] = b"config.jsox"
    path.write_bytes(content)
    with refused("disagrees with the directory"):
        saving.load_model(path)


def test_a_member_whose_bytes_were_changed(tmp_path):
    path = archived(tmp_path / "evil.keras", sequential(DENSE))
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("config.json").header_offset + 41 + 8
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with refused("CRC-32"):
        saving.load_model(path)


def test_a_declared_size_that_no_packing_reaches(tmp_path):
    path = archived(tmp_path / "evil.keras", sequential(DENSE))
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    while content[at + 46 : at + 57] != b"config.json":
        at = content.index(b"PK\x01\x02", at + 1)
    content[at + 10 : at + 12] = struct.pack("<H", zipfile.ZIP_DEFLATED)
    content[at + 24 : at + 28] = struct.pack("<I", 3 << 30)
    path.write_bytes(content)
    with refused("disagrees|decompression bomb"):
        saving.load_model(path)


# Other files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../x.weights.h5", "/etc/passwd", "a/b.h5", 7, ""])
def test_an_index_that_names_files_elsewhere(tmp_path, name):
    path = tmp_path / "m.weights.json"
    path.write_text(json.dumps({"weight_map": {"/layers/dense/vars": name}}))
    with refused("no name of a file beside it"):
        tiny().load_weights(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04.", b"\x89HDF\r\n\x1a\n", b"{}"])
@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.safetensors"])
def test_files_that_are_something_else(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with refused("."):
        saving.load_model(path)


def test_a_safetensors_file_with_a_hostile_config(tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "evil.safetensors"
    config = json.dumps(sequential(lambda_layer(CODE)))
    save_file({"d.kernel": np.zeros((4, 3), "f4")}, path, metadata={"isozoo_config": config})
    with refused("arbitrary code|unknown here"):
        saving.load_model(path)


def test_an_archive_in_memory_has_the_same_rules(tmp_path):
    path = archived(tmp_path / "evil.keras", sequential(lambda_layer(CODE)))
    with refused("arbitrary code|unknown here"):
        saving.load_model(io.BytesIO(path.read_bytes()))
