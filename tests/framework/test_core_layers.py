"""Products, tables of rows, masks, functions as layers, and noise: values, configs, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from isozoo import Input, Layer, Model, Sequential, layers, ops, random
from isozoo.framework.configs import register_keras_serializable
from isozoo.framework.core import masks

# One rounding of float32 for each of five terms and their products.
FEW = 10 * 2.0**-24
X = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 8 - 1


def _array(x):
    return np.asarray(ops.convert_to_numpy(x))


def _is(result, expected):
    np.testing.assert_array_equal(_array(result), expected)


def _near(result, expected):
    np.testing.assert_allclose(_array(result), expected, rtol=0, atol=FEW * np.abs(expected).max())


# Products ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("equation", "shape", "axes", "sizes"),
    [
        ("abc,cd->abd", (None, 5), "d", {"kernel": (4, 5), "bias": (5,)}),
        ("abc,cde->aebd", (2, None, 5), "ed", {"kernel": (4, 5, 2), "bias": (2, 1, 5)}),
        ("...c,cd->...d", 5, "d", {"kernel": (4, 5), "bias": (5,)}),
        ("ab...,bc->ac...", 5, "c", {"kernel": (3, 5), "bias": (5, 1)}),
        ("abc,bc->ab", (3,), None, {"kernel": (3, 4)}),
    ],
)
def test_einsum_dense(equation, shape, axes, sizes, backend):
    layer = layers.EinsumDense(equation, shape, "relu", axes, bias_initializer="random_normal")
    y = layer(X)
    assert {path: v.shape for path, v in layer.weights_by_path().items()} == sizes
    weights = [w.astype(np.float64) for w in layer.get_weights()]
    expected = np.einsum(equation, X.astype(np.float64), weights[0])
    _near(y, np.maximum(expected + (weights[1] if axes else 0), 0))
    assert layer(Input((3, 4))).shape == (None, *y.shape[1:])


def test_scale_of_an_einsum_kernel_follows_from_its_axes(backend):
    """Glorot's limit sqrt(6 / (inputs + outputs)): of 4 inputs, which stand last, and 200."""
    layer = layers.EinsumDense("abc,dc->abd", (None, 200))
    layer.build((None, 3, 4))
    assert 0.9 < np.abs(layer.kernel.numpy()).max() / np.sqrt(6 / 204) <= 1


def test_dense_regularizes_constrains_and_refuses(backend):
    layer = layers.Dense(
        2, kernel_regularizer="l2", bias_constraint="non_neg", activity_regularizer="l1"
    )
    y = layer(X)
    # Sums of 8 squares and of 12 absolute values.
    of_kernel = 0.01 * (layer.kernel.numpy().astype(np.float64) ** 2).sum()
    of_outputs = 0.01 * np.abs(_array(y).astype(np.float64)).sum()
    losses = sorted(float(loss) for loss in layer.losses)
    np.testing.assert_allclose(losses, sorted([of_kernel, of_outputs]), rtol=14 * 2.0**-24)
    assert layer.bias.constraint is not None
    with pytest.raises(ValueError, match="min_ndim=2, found ndim=1"):
        layers.Dense(2)(np.ones(3))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 4"):
        layer(np.ones((2, 3)))
    assert layers.Dense(2, quantization_config=None).units == 2  # as Keras's configs say it


def test_regularized_outputs_count_where_the_layer_is_inside_another(backend):
    inputs = Input((4,))
    model = Model(inputs, layers.ActivityRegularization(l2=0.5)(layers.Dense(2)(inputs)))
    for _ in range(2):
        y = model(X[0])
        np.testing.assert_allclose(
            [float(loss) for loss in model.losses],
            [0.5 * (_array(y).astype(np.float64) ** 2).sum()],
            rtol=8 * 2.0**-24,
        )


@pytest.mark.parametrize(
    ("equation", "shape", "axes", "message"),
    [
        ("ab,bc", 3, None, "Invalid einsum equation"),
        ("...ab,bc->ac...", 3, None, "Invalid einsum equation"),
        ("abc,cd->abe", (None, 3), None, "'e' was specified in the output"),
        ("abc,cde->abd", (None, 3), None, "Weight dimension 'e'"),
        ("abc,cd->abd", (7, 3), None, "do not match at shared dimension 'b'"),
        ("abc,cd->abd", (None, 3), "e", "Bias dimension 'e'"),
        ("abc,cd->abd", 3, None, "no size for the dimension 'd'"),
        ("ab,bc->ac", 3, None, "inputs with 2 axes"),
        ("abc,cd->abd", (None, None), None, "sizes of the kernel must be known"),
    ],
)
def test_equations_that_do_not_fit_are_refused(equation, shape, axes, message):
    with pytest.raises(ValueError, match=message):
        layers.EinsumDense(equation, shape, bias_axes=axes).build((None, 3, 4))


