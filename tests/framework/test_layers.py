"""Layers: values by Keras's formulas, weights, scopes, training state, copies, errors."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import StatelessScope, Variable, layers, ops, use_backend
from isozoo.framework.core.scopes import deferred_initialization
from isozoo.framework.models.fused import conv_norm
from isozoo.nlp.attention import DenseAttention
from isozoo.scripts.references import kernels as references

_random = np.random.default_rng(3)


def _draw(*shape):
    return _random.standard_normal(shape).astype(np.float32)


def _near(result, expected, error=1e-6):
    result = ops.convert_to_numpy(result)
    assert result.shape == expected.shape
    size = max(1, np.abs(expected).max())
    np.testing.assert_allclose(result, expected, rtol=0, atol=error * size)


def _randomize(layer):
    """Weights with values that no initializer gives."""
    for variable in layer.weights:
        variable.assign(np.abs(_draw(*variable.shape)) + 0.5)
    return {path: v.numpy().astype(np.float64) for path, v in layer.weights_by_path().items()}


X = _draw(3, 6, 5, 4)
FLAT = _draw(3, 4)

# layer, input, reference(x, weights by path)
VALUES = [
    (lambda: layers.Dense(3), FLAT, lambda x, w: x @ w["kernel"] + w["bias"]),
    (lambda: layers.Dense(3, "relu", use_bias=False), X,
     lambda x, w: np.maximum(x @ w["kernel"], 0)),
    (lambda: layers.Conv2D(6, 3, strides=2, padding="same", groups=2, activation="tanh"), X,
     lambda x, w: np.tanh(references.conv(x, w["kernel"], 2, "same") + w["bias"])),
    (lambda: layers.Conv1D(2, 3, dilation_rate=2), X[:, 0],
     lambda x, w: references.conv(x, w["kernel"], dilation_rate=2) + w["bias"]),
    (lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False), X,
     lambda x, w: references.depthwise_conv(x, w["kernel"])),
    (lambda: layers.LayerNormalization(epsilon=1e-5), X,
     lambda x, w: references.layer_normalization(x, w["gamma"], w["beta"], epsilon=1e-5)),
    (lambda: layers.LayerNormalization(axis=1, center=False), X,
     lambda x, w: references.layer_normalization(x, w["gamma"], axis=1, epsilon=1e-3)),
    (lambda: layers.RMSNormalization(), X,
     lambda x, w: references.rms_normalization(x, w["scale"], epsilon=1e-6)),
    (lambda: layers.BatchNormalization(), X, lambda x, w: references.normalize(
        x, w["moving_mean"], w["moving_variance"], w["gamma"], w["beta"])),
    (lambda: layers.BatchNormalization(axis=1, scale=False, epsilon=1e-5), X,
     lambda x, w: references.batch_normalization(
        x, w["moving_mean"], w["moving_variance"], 1, w["beta"], epsilon=1e-5)),
    (lambda: layers.MaxPooling2D(), X, lambda x, w: references.pool(x, 2)),
    (lambda: layers.MaxPooling1D(3, 1, "same"), X[:, 0],
     lambda x, w: references.pool(x, 3, 1, "same")),
    (lambda: layers.AveragePooling2D(2, padding="same"), X,
     lambda x, w: references.pool(x, 2, None, "same", "average")),
    (lambda: layers.AveragePooling1D(2), X[:, 0],
     lambda x, w: references.pool(x, 2, kind="average")),
    (lambda: layers.GlobalAveragePooling2D(), X, lambda x, w: x.mean((1, 2))),
    (lambda: layers.GlobalAveragePooling1D(keepdims=True), X[:, 0],
     lambda x, w: x.mean(1, keepdims=True)),
    (lambda: layers.GlobalMaxPooling2D("channels_first"), X, lambda x, w: x.max((2, 3))),
    (lambda: layers.GlobalMaxPooling1D(), X[:, 0], lambda x, w: x.max(1)),
    (lambda: layers.Flatten(), X, lambda x, w: x.reshape(3, -1)),
    (lambda: layers.Reshape((2, -1)), X, lambda x, w: x.reshape(3, 2, -1)),
    (lambda: layers.Permute((3, 1, 2)), X, lambda x, w: x.transpose(0, 3, 1, 2)),
    (lambda: layers.ZeroPadding2D(((1, 0), (2, 3))), X,
     lambda x, w: np.pad(x, ((0, 0), (1, 0), (2, 3), (0, 0)))),
    (lambda: layers.Activation("relu"), X, lambda x, w: np.maximum(x, 0)),
    (lambda: layers.Identity(), X, lambda x, w: x),
    (lambda: layers.Dropout(0.5), X, lambda x, w: x),
    (lambda: layers.Embedding(7, 3), np.array([[0, 6], [2, 2]]),
     lambda x, w: w["embeddings"][x.astype(int)]),
]  # fmt: skip


@pytest.mark.parametrize("row", VALUES, ids=lambda row: type(row[0]()).__name__)
def test_values(row, backend):
    make, x, reference = row
    layer = make()
    layer(x)
    weights = _randomize(layer)
    _near(layer(x), reference(x.astype(np.float64), weights))
    # A copy from the configuration has the same output once it has the same weights.
    again = type(layer).from_config(layer.get_config())
    again(x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(ops.convert_to_numpy(again(x)), ops.convert_to_numpy(layer(x)))


def test_attention_layer(backend):
    layer = DenseAttention(2, 3, key_bias=False, output_dim=5)
    query, value = _draw(2, 4, 6), _draw(2, 5, 6)
    layer.build(query.shape)
    w = _randomize(layer)
    heads = lambda x: x.reshape(2, -1, 2, 3)  # noqa: E731
    q = heads(query @ w["query.kernel"] + w["query.bias"])
    k, v = heads(value @ w["key.kernel"]), heads(value @ w["value.kernel"] + w["value.bias"])
    mask = np.array([[1, 1, 0, 1, 1], [1, 0, 0, 0, 1]], bool)[:, None, None]
    y = references.attention(q, k, v, mask=mask).reshape(2, 4, 6)
    expected = y @ w["output_dense.kernel"] + w["output_dense.bias"]
    _near(layer(query, value, mask=mask), expected, 2e-6)


# Training ---------------------------------------------------------------------------------------


def test_batch_normalization_in_training(backend):
    """Keras: outputs by the batch's moments; moving = momentum * moving + rest * batch."""
    layer = layers.BatchNormalization(momentum=0.9)
    layer.build(X.shape)
    w = _randomize(layer)
    x = X.astype(np.float64)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    y = layer(X, training=True)
    _near(y, references.normalize(x, mean, variance, w["gamma"], w["beta"]), 2e-6)
    _near(layer.moving_mean.numpy(), 0.9 * w["moving_mean"] + 0.1 * mean)
    _near(layer.moving_variance.numpy(), 0.9 * w["moving_variance"] + 0.1 * variance)


