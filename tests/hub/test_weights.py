"""Loading into variables and exporting from them."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from isozoo.hub.errors import HubError, WeightsError
from isozoo.hub.exporting import export
from isozoo.hub.readers import open_reader
from isozoo.hub.transforms import concat, split, transpose
from isozoo.hub.weight_map import ZERO, Join, Row, WeightMap
from isozoo.hub.weights import load

from .fakes import FakeVariable, variables

TABLE = WeightMap(
    Row("emb.weight", "emb"),
    Row("layer.{i}.qkv.weight", tuple(f"l.{{i}}.{n}.kernel" for n in "qkv"), (split(0), transpose)),
    Row("layer.{i}.qkv.bias", ("l.{i}.q.bias", ZERO, "l.{i}.v.bias"), split(0)),
    Row(("layer.{i}.norm.weight", "layer.{i}.norm.gamma"), "l.{i}.norm"),
    Row(Join("gate.weight", "up.weight"), "gate_up", concat(0)),
    Row("pooler.weight", "pooler", transpose, optional=True),
    Row("head.weight", "emb", tied=True, prefixed=False),
    Row("{rest*}position_ids", None),
    prefixes=("model.", ""),
)


def tensors(**changes):
    """A file that fits `model()`; a change to None removes a tensor."""
    rng = np.random.default_rng(0)
    bias = rng.normal(size=6).astype(np.float32)
    bias[2:4] = 0
    found = {
        "model.emb.weight": rng.normal(size=(5, 2)).astype(np.float16),
        "model.layer.0.qkv.weight": rng.normal(size=(6, 2)).astype(np.float32),
        "model.layer.0.qkv.bias": bias,
        "model.layer.0.norm.gamma": rng.normal(size=2).astype(np.float32),
        "model.gate.weight": rng.normal(size=(3, 2)).astype(np.float32),
        "model.up.weight": rng.normal(size=(3, 2)).astype(np.float32),
        "model.position_ids": np.arange(4),
    }
    changes = {k.replace("__", "."): v for k, v in changes.items()}
    return {k: v for k, v in {**found, **changes}.items() if v is not None}


def model():
    return variables(
        emb=(5, 2),
        l__0__q__kernel=(2, 2),
        l__0__k__kernel=(2, 2),
        l__0__v__kernel=(2, 2),
        l__0__q__bias=(2,),
        l__0__v__bias=(2,),
        l__0__norm=(2,),
        gate_up=(6, 2),
    )


@pytest.fixture
def saved(tmp_path):
    def write(found):
        save_file(found, tmp_path / "w.safetensors")
        return open_reader(tmp_path / "w.safetensors")

    return write


def test_loads_by_the_table(saved):
    found, ours = tensors(), model()
    report = load(saved(found), ours, TABLE)
    fused = found["model.layer.0.qkv.weight"]
    expected = {
        "emb": found["model.emb.weight"].astype(np.float32),
        "l.0.q.kernel": fused[:2].T,
        "l.0.k.kernel": fused[2:4].T,
        "l.0.v.kernel": fused[4:].T,
        "l.0.q.bias": found["model.layer.0.qkv.bias"][:2],
        "l.0.v.bias": found["model.layer.0.qkv.bias"][4:],
        "l.0.norm": found["model.layer.0.norm.gamma"],
        "gate_up": np.vstack([found["model.gate.weight"], found["model.up.weight"]]),
    }
    assert sorted(report.assigned) == sorted(expected)
    assert report.dropped == ["model.position_ids"]
    for path, value in expected.items():
        np.testing.assert_array_equal(ours[path].value, value)


def test_an_export_is_loaded_again(saved, tmp_path):
    ours, again = model(), model()
    load(saved(tensors()), ours, TABLE)
    (path,) = export(ours, TABLE, tmp_path / "out.safetensors", prefix="", metadata={"a": "b"})
    written = load_file(path)
    assert set(written) == {
        "emb.weight", "layer.0.qkv.weight", "layer.0.qkv.bias", "layer.0.norm.weight",
        "gate.weight", "up.weight",
    }  # fmt: skip
    for key, array in written.items():
        source = tensors().get(f"model.{key}", tensors()["model.layer.0.norm.gamma"])
        np.testing.assert_array_equal(array, source.astype(np.float32))
    reader = open_reader(path)
    assert reader.metadata == {"format": "pt", "a": "b"}
    load(reader, again, TABLE)
    for key, variable in ours.items():
        np.testing.assert_array_equal(variable.value, again[key].value)


def refused(saved, found, ours=None):
    """The message of the WeightsError, after checking that nothing was assigned."""
    ours = model() if ours is None else ours
    with pytest.raises(WeightsError) as caught:
        load(saved(found), ours, TABLE)
    assert all(variable.value is None for variable in ours.values())
    return str(caught.value)


def test_everything_that_does_not_fit_is_named_at_once(saved):
    found = tensors(model__surplus=np.ones(3, np.float32), model__emb__weight=None)
    found["model.layer.0.norm.gamma"] = np.ones(7, np.float32)
    found["model.layer.1.norm.gamma"] = np.ones(2, np.float32)
    found["model.up.weight"] = np.ones((3, 2), np.int32)
    text = refused(saved, found)
    assert "model.surplus [3] float32" in text
    assert "model.layer.1.norm.gamma (the model has no variable l.1.norm)" in text
    assert "emb [5, 2] (expected in the file: model.emb.weight)" in text
    assert "gives [7], l.0.norm is [2]" in text
    assert "is int32, gate_up is float32" in text or "model.up.weight" in text


def test_a_transposed_tensor_gets_a_hint(saved):
    found = tensors(model__emb__weight=np.ones((2, 5), np.float32))
    assert "it would fit transposed" in refused(saved, found)


def test_a_float_is_not_an_integer(saved):
    found = tensors(model__emb__weight=np.ones((5, 2), np.int64))
    assert "model.emb.weight is int64, emb is float32" in refused(saved, found)
    ours = {"emb": FakeVariable("emb", (5, 2), "int32")}
    with pytest.raises(WeightsError, match="is float32, emb is int32"):
        load(saved({"emb.weight": np.ones((5, 2), np.float32)}), ours, TABLE)


def test_alternatives_must_be_equal_when_both_are_there(saved):
    gamma = tensors()["model.layer.0.norm.gamma"]
    found = {**tensors(), "model.layer.0.norm.weight": gamma}
    load(saved(found), model(), TABLE)
    found["model.layer.0.norm.weight"] = gamma + 1
    assert "different values" in refused(saved, found)


def test_a_tied_key_may_be_absent_but_not_differ(saved):
    emb = tensors()["model.emb.weight"]
    report = load(saved({**tensors(), "head.weight": emb}), model(), TABLE)
    assert report.tied == ["head.weight"]
    assert "head.weight differs from model.emb.weight" in refused(
        saved, {**tensors(), "head.weight": emb + 1}
    )
    nan = emb.copy()
    nan[0, 0] = np.nan
    load(saved(tensors(model__emb__weight=nan) | {"head.weight": nan}), model(), TABLE)


def test_a_tied_key_of_another_shape_is_named(saved):
    head = np.ones((5, 3), np.float32)
    text = refused(saved, {**tensors(), "head.weight": head})
    assert "head.weight [5, 3] float32 gives [5, 3], emb is [5, 2]" in text


def test_the_same_bytes_read_in_another_way_are_not_equal(tmp_path):
    """Tied by the file (one storage), but transposed by the map."""
    torch = pytest.importorskip("torch")
    square = torch.arange(4.0).reshape(2, 2)
    torch.save({"a": square, "b": square}, tmp_path / "x.pth")
    for steps, same in ((None, True), (transpose, False)):
        table = WeightMap(Row("a", "x"), Row("b", "x", steps, tied=True))
        ours = variables(x=(2, 2))
        if same:
            load(open_reader(tmp_path / "x.pth"), ours, table)
            continue
        with pytest.raises(WeightsError, match="b differs from a"):
            load(open_reader(tmp_path / "x.pth"), ours, table)


def test_a_tied_key_alone_gives_the_value(saved):
    found, ours = tensors(model__emb__weight=None), model()
    found["head.weight"] = tensors()["model.emb.weight"]
    report = load(saved(found), ours, TABLE)
    np.testing.assert_array_equal(ours["emb"].value, found["head.weight"])
    assert "emb" in report.assigned and not report.tied
    found["head.weight"] = np.ones((5, 3), np.float16)
    assert "head.weight [5, 3] float16 gives [5, 3], emb is [5, 2]" in refused(saved, found)


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "module._orig_mod.", "net."])
def test_a_wrapper_around_all_keys_is_taken_off(saved, wrapper):
    found, ours = tensors(), model()
    load(saved({wrapper + key: value for key, value in found.items()}), ours, TABLE)
    np.testing.assert_array_equal(ours["gate_up"].value[:3], found["model.gate.weight"])
    short = {wrapper + k.replace("model.", ""): v for k, v in found.items() if "up" not in k}
    assert f"{wrapper!r} was taken off" in refused(saved, short)


def test_the_name_of_a_layer_is_not_taken_for_a_wrapper(saved):
    table = WeightMap(Row("model.a", "a"), Row("module.b", "b"))
    with pytest.raises(WeightsError, match="left over"):
        load(saved({"net.c": np.ones(2)}), variables(a=(2,)), table)
    ours = variables(a=(2,))
    load(saved({"model.a": np.ones(2, np.float32)}), ours, table)
    ours = variables(a=(2,), b=(2,))
    both = {"model.a": np.ones(2, np.float32), "module.b": np.ones(2, np.float32)}
    load(saved(both), ours, table)


def test_dropped_tensors_of_a_head_are_reported_apart(saved):
    table = WeightMap(Row("a", "a"), Row("b", None), Row("head.{part}", None, head=True))
    found = {"a": np.ones(2, np.float32), "b": np.ones(1), "head.w": np.ones(1)}
    report = load(saved(found), variables(a=(2,)), table)
    assert report.dropped == ["b", "head.w"] and report.of_heads == ["head.w"]


def test_a_part_that_must_be_zero_is_checked(saved):
    found = tensors()
    found["model.layer.0.qkv.bias"] = np.ones(6, np.float32)
    assert "model.layer.0.qkv.bias, part 2 of 3" in refused(saved, found)


def test_a_join_needs_all_its_parts(saved):
    assert "needs also model.up.weight" in refused(saved, tensors(model__up__weight=None))


def test_optional_rows_are_dropped_only_when_the_model_lacks_the_variable(saved):
    pooler = np.arange(4, dtype=np.float32).reshape(2, 2)
    found = {**tensors(), "model.pooler.weight": pooler}
    assert "model.pooler.weight" in load(saved(found), model(), TABLE).dropped
    ours = {**model(), **variables(pooler=(2, 2))}
    load(saved(found), ours, TABLE)
    np.testing.assert_array_equal(ours["pooler"].value, pooler.T)
    assert "pooler [2, 2]" in refused(saved, tensors(), {**model(), **variables(pooler=(2, 2))})


def test_a_new_head_may_stay_without_a_value_when_allowed(saved):
    ours = {**model(), **variables(head__kernel=(2, 3))}
    report = load(saved(tensors()), ours, TABLE, allow_missing=["head.{name}"])
    assert report.missing == ["head.kernel"] and ours["head.kernel"].value is None


def test_reads_bfloat16_into_float32(tmp_path):
    array = np.array([[1.5, 2.0]], ml_dtypes.bfloat16)
    save_file({"emb.weight": array}, tmp_path / "a.safetensors")
    ours = variables(emb=(1, 2))
    load(open_reader(tmp_path / "a.safetensors"), ours, WeightMap(Row("emb.weight", "emb")))
    np.testing.assert_array_equal(ours["emb"].value, [[1.5, 2.0]])


def test_two_rows_for_one_variable_are_an_error(saved):
    table = WeightMap(Row("a", "x"), Row("b", "x"))
    with pytest.raises(WeightsError, match="x would come from a and from b"):
        load(saved({k: np.ones(1, np.float32) for k in "ab"}), variables(x=(1,)), table)


def test_export_names_what_no_row_knows(tmp_path):
    ours = {path: np.ones((2,), np.float32) for path in ("strange.path", "l.0.q.bias")}
    with pytest.raises(WeightsError) as caught:
        export(ours, TABLE, tmp_path / "x.safetensors")
    assert "strange.path" in str(caught.value) and "l.0.v.bias besides l.0.q.bias" in str(
        caught.value
    )
    with pytest.raises(HubError, match=r"\.safetensors"):
        export({}, TABLE, tmp_path / "x.bin")
    assert list(tmp_path.iterdir()) == []


def test_a_large_export_is_sharded_with_an_index(tmp_path):
    table = WeightMap(Row("{name}.weight", "{name}"))
    ours = {name: np.full((4,), value, np.float32) for value, name in enumerate("abcde")}
    written = export(ours, table, tmp_path / "model.safetensors", max_shard_bytes=32)
    names = [path.name for path in written]
    assert names[0] == "model-00001-of-00003.safetensors"
    assert names[-1] == "model.safetensors.index.json"
    index = json.loads(written[-1].read_text())
    assert index["metadata"]["total_size"] == 5 * 16
    reader = open_reader(written[-1])
    for name, array in ours.items():
        np.testing.assert_array_equal(reader.read(f"{name}.weight"), array)


def test_a_failed_export_leaves_nothing_and_what_was_there_before(tmp_path, monkeypatch):
    table = WeightMap(Row("{name}.weight", "{name}"))
    ours = {name: np.ones((4,), np.float32) for name in "abc"}
    target = tmp_path / "model.safetensors"
    export(ours, table, target)
    before = target.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("isozoo.framework.files.os.fsync", full)
    for limit in (10**9, 16):
        with pytest.raises(OSError, match="No space"):
            export({**ours, "d": ours["a"]}, table, target, max_shard_bytes=limit)
        assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    assert target.read_bytes() == before