# Tables -----------------------------------------------------------------------------------------


def test_embedding(backend):
    table = np.arange(8, dtype=np.float32).reshape(4, 2)
    layer = layers.Embedding(4, 2, weights=table, mask_zero=True)
    _is(layer(np.array([[0, 3]], np.uint8)), table[[[0, 3]]])
    _is(layer(np.array([[2.0, 1.0]])), table[[[2, 1]]])
    _is(masks.get_mask(layer(np.array([[0, 3]]))), [[False, True]])
    assert "weights" not in layer.get_config()
    for sizes in ((0, 2), (4, True), (4, 2.0)):
        with pytest.raises(ValueError, match="must be a positive integer"):
            layers.Embedding(*sizes)


def test_large_numbers_given_as_floats_are_not_rounded_by_a_mixed_policy(backend):
    layer = layers.Embedding(5000, 1, dtype="mixed_bfloat16")
    tokens = np.array([[4097.0, 4099.0]], np.float32)
    expected = layer.embeddings.numpy()[[4097, 4099], 0]
    # Rows in bfloat16, whose roundings are 2^-9 of them at most.
    y = _array(ops.cast(layer(tokens), "float32"))
    np.testing.assert_allclose(y[0, :, 0], expected, rtol=2.0**-8)


@pytest.mark.parametrize("tied", [True, False])
def test_reversible_embedding(tied, backend):
    layer = layers.ReversibleEmbedding(3, 2, tied, mask_zero=True, logit_soft_cap=2.0)
    assert [w.shape for w in layer.weights] == [(3, 2), (2, 3)][: 1 if tied else 2]
    table = layer.embeddings.numpy()
    rows = layer(np.array([[2, 0]]))
    _is(rows, table[[[2, 0]]])
    _is(masks.get_mask(rows), [[True, False]])
    vectors = np.array([[40.0, -30.0]], np.float32)
    matrix = table.T if tied else layer.reverse_embeddings.numpy()
    expected = 2 * np.tanh(vectors.astype(np.float64) @ matrix / 2)
    _near(layer(vectors, reverse=True), expected)
    assert layer(Input((5, 2)), reverse=True).shape == (None, 5, 3)
    short = layers.ReversibleEmbedding(3, 2, reverse_dtype="float16")
    assert ops.dtype(short(vectors, reverse=True)) == "float16"


# Masks and functions ----------------------------------------------------------------------------


def test_masking(backend):
    x = np.array([[[1, 1], [1, 2], [3, 1]]], np.float32)
    y = layers.Masking(1.0)(x)
    _is(y, [[[0, 0], [1, 2], [3, 1]]])
    _is(masks.get_mask(y), [[False, True, True]])
    _is(layers.Masking(np.array([3.0, 1.0], np.float32))(x), [[[1, 1], [1, 2], [0, 0]]])


@register_keras_serializable(package="core_layers")
def scaled(x, factor=1.0, training=None, mask=None):
    """A function of the user's that asks for all a layer knows."""
    return ops.multiply(x, factor * (10 if training else 1) * (1 if mask is None else 100))


def test_lambda(backend):
    layer = layers.Lambda(scaled, arguments={"factor": 2.0})
    _is(layer(X), 2 * X)
    _is(layer(X, training=True), 20 * X)
    _is(layer(layers.Masking(100.0)(X)), 200 * X)
    again = layers.Lambda.from_config(json.loads(json.dumps(layer.get_config())))
    _is(again(X), 2 * X)
    assert layers.Lambda(lambda x: x[:, 0])(Input((3, 4))).shape == (None, 4)
    shaped = layers.Lambda(lambda x: x, output_shape=(7,))
    assert shaped(Input((3, 4))).shape == (None, 7)
    assert layers.Lambda(lambda x: x, lambda s: (s[0], 9)).compute_output_shape((2, 3)) == (2, 9)
    masked = layers.Lambda(lambda x: x * 1, mask=lambda x, mask: x[..., 0] > 0)
    _is(masks.get_mask(masked(X)), X[..., 0] > 0)


