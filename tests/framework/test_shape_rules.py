"""Layers whose classes tell the shape of their results: what a trace gives, on every backend."""

import pytest

import isozoo
from isozoo import layers, ops
from isozoo.applications.convnext.network import LayerScale
from isozoo.framework.core import symbolic

IMAGES = (None, 9, 8, 6)
CASES = {
    "conv1d causal": (lambda: layers.Conv1D(4, 3, padding="causal", dilation_rate=2), [(2, 9, 3)]),
    "conv valid": (lambda: layers.Conv2D(4, (3, 2), strides=(2, 1)), [IMAGES]),
    "conv same": (lambda: layers.Conv2D(4, 3, 2, "same", activation="relu"), [IMAGES]),
    "conv pairs": (lambda: layers.Conv2D(4, 3, 2, ((1, 2), (0, 1))), [IMAGES]),
    "conv dilated": (lambda: layers.Conv2D(4, 3, dilation_rate=2), [IMAGES]),
    "conv grouped": (lambda: layers.Conv2D(4, 3, groups=2, use_bias=False), [IMAGES]),
    "conv unknown": (lambda: layers.Conv2D(4, 3, 2, "same"), [(None, None, 8, 6)]),
    "conv first": (
        lambda: layers.Conv2D(4, 3, data_format="channels_first", padding="same"),
        [(None, 6, 9, 8)],
    ),
    "conv3d": (lambda: layers.Conv3D(2, 2, 2), [(None, 4, 5, 6, 2)]),
    "depthwise": (lambda: layers.DepthwiseConv2D(3, 2, depth_multiplier=2), [IMAGES]),
    "depthwise same": (lambda: layers.DepthwiseConv2D(3, 2, "same"), [(3, None, None, 6)]),
    "separable": (lambda: layers.SeparableConv2D(5, 3, padding="same"), [IMAGES]),
    "max pool": (lambda: layers.MaxPooling2D(3, 2), [IMAGES]),
    "max pool same": (lambda: layers.MaxPooling2D(2, padding="same"), [IMAGES]),
    "average pool": (lambda: layers.AveragePooling2D((2, 3), 1), [(None, None, 8, 6)]),
    "pool first": (
        lambda: layers.AveragePooling1D(2, data_format="channels_first"),
        [(None, 3, 7)],
    ),
    "global": (lambda: layers.GlobalAveragePooling2D(), [(None, None, 8, 6)]),
    "global kept": (lambda: layers.GlobalMaxPooling2D(keepdims=True), [IMAGES]),
    "global first": (
        lambda: layers.GlobalMaxPooling2D(data_format="channels_first", keepdims=True),
        [IMAGES],
    ),
    "dense": (lambda: layers.Dense(3, "gelu"), [(None, None, 6)]),
    "activation": (lambda: layers.Activation("softmax"), [(None, 5)]),
    "add": (lambda: layers.Add(), [IMAGES, IMAGES]),
    "multiply": (lambda: layers.Multiply(), [IMAGES, (None, 1, 1, 6)]),
    "average": (lambda: layers.Average(), [(None, 5), (None, 5), (None, 1)]),
    "maximum": (lambda: layers.Maximum(), [(None, None, 2), (None, None, 2)]),
    "subtract": (lambda: layers.Subtract(), [(4, 1, 2), (4, 3, 1)]),
    "concatenate": (lambda: layers.Concatenate(), [(None, 4, 2), (None, 4, 3)]),
    "concatenate unknown": (lambda: layers.Concatenate(1), [(None, None, 2), (None, 4, 2)]),
    "zeros": (lambda: layers.ZeroPadding2D(((1, 2), (0, 3))), [(None, None, 8, 6)]),
    "normalized": (lambda: layers.LayerNormalization(), [(None, None, 6)]),
    "batch": (lambda: layers.BatchNormalization(), [IMAGES]),
    "dropout": (lambda: layers.Dropout(0.5, (None, 1, 1, 1)), [IMAGES]),
    "rescaling": (lambda: layers.Rescaling(2, 1.0), [IMAGES]),
    "scale": (lambda: LayerScale(0.5, 6), [IMAGES]),
    "chain": (
        lambda: isozoo.Sequential([layers.Conv2D(4, 3, 2), layers.LayerNormalization()]),
        [IMAGES],
    ),
}


def _spec(x):
    return x.shape, x.dtype


def _told_and_traced(case):
    make, shapes = CASES[case]
    layer = make()
    given = [symbolic.KerasTensor(shape, "float32") for shape in shapes]
    inputs = given if len(given) > 1 else given[0]
    layer(inputs)
    told = layer._spec_by_rule((inputs,), {})
    traced = symbolic.infer(layer._backend, layer._abstract_call, (inputs,), {})
    assert _spec(layer(inputs)) == _spec(traced)
    return told, traced


@pytest.mark.parametrize("case", CASES)
def test_rules_tell_what_a_trace_does(case, backend):
    told, traced = _told_and_traced(case)
    assert _spec(told) == _spec(traced)


@pytest.mark.parametrize("case", ["conv same", "max pool", "dense", "add", "normalized", "batch"])
def test_rules_tell_it_under_a_mixed_policy(case, backend):
    before = isozoo.config.dtype_policy()
    isozoo.config.set_dtype_policy("mixed_bfloat16")
    try:
        told, traced = _told_and_traced(case)
    finally:
        isozoo.config.set_dtype_policy(before)
    # Normalizations take then what comes as it is, of which a trace tells.
    assert told is None or _spec(told) == _spec(traced)
    assert _spec(traced)[1] == "bfloat16"


def test_no_rule_where_it_is_not_sure():
    images = symbolic.KerasTensor((None, 2, 8, 6), "float32")
    conv = layers.Conv2D(4, 3)
    with pytest.raises(ValueError, match=r"conv|kernel|size"):
        conv(images)
    for layer, given in (
        (layers.Activation("glu"), images),
        (layers.Activation(lambda x: x[..., :2]), images),
        (layers.Dense(3, "relu"), symbolic.KerasTensor((None, 4), "int32")),
        (layers.Add(), [images, symbolic.KerasTensor((6,), "float32")]),
        (layers.Multiply(), [images, symbolic.KerasTensor((None, None, 8, 6), "float32")]),
        (layers.Dropout(0.5, (3, 2, 8, 6)), images),
        (layers.Rescaling([1.0, 2.0, 3.0]), images),
    ):
        assert layer._spec_by_rule((given,), {}) is None


def test_a_class_of_the_users_own_is_traced():
    class Halved(layers.Dense):
        def call(self, inputs):
            return super().call(inputs)[..., :2]

    class Steps(layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return ops.conv(inputs, kernel, strides=3)

    assert Halved(4)(symbolic.KerasTensor((None, 5), "float32")).shape == (None, 2)
    assert Steps(4, 3)(symbolic.KerasTensor((None, 9, 9, 2), "float32")).shape == (None, 3, 3, 4)


def test_ops_remember_by_kind_and_value(backend):
    x, y = (symbolic.KerasTensor((None, 4), "float32") for _ in range(2))
    whole = symbolic.KerasTensor((None, 4), "int32")
    for _ in range(2):
        assert ops.add(x, y).shape == (None, 4)
        assert ops.add(whole, 1).dtype == "int32"
        assert ops.add(whole, 1.0).dtype == "float32"
        assert ops.concatenate([x, y], 1).shape == (None, 8)
        assert ops.concatenate([x, y], 0).shape == (None, 4)
        assert [part.shape for part in ops.split(x, 2, 1)] == [(None, 2)] * 2
        assert ops.matmul(x, ops.transpose(y)).shape == (None, None)
