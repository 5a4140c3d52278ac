"""TensorFlow.js's model.json: what its numbers mean, what is refused, and networks of Keras."""

from __future__ import annotations

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

import isozoo
from isozoo.hub import FileEntry, HuggingFace, Preset, open_reader
from isozoo.hub.auditing import audit
from isozoo.hub.converting import convert
from isozoo.hub.errors import HubError, ReaderError
from isozoo.hub.fetch import resolve
from isozoo.hub.readers import TFJSReader

CODES = {
    "a": ("float32", np.array([[0, 1, 200], [7, 255, 3]], "u1"), {"scale": 0.0123, "min": -1.7}),
    "b": ("float32", np.array([0, 40_000, 65_535], "<u2"), {"scale": -1e-3, "min": 2}),
    "c": ("int32", np.array([0, 1, 2, 5], "u1"), {"scale": 2.5, "min": -5.0}),
    "d": ("float32", np.array([0.5, -65504, 6e-8], "<f2"), {}),
}
PLAIN = {
    "e": np.arange(6, dtype="<f4").reshape(3, 2) / 7,
    "f/g:0": np.array(-(2**31), "<i4"),
    "h": np.array([True, False, True]),
    "i": np.array([1 + 2j, -3j], "<c8"),
    "none": np.zeros((0, 4), "<f4"),
}


def _entry(name, dtype, array, quantization=None, **more):
    entry = {"name": name, "shape": list(array.shape), "dtype": dtype, **more}
    if quantization is not None:
        entry["quantization"] = {"dtype": array.dtype.name, **quantization}
    return entry


def _written(folder, groups, cuts=(), **more):
    """Writes groups of (entries, bytes), each cut into files at `cuts`."""
    manifest = []
    for number, (entries, raw) in enumerate(groups):
        places = [0, *(cut for cut in cuts if 0 < cut < len(raw)), len(raw)]
        paths = []
        for part, (start, end) in enumerate(zip(places, places[1:], strict=False)):
            paths.append(f"group{number + 1}-shard{part + 1}of{len(places) - 1}.bin")
            (folder / paths[-1]).write_bytes(raw[start:end])
        manifest.append({"paths": paths, "weights": entries})
    path = folder / "model.json"
    path.write_text(json.dumps({"modelTopology": None, **more, "weightsManifest": manifest}))
    return path


def _groups():
    coded = [_entry(name, dtype, codes, q) for name, (dtype, codes, q) in CODES.items()]
    plain = [_entry(name, array.dtype.name, array) for name, array in PLAIN.items()]
    plain.append(_entry("e/m", "float32", PLAIN["e"], group="optimizer"))
    arrays = [*PLAIN.values(), PLAIN["e"]]
    return [
        (coded, b"".join(codes.tobytes() for _, codes, _ in CODES.values())),
        (plain, b"".join(array.tobytes() for array in arrays)),
    ]