def test_lambda_runs_nothing_that_a_config_names():
    """Code and the library's own functions are refused; the user's objects are taken."""
    code = {"class_name": "__lambda__", "config": {"code": "4wEA", "defaults": None}}
    with pytest.raises(ValueError, match="arbitrary code execution"):
        layers.Lambda.from_config({"function": code}, safe_mode=False)
    for module, name in (("keras.ops", "add"), ("builtins", "print"), ("os", "system")):
        named = {"class_name": "function", "module": module, "config": name}
        with pytest.raises(ValueError, match=f"{name!r}, which is not registered"):
            layers.Lambda.from_config({"function": {**named, "registered_name": "function"}})
    named = {"class_name": "function", "module": "mine", "config": "twice"}
    layer = layers.Lambda.from_config({"function": named}, {"twice": lambda x: x * 2})
    _is(layer(X), 2 * X)
    with pytest.raises(ValueError, match="has no name"):
        layers.Lambda(lambda x: x).get_config()
    with pytest.raises(NotImplementedError, match="specify the `output_shape`"):
        layers.Lambda(lambda x: ops.reshape(x, (7, -1))).compute_output_shape((2, 3))


class Twice(layers.Wrapper):
    """Calls the layer inside, and doubles what it gives."""

    def call(self, x):
        return ops.multiply(self.layer(x), 2)


def test_wrapper(backend):
    inner = layers.Dense(3)
    layer = Twice(inner)
    layer.build(X.shape)
    assert inner.built
    _is(layer(X), 2 * _array(inner(X)))
    again = Twice.from_config(layer.get_config())
    assert (again.layer.units, again.layer is inner) == (3, False)
    with pytest.raises(ValueError, match="supplied to Wrapper isn't a supported layer type"):
        layers.Wrapper("dense")


def test_input_layer(backend):
    layer = layers.InputLayer((3, None), dtype="int32", name="tokens")
    assert (layer.batch_shape, layer.dtype) == ((None, 3, None), "int32")
    assert layers.InputLayer.from_config(layer.get_config()).batch_shape == (None, 3, None)
    model = Sequential([layers.InputLayer((4,)), layers.Dense(2)])
    assert model.built
    assert layers.InputLayer(input_tensor=layer.output).output is layer.output
    for arguments, message in (
        ({}, "must pass a `shape`"),
        ({"shape": (3,), "batch_shape": (2, 3)}, "both `shape` and `batch_shape`"),
        ({"batch_size": 2, "batch_shape": (2, 3)}, "both `batch_size` and `batch_shape`"),
        ({"input_tensor": layer.output, "shape": (4,)}, "an incompatible `shape` argument"),
        ({"input_tensor": layer.output, "dtype": "float32"}, "an incompatible `dtype`"),
        ({"input_tensor": X}, "must be a KerasTensor"),
        ({"shape": (3,), "lenght": 3}, "Unrecognized keyword"),
    ):
        with pytest.raises(ValueError, match=message):
            layers.InputLayer(**arguments)
    if backend in ("numpy", "torch"):
        with pytest.raises(ValueError, match="`sparse=True` is not supported"):
            layers.InputLayer((3,), sparse=True)


# Activations ------------------------------------------------------------------------------------


def test_activations(backend):
    x = np.array([[-2.0, 0.5, 3.0]], np.float32)
    for layer, expected in (
        (layers.ReLU(2.0, 0.5, 1.0), [[-1.5, -0.25, 2]]),
        (layers.LeakyReLU(0.25), [[-0.5, 0.5, 3]]),
        (layers.ELU(2.0), [[2 * np.expm1(-2.0), 0.5, 3]]),
        (layers.PReLU("ones"), [[-2, 0.5, 3]]),
        (layers.PReLU(shared_axes=1), [[0, 0.5, 3]]),
        (layers.Softmax(), np.exp(x) / np.exp(x).sum()),
    ):
        _near(layer(x), np.array(expected))
    shares = layers.Softmax()(x, mask=np.array([[True, False, True]]))
    _near(shares, np.array([[1 / (1 + np.exp(5.0)), 0, 1 / (1 + np.exp(-5.0))]]))
    _is(layers.Softmax()(x, mask=np.zeros((1, 3), bool)), [[0, 0, 0]])
    together = _array(layers.Softmax((1, 2))(X))
    np.testing.assert_allclose(together.sum((1, 2)), [1, 1], rtol=12 * 2.0**-24)


