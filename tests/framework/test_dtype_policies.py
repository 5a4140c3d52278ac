"""Dtype policies: names, configs and equality as in Keras; maps from paths to policies."""

from __future__ import annotations

import keras
import pytest

import isozoo
from isozoo import dtype_policies as policies
from isozoo import layers, mixed_precision

NAMES = [
    "float32", "mixed_bfloat16", "int8_from_float32", "int4_from_mixed_bfloat16",
    "int4/64_from_float32", "float8_from_mixed_bfloat16", "gptq/4/-1_from_float32",
    "awq/4/128_from_bfloat16",
]  # fmt: skip


def test_policies_of_names_are_those_of_keras():
    for name in NAMES:
        ours, theirs = policies.get(name), keras.dtype_policies.get(name)
        assert type(ours).__name__ == type(theirs).__name__
        for attribute in ("name", "compute_dtype", "variable_dtype", "quantization_mode"):
            assert getattr(ours, attribute) == getattr(theirs, attribute), (name, attribute)
        config = policies.serialize(ours)
        assert config == keras.dtype_policies.serialize(theirs)
        assert policies.deserialize(config) == ours == policies.get(config)
        assert hash(policies.deserialize(config)) == hash(ours)
        assert repr(ours) == repr(theirs)


def test_equality_goes_by_class_and_arguments():
    assert policies.DTypePolicy("float32") == policies.FloatDTypePolicy("float32")
    assert policies.get("int8_from_float32") != policies.get("int8_from_bfloat16")
    assert policies.get("int4/64_from_float32") != policies.get("int4/32_from_float32")
    one, two = (policies.QuantizedFloat8DTypePolicy("float8", "float32", n) for n in (8, 16))
    assert one != two
    assert policies.get("int8") == policies.DTypePolicy("int8")  # a dtype


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("int8_from_float16", "doesn't work well with compute_dtype='float16'"),
        ("int8_from_float32_from_float32", "Cannot convert `policy` into a valid pair"),
        ("int4/x_from_float32", "<block_size> must be an integer"),
        ("int4/0_from_float32", "Invalid block_size in mode"),
        ("gptq/5/1_from_float32", "Invalid weight_bits in mode"),
        ("gptq/4_from_float32", "Invalid mode for GPTQDTypePolicy"),
        ("awq/8/1_from_float32", "AWQ only supports 4-bit"),
        ("mixed_float64", "Cannot convert 'mixed_float64' to a mixed precision DTypePolicy"),
        (object(), "Cannot interpret `dtype` argument"),
    ],
)
def test_what_is_no_policy(name, message):
    with pytest.raises(ValueError, match=message):
        policies.get(name)


def test_the_global_policy():
    assert mixed_precision.global_policy() == policies.DTypePolicy("float32")
    try:
        isozoo.config.set_dtype_policy("mixed_bfloat16")
        assert isozoo.config.dtype_policy().name == "mixed_bfloat16"
        assert layers.Dense(2).compute_dtype == "bfloat16"
        assert policies.QuantizedDTypePolicy("int8").name == "int8_from_mixed_bfloat16"
        assert policies.DTypePolicy().name == "mixed_bfloat16"
    finally:
        isozoo.config.set_dtype_policy("float32")
    with pytest.raises(ValueError, match="Invalid `policy` argument"):
        isozoo.config.set_dtype_policy(3)


def test_maps_from_paths():
    held = policies.DTypePolicyMap("float32", {})
    held["encoder/dense"] = "int8_from_float32"
    held["decoder/.*"] = "bfloat16"
    assert held["encoder/dense"].quantization_mode == "int8"
    assert held["decoder/attention"].name == "bfloat16"
    assert held["encoder/dense_1"].name == "float32"
    assert (len(held), list(held)) == (2, ["encoder/dense", "decoder/.*"])
    assert policies.deserialize(policies.serialize(held)) == held
    assert held.of_layer("dense").quantization_mode == "int8"  # before its owner is known
    with pytest.raises(ValueError, match="already exist"):
        held["decoder/.*"] = "float32"
    held["decoder/attention.*"] = "float32"
    with pytest.raises(ValueError, match="matches multiple dtype policy"):
        held["decoder/attention"]
    theirs = keras.dtype_policies.DTypePolicyMap(
        None, {"a": keras.dtype_policies.get("int8_from_bfloat16")}
    )
    ours = policies.DTypePolicyMap(None, {"a": policies.get("int8_from_bfloat16")})
    assert ours.get_config() == theirs.get_config()
    assert ours.with_dtype("float64")["a"].name == "int8_from_float64"


def test_unsafe_deserialization_cannot_be_enabled():
    with pytest.warns(UserWarning, match="code in a file is never run"):
        isozoo.config.enable_unsafe_deserialization()