def _meant(dtype, codes, scale=1.0, least=0.0):
    """In Python's own numbers, one by one: q · scale + min, halves of integers upwards."""
    values = [code * scale + least for code in codes.ravel().tolist()]
    if dtype == "int32":
        values = [int((value + 0.5) // 1) for value in values]
    return np.array(values, dtype).reshape(codes.shape)


@pytest.mark.parametrize("cuts", [(), (1, 5, 9, 10, 13, 27, 30)], ids=["whole", "cut"])
def test_every_form_of_numbers(tmp_path, cuts):
    with open_reader(_written(tmp_path, _groups(), cuts)) as reader:
        assert isinstance(reader, TFJSReader) and list(reader) == [*CODES, *PLAIN]
        for name, (dtype, codes, about) in CODES.items():
            found = reader.read(name)
            expected = _meant(dtype, codes, about.get("scale", 1.0), about.get("min", 0.0))
            assert reader.info(name).dtype == found.dtype.name == dtype
            assert reader.info(name).shape == found.shape == codes.shape
            np.testing.assert_array_equal(found, expected)
            reader.release(name)
        for name, array in PLAIN.items():
            found = reader.read(name)
            assert found.dtype == array.dtype and found.flags.writeable and found.flags.aligned
            np.testing.assert_array_equal(found, array)
        kept = reader.read("e")
        with pytest.raises(KeyError):
            reader.info("e/m")
    np.testing.assert_array_equal(kept, PLAIN["e"])
    with pytest.raises(ReaderError, match="closed"):
        reader.read("e")


def test_files_that_lie_elsewhere_and_names_of_the_browser(tmp_path):
    path = _written(tmp_path, _groups())
    manifest = json.loads(path.read_text())
    for number, group in enumerate(manifest["weightsManifest"]):
        (name,) = group["paths"]
        (tmp_path / name).rename(tmp_path / f"blob{number}")
        group["paths"] = [f"./{name}"]
    path.write_text(json.dumps(manifest))
    files = {f"group{k + 1}-shard1of1.bin": tmp_path / f"blob{k}" for k in range(2)}
    with open_reader(path, files) as reader:
        np.testing.assert_array_equal(reader.read("e"), PLAIN["e"])
    with pytest.raises(ReaderError, match="there is no such file"):
        open_reader(path)


TWO = _entry("x", "float32", np.zeros((2,), "<f4"))
BYTE = _entry("x", "float32", np.zeros(8, "u1"), {"scale": 1, "min": 0})
GROUP = {"paths": ["s.bin"], "weights": [TWO]}
DEEP = "[" * 200_000 + "]" * 200_000


def _weight(**changes):
    return [{**GROUP, "weights": [{**TWO, **changes}]}]


def _coded(**changes):
    about = {**BYTE["quantization"], **changes}
    about = {key: value for key, value in about.items() if value is not ...}
    return [{**GROUP, "weights": [{**BYTE, "quantization": about}]}]


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        ({}, "a list of groups"),
        (None, "a list of groups"),
        ([3], "lists paths and weights"),
        ([{"paths": ["s.bin"]}], "lists paths and weights"),
        ([{**GROUP, "weights": [7]}], r"weightsManifest\[0\].weights\[0\]"),
        ([{**GROUP, "weights": [{"shape": [2], "dtype": "float32"}]}], "name, shape and dtype"),
        ([{**GROUP, "paths": ["../s.bin"]}], "'../s.bin' is not the plain name"),
        ([{**GROUP, "paths": ["/etc/passwd"]}], "is not the plain name"),
        ([{**GROUP, "paths": ["in/s.bin"]}], "is not the plain name"),
        ([{**GROUP, "paths": ["https://x.org/s.bin"]}], "is not the plain name"),
        ([{**GROUP, "paths": [".hidden"]}], "is not the plain name"),
        ([{**GROUP, "paths": [[]]}], "a value of type list is not the plain name"),
        ([{**GROUP, "paths": ["link.bin"]}], "link.bin, which is a link"),
        ([{**GROUP, "paths": ["folder"]}], "no such file"),
        ([{**GROUP, "paths": ["absent.bin"]}], "no such file"),
        ([{**GROUP, "paths": ["empty.bin"]}], "the file is empty"),
        ([{**GROUP, "paths": ["s.bin", "./s.bin"]}], "s.bin is named twice"),
        ([GROUP, {**GROUP, "weights": [{**TWO, "name": "y"}]}], "s.bin is named twice"),
        ([GROUP, {"paths": ["t.bin"], "weights": [TWO]}], "the name occurs twice"),
        (_weight(name="../x"), "not allowed"),
        (_weight(dtype="string"), "dtype 'string' is not read; float32, int32"),
        (_weight(dtype="float16"), "dtype 'float16' is not read"),
        (_weight(dtype=["float32"]), "dtype a value of type list is not read"),
        (_weight(shape="2"), "its shape is not a list"),
        (_weight(shape=[-2]), "bad dimension"),
        (_weight(shape=[2.0]), "bad dimension"),
        (_weight(shape=[2**62, 2**62]), "impossibly large"),
        (_weight(shape=[2**60]), f"it ends at byte {2**62} of"),
        (_weight(shape=[3]), "it ends at byte 12 of the files of .*, which hold 8"),
        (_weight(shape=[1]), "its files hold 8 bytes, and its tensors take 4"),
        (_weight(quantization=None), "is not read; uint8 or uint16"),
        (_coded(dtype="int8"), "float32 stored as 'int8' is not read"),
        (_coded(dtype="uint16"), "it ends at byte 16"),
        (_coded(scale=...), "no finite number scale"),
        (_coded(min="0"), "no finite number min"),
        (_coded(scale=True), "no finite number scale"),
        (_coded(scale=10**400), "no finite number scale"),
        (_coded(scale=1e37), "lead out of float32"),
        (_weight(dtype="bool", quantization={"dtype": "uint8", "scale": 1, "min": 0}), "bool sto"),
        (_weight(dtype="int32", shape=[4], quantization={"dtype": "float16"}), "int32 stored"),
        (
            _weight(dtype="int32", shape=[8], quantization={**BYTE["quantization"], "scale": 1e8}),
            "lead out of int32",
        ),
    ],
)
def test_what_is_refused(tmp_path, manifest, problem):
    for name in ("s.bin", "t.bin"):
        (tmp_path / name).write_bytes(bytes(8))
    (tmp_path / "link.bin").symlink_to(tmp_path / "s.bin")
    (tmp_path / "empty.bin").touch()
    (tmp_path / "folder").mkdir()
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"weightsManifest": manifest}))
    with pytest.raises(ReaderError, match=problem) as caught:
        TFJSReader(path)
    if manifest:  # where in the file, or which file
        places = ("weightsManifest[", "tensor x", "tensor name", "empty.bin")
        assert any(place in str(caught.value) for place in places)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"weightsManifest": [', "not JSON"),
        ('{"weightsManifest": ' + DEEP + "}", "nested too deeply"),
        ('{"weightsManifest": [], "weightsManifest": []}', "occurs twice"),
        ('{"x": NaN, "weightsManifest": []}', "NaN is not allowed"),
        ('{"x": "\xff", "weightsManifest": []}', "not JSON"),
    ],
    ids=["cut", "deep", "doubled", "nan", "latin"],
)
def test_json_that_is_refused(tmp_path, text, problem):
    (tmp_path / "model.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ReaderError, match=problem):
        open_reader(tmp_path / "model.json")


def test_a_boolean_of_another_value(tmp_path):
    path = _written(tmp_path, [([_entry("x", "bool", np.zeros(4, bool))], b"\0\1\2\0")], (2,))
    with open_reader(path) as reader, pytest.raises(ReaderError, match="neither 0 nor 1"):
        reader.read("x")


def test_a_tensor_of_an_index_may_have_the_name_of_the_list(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weightsManifest": np.ones(2, "float32")}, tmp_path / "m.safetensors")
    index = {"weight_map": {"weightsManifest": "m.safetensors"}}
    (tmp_path / "m.safetensors.index.json").write_text(json.dumps(index))
    with open_reader(tmp_path / "m.safetensors.index.json") as reader:
        assert list(reader) == ["weightsManifest"]


def test_an_audit_counts_the_numbers_and_still_finds_pickles(tmp_path):
    path = _written(tmp_path, _groups())
    found = audit(tmp_path)
    (report,) = [file for file in found.files if file.name == "model.json"]
    assert report.tensors == 9 and report.dtypes == {
        "float32": 5, "int32": 2, "bool": 1, "complex64": 1
    }  # fmt: skip
    assert found.level == "caution" and [one.what for one in found.findings] == [
        "no file says under which licence it may be used"
    ]
    evil = b"cos\nsystem\n(S'true'\ntR."
    manifest = [{"paths": ["evil.bin"], "weights": [_entry("x", "bool", np.zeros(len(evil)))]}]
    (tmp_path / "evil.bin").write_bytes(evil)
    path.write_text(json.dumps({"weightsManifest": manifest}))
    assert any("os system" in one.what for one in audit(tmp_path).findings)


def test_a_repository_in_a_cache(tmp_path, hub, cache, monkeypatch):
    """Its files lie under other names there, and those that model.json names are fetched."""
    path = _written(tmp_path, _groups(), (11,))
    hub.add("org/name", {file.name: file.read_bytes() for file in tmp_path.iterdir()})
    monkeypatch.setenv("ISOZOO_CACHE", str(cache.root))
    found = audit("hf://org/name", endpoint=hub.url)
    assert max(file.tensors for file in found.files) == 9
    source = HuggingFace("org/name")
    preset = Preset("mine", "published", "", "tfjs", (FileEntry(path.name),), (source,))
    local = resolve(preset, cache=cache, endpoint=hub.url)
    assert len(local.paths) == 5
    with open_reader(local.paths["model.json"], local.paths) as reader:
        np.testing.assert_array_equal(reader.read("e"), PLAIN["e"])
    hub.add("org/bad", {"model.json": b'{"weightsManifest": [{"paths": ["../x"], "weights": []}]}'})
    with pytest.raises(HubError, match="'../x' is not the plain name"):
        resolve(replace(preset, sources=(HuggingFace("org/bad"),)), cache=cache, endpoint=hub.url)


def test_mobilenet_v2_of_keras_in_codes_of_eight_bits(tmp_path):
    """Names as Keras 2 gave them; each weight of the network is what its codes stand for."""
    theirs = keras.applications.MobileNetV2(
        alpha=0.35, include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    rng = np.random.default_rng(0)
    entries, raw, expected = [], b"", {}
    about = {"scale": 1 / 255, "min": -0.5}
    for layer in theirs.layers:
        for weight in layer.weights:
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            name = "depthwise_kernel" if depthwise else weight.name
            codes = rng.integers(0, 256, weight.shape).astype("u1")
            entries.append(_entry(f"{layer.name}/{name}", "float32", codes, about))
            raw += codes.tobytes()
            expected[f"net.{layer.name}.{weight.name}"] = codes.astype(float) / 255 - 0.5
    _written(tmp_path, [(entries, raw)], (100_000,))
    config = {"model_type": "keras_applications", "network": "MobileNetV2", "alpha": 0.35}
    config["architectures"] = ["KerasTFJSWithoutTop"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    convert(tmp_path, tmp_path / "converted")
    with isozoo.use_backend("numpy"):
        found = isozoo.from_preset(tmp_path).weights_by_path()
    assert found.keys() == expected.keys()
    with open_reader(tmp_path / "converted/model.safetensors") as reader:
        for name, values in expected.items():
            np.testing.assert_allclose(found[name].numpy(), values, rtol=0, atol=1e-7)
            np.testing.assert_array_equal(reader.read(name[4:]), found[name].numpy())
    entries[0]["name"] = "Conv9/kernel"
    _written(tmp_path, [(entries, raw)])
    with isozoo.use_backend("numpy"), pytest.raises(HubError) as caught:
        isozoo.from_preset(tmp_path)
    assert "Conv9/kernel" in str(caught.value) and "net.Conv1.kernel" in str(caught.value)