def test_one_slope_for_each_channel(backend):
    layer = layers.PReLU("random_uniform", shared_axes=[1])
    y = layer(X)
    alpha = layer.alpha.numpy()
    assert alpha.shape == (1, 4)
    _near(y, np.where(X > 0, X, X * alpha.astype(np.float64)))
    with pytest.raises(ValueError, match="must be known"):
        layers.PReLU().build((None, None, 4))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.ReLU(max_value=-1), "max_value of a ReLU layer cannot be a negative"),
        (lambda: layers.ReLU(negative_slope=None), "negative_slope of a ReLU layer cannot be None"),
        (lambda: layers.ReLU(threshold=-1), "threshold of a ReLU layer cannot be None"),
        (lambda: layers.LeakyReLU(-1), "cannot be None or negative value"),
        (lambda: layers.Softmax()(X, mask=np.ones((2, 3))), "must match|must be 1 or match"),
        (lambda: layers.Softmax()(X, mask=np.ones((1, 2, 3, 4))), "must not have more dimensions"),
        (lambda: layers.Dropout(1.5), "`rate`. Expected a float value between 0 and 1"),
        (lambda: layers.Dropout(0.5, noise_shape="all"), "Expected a tuple or list of integers"),
        (lambda: layers.Dropout(0.5, noise_shape=(2, 1.5)), "to be integers or None"),
        (lambda: layers.Dropout(0.5, noise_shape=(2, 0)), "negative or zero value at index 1"),
        (lambda: layers.AlphaDropout(1), "must lie below 1"),
        (lambda: layers.GaussianDropout(-0.1), "`rate`"),
        (lambda: layers.GaussianNoise(2), "`stddev`. Expected a float value between 0 and 1"),
        (lambda: layers.SpatialDropout2D(0.5)(X), "expected ndim=4, found ndim=3"),
        (lambda: layers.ActivityRegularization(-1.0), "non-negative float"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Noise ------------------------------------------------------------------------------------------

ONES = np.ones((40, 50, 4), np.float32)


def test_noise_is_that_of_the_seed_alone(backend):
    """The draws of `isozoo.random` for the first key of the seed, which are the same everywhere."""
    draws = random.normal(ONES.shape, seed=random.SeedGenerator(7))
    expected = _array(draws).astype(np.float64)
    y = layers.GaussianNoise(0.5, seed=7)(ONES, training=True)
    np.testing.assert_allclose(_array(y), 1 + 0.5 * expected, atol=FEW * 4)
    y = layers.GaussianDropout(0.2, seed=7)(2 * ONES, training=True)
    np.testing.assert_allclose(_array(y), 2 * (1 + 0.5 * expected), atol=FEW * 8)
    uniform = _array(random.uniform(ONES.shape, seed=random.SeedGenerator(7)))
    y = _array(layers.AlphaDropout(0.25, seed=7)(ONES, training=True))
    np.testing.assert_array_equal(y == y.min(), uniform < 0.25)


def test_alpha_dropout_keeps_mean_and_variance(backend):
    """Of standard normal inputs: 8,000 draws, whose moments lie within five standard errors."""
    x = random.normal(ONES.shape, seed=3)
    y = _array(layers.AlphaDropout(0.3, seed=1)(x, training=True)).astype(np.float64)
    assert abs(y.mean()) < 5 / np.sqrt(8000)
    assert abs(y.var() - 1) < 5 * np.sqrt(4 / 8000)
    # 0 becomes scale * 0 + shift where it is kept: (1 - r)(1 + r f^2) with selu's floor f.
    floor, r = -1.7580993408473766, 0.3
    scale = ((1 - r) * (1 + r * floor**2)) ** -0.5
    found = np.unique(_array(layers.AlphaDropout(r)(0 * ONES, training=True)))
    np.testing.assert_allclose(found, np.sort([-scale * floor * r, scale * floor * (1 - r)]), FEW)


@pytest.mark.parametrize(
    ("layer", "shape", "same"),
    [
        (lambda: layers.SpatialDropout1D(0.5), (8, 5, 20), (1,)),
        (lambda: layers.SpatialDropout2D(0.5), (4, 3, 2, 40), (1, 2)),
        (lambda: layers.SpatialDropout2D(0.5, "channels_first"), (4, 40, 3, 2), (2, 3)),
        (lambda: layers.SpatialDropout3D(0.5), (4, 2, 3, 2, 40), (1, 2, 3)),
        (lambda: layers.AlphaDropout(0.5, (None, 1, 20)), (8, 5, 20), (1,)),
        (lambda: layers.Dropout(0.5, (None, 1, None)), (8, 5, 20), (1,)),
    ],
)
def test_whole_channels_are_dropped(layer, shape, same, backend):
    made, x = layer(), np.ones(shape, np.float32)
    y = _array(made(x, training=True))
    assert (y == y.min(axis=same, keepdims=True)).all()
    assert 0.2 < (y == y.min()).mean() < 0.8  # of 160 draws
    _is(made(x), x)
    assert isinstance(made, Layer)