def test_frozen_batch_normalization_infers(backend):
    layer = layers.BatchNormalization()
    layer.build(FLAT.shape)
    w = _randomize(layer)
    layer.trainable = False
    y = layer(FLAT, training=True)
    _near(y, references.normalize(FLAT.astype(float), w["moving_mean"], w["moving_variance"],
                                  w["gamma"], w["beta"]))  # fmt: skip
    assert layer.trainable_variables == []


def test_stateless_call_leaves_the_layer(backend):
    """The statistics that training changes come back; the layer's own stay."""
    layer = layers.BatchNormalization(momentum=0.5)
    layer.build(FLAT.shape)
    _randomize(layer)
    before = layer.get_weights()
    trainable, others = layer.state_values()
    twice = [ops.multiply(t, 2) for t in trainable]
    y, updated = layer.stateless_call(twice, others, FLAT, training=True)
    x = FLAT.astype(np.float64)
    gamma, beta = (ops.convert_to_numpy(t).astype(np.float64) for t in twice)
    _near(y, references.normalize(x, x.mean(0), x.var(0), gamma, beta), 2e-6)
    names = [v.name for v in layer.non_trainable_variables]
    mean = updated[names.index("moving_mean")]
    old = layer.moving_mean.numpy()
    _near(mean, 0.5 * old + 0.5 * x.mean(0))
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="2 trainable variables; got 1"):
        layer.stateless_call(twice[:1], others, FLAT)


def test_dropout(backend):
    x = np.ones((50, 40), np.float32)
    layer = layers.Dropout(0.25, seed=4)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x)), x)
    first, second = (ops.convert_to_numpy(layer(x, training=True)) for _ in range(2))
    np.testing.assert_allclose(np.unique(first), [0, 4 / 3], rtol=1e-6)
    assert abs((first == 0).mean() - 0.25) < 0.05
    assert (first != second).any()
    # The mask is a function of the seed alone.
    from isozoo.framework.backends import philox

    words = philox.words((4, 0), x.size).reshape(x.shape)
    np.testing.assert_array_equal(first == 0, words < 2**30)
    assert layer.weights == []
    assert len(layer.variables) == 1
    with pytest.raises(ValueError, match="rate"):
        layers.Dropout(1.5)


class Block(layers.Layer):
    """Lists, tuples and dicts of layers, a bare weight, and a shared layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(4, input_dim=4)
        self.layers = [layers.Dense(4, input_dim=4), layers.Dropout(0.5)]
        self.layers.append(layers.BatchNormalization(input_shape=(4,)))
        self.named = {"a": layers.Dense(4, input_dim=4)}
        self.pair = (layers.LayerNormalization(input_shape=(4,)),)
        self.scale = self.add_weight((4,), "ones")
        self.alias = self.first
        self.sizes = [1, 2, 3]
        self.built = True

    def call(self, x):
        for layer in (self.first, *self.layers, self.named["a"], *self.pair, self.alias):
            x = layer(x)
        return ops.multiply(x, self.scale)


PATHS = [
    "first.kernel", "first.bias", "layers.0.kernel", "layers.0.bias", "layers.2.gamma",
    "layers.2.beta", "layers.2.moving_mean", "layers.2.moving_variance", "named.a.kernel",
    "named.a.bias", "pair.0.gamma", "pair.0.beta", "scale",
]  # fmt: skip


def test_paths(backend):
    """A weight's path is made of attribute names; a shared layer counts once."""
    block = Block()
    assert list(block.weights_by_path()) == PATHS
    assert block.count_params() == 3 * 20 + 16 + 8 + 4
    assert [v.path for v in block.weights] == PATHS
    assert len(block.trainable_variables) == 11
    assert block.sizes == [1, 2, 3]
    del block.scale
    block.named.pop("a")
    assert "scale" not in block.weights_by_path()
    assert "named.a.kernel" not in block.weights_by_path()


def test_training_reaches_inner_layers(backend):
    block = Block()
    y = ops.convert_to_numpy(block(FLAT, training=True))
    assert (y != ops.convert_to_numpy(block(FLAT))).any()
    assert (block.layers[2].moving_mean.numpy() != 0).any()


def test_inner_layers_inherit_the_dtype(backend):
    block = Block(dtype="float16")
    assert {v.dtype for v in block.weights} == {"float16"}
    assert ops.convert_to_numpy(block(FLAT)).dtype == np.float16
    assert layers.Dense(2, input_dim=2).kernel.dtype == "float32"


@pytest.mark.parametrize("source", ["numpy", "torch", "jax", "tensorflow"])
def test_to_backend(source, backend):
    """Same outputs, other memory, same paths, everything inside moved along."""
    with use_backend(source):
        block = Block()
        _randomize(block)
        expected = ops.convert_to_numpy(block(FLAT))
    copy = block.to_backend(backend)
    assert copy.backend == backend
    assert {layer.backend for layer in copy.sublayers()} == {backend}
    assert list(copy.weights_by_path()) == PATHS
    assert copy.alias is copy.first
    _near(copy(FLAT), expected, 1e-5)
    before = block.get_weights()
    for variable in copy.weights:
        variable.assign(np.zeros(variable.shape))
    for a, b in zip(before, block.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # What is changed later belongs to the copy alone.
    copy.layers.append(layers.Identity())
    assert len(block.layers) == 3


def test_to_backend_in_float64():
    with use_backend("torch"):
        block = Block()
    wide = block.to_backend("numpy", dtype="float64")
    assert {v.dtype for v in wide.weights} == {"float64"}
    assert wide(FLAT.astype(np.float64)).dtype == np.float64
    assert {v.dtype for v in block.weights} == {"float32"}


# Variables --------------------------------------------------------------------------------------


def test_deferred_initialization(backend):
    """No initializer runs; reading before assigning is an error that names the weight."""

    def refuse(shape, dtype):
        raise AssertionError("an initializer ran")

    with deferred_initialization():
        layer = layers.Dense(2, kernel_initializer=refuse, bias_initializer=refuse, input_dim=3)
    layer.weights_by_path()
    with pytest.raises(ValueError, match="'kernel' of shape \\(3, 2\\) has no values"):
        layer(np.ones((1, 3), np.float32))
    kernel = _draw(3, 2)
    layer.kernel.assign(kernel)
    layer.bias.assign(np.zeros(2, np.float32))
    _near(layer(FLAT[:, :3]), FLAT[:, :3].astype(float) @ kernel)


def test_assign(backend):
    layer = layers.Dense(2, input_dim=3)
    layer.weights_by_path()
    with pytest.raises(ValueError, match=r"'kernel' has shape \(3, 2\); got .* \(2, 3\)"):
        layer.kernel.assign(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="2 weights; got 1"):
        layer.set_weights([np.zeros((3, 2))])
    layer.kernel.assign(np.ones((3, 2), np.float64))
    assert layer.kernel.numpy().dtype == np.float32
    layer.bias.assign([1.0, 2.0])
    layer.bias.assign_add(np.ones(2, np.float32))
    np.testing.assert_array_equal(layer.bias.numpy(), [2, 3])


def test_an_assigned_variable_has_memory_of_its_own(backend):
    room = np.ones(1024 + 16, np.float32)
    start = -room.ctypes.data % 64 // 4  # where a framework could take the memory over as it is
    source = room[start : start + 1024]
    first, second = Variable(source), Variable(np.zeros(1024, np.float32))
    second.assign(source)
    source[:] = 5
    assert first.numpy().max() == second.numpy().max() == 1


def test_variable(backend):
    variable = Variable(np.array([1.0, 2.0], np.float32), name="v")
    assert variable.shape == (2,)
    assert variable.ndim == 1
    assert variable.dtype == "float32"
    for result, expected in (
        (variable + 1, [2, 3]), (1 - variable, [0, -1]), (variable * variable, [1, 4]),
        (2 / variable, [2, 1]), (-variable, [-1, -2]), (variable[1], 2),
    ):  # fmt: skip
        np.testing.assert_array_equal(ops.convert_to_numpy(result), expected)
    with pytest.raises(ValueError, match="`shape` argument should be specified"):
        Variable(lambda shape, dtype: np.zeros(shape))
    assert Variable(lambda shape, dtype: np.zeros(shape), (2,), "int32").dtype == "int32"


def test_stateless_scope(backend):
    variable = Variable(np.zeros(2, np.float32))
    other = ops.ones((2,))
    with StatelessScope([(variable, other)]) as scope:
        np.testing.assert_array_equal(variable.numpy(), [1, 1])
        variable.assign(ops.add(variable, 1))
        assert scope.get_current_value(Variable(np.zeros(1))) is None
    np.testing.assert_array_equal(ops.convert_to_numpy(scope.get_current_value(variable)), [2, 2])
    np.testing.assert_array_equal(variable.numpy(), [0, 0])


# Errors -----------------------------------------------------------------------------------------


def test_wrong_inputs(backend):
    conv = layers.Conv2D(2, 3, name="stem")
    with pytest.raises(
        ValueError, match="'stem' is incompatible .* expected min_ndim=4, found ndim=3"
    ):
        conv(X[0])
    conv(X)
    with pytest.raises(ValueError, match="axis -1 of input shape to have value 4"):
        conv(X[..., :3])
    with pytest.raises(ValueError, match="positive"):
        layers.Dense(0)
    with pytest.raises(ValueError, match="evenly divisible by the number of groups"):
        layers.Conv2D(3, 3, groups=2)
    with pytest.raises(ValueError, match="kernel_size"):
        layers.Conv2D(3, (3, 0))
    with pytest.raises(ValueError, match="Unknown activation 'rely'.*relu"):
        layers.Dense(3, activation="rely")
    with pytest.raises(ValueError, match="last size"):
        layers.Dense(3).build((None, None))


def test_a_layer_needs_call():
    with pytest.raises(NotImplementedError, match="Empty must define `call`"):
        type("Empty", (layers.Layer,), {})()(FLAT)


def test_a_layer_keeps_its_backend(backend):
    layer = layers.Dense(2)
    with use_backend("numpy"):
        y = layer(FLAT)
        assert layer.kernel.backend.name == backend
    assert type(y) is type(ops.ones((1,)))


def test_conv_norm_equals_its_parts(backend):
    conv, norm = layers.Conv2D(5, 3, padding="same"), layers.BatchNormalization()
    conv.build(X.shape)
    norm.build((None, None, None, 5))
    _randomize(conv)
    _randomize(norm)
    expected = ops.convert_to_numpy(norm(conv(X)))
    x = ops.convert_to_tensor(X)
    _near(conv_norm(conv, norm, x), expected, 2e-6)
    # What was folded follows its weights.
    norm.moving_mean.assign(norm.moving_mean.numpy() + 1)
    _near(conv_norm(conv, norm, x), ops.convert_to_numpy(norm(conv(X))), 2e-6)
