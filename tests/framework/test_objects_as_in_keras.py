"""Names, configs, errors and printed forms that programs written for Keras go by."""

from __future__ import annotations

import copy

import keras
import numpy as np
import pytest

from isozoo import (
    Input,
    Model,
    Sequential,
    Variable,
    callbacks,
    layers,
    metrics,
    ops,
    optimizers,
    saving,
)

TRAINABLE = pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)


def test_a_layer_of_the_base_class(backend):
    layer = layers.Layer(name="bare")
    assert (layer.name, layer.weights) == ("bare", [])
    with pytest.raises(NotImplementedError, match=r"does not have a `call"):
        layer(np.ones((2, 3), "float32"))


def test_arguments_that_no_layer_takes(backend):
    with pytest.raises(ValueError, match=r"Unrecognized keyword arguments passed to Dense: \{'bog"):
        layers.Dense(2, bogus=1)
    with pytest.raises(ValueError, match="Expected `trainable` to be a boolean"):
        layers.Dense(2, trainable="yes")
    layer = layers.Dense(2)
    with pytest.raises(ValueError, match="Expected `trainable` to be a boolean"):
        layer.trainable = "yes"


def test_what_a_layer_refuses_before_it_is_built(backend):
    with pytest.raises(ValueError, match="`count_params` on layer 'd', but the layer isn't built"):
        layers.Dense(2, name="d").count_params()
    with pytest.raises(ValueError, match="Only input tensors may be passed as positional"):
        layers.BatchNormalization()("text")
    with pytest.raises(TypeError, match="missing a required argument: 'inputs'"):
        layers.Dense(2)()
    with pytest.raises(ValueError, match="Cannot convert .* to a shape"):
        layers.LayerNormalization()([np.ones((2, 3)), np.ones((2, 3))])
    with pytest.raises(ValueError, match=r"Invalid quantization mode. Expected one of \('int8'"):
        layers.ReLU().quantize("bogus")


@pytest.mark.parametrize("value", ["text", 2.0, 3])
def test_numbers_and_text_are_no_inputs(backend, value):
    x = np.ones((2, 3), "float32")
    for layer, inputs in (
        (layers.Dropout(0.5), value),
        (layers.Multiply(), [x, value]),
        (layers.Identity(), value),
    ):
        with pytest.raises(ValueError, match="Only input tensors may be passed as positional"):
            layer(inputs)


def test_what_names_and_dtypes_become_in_configs():
    @saving.register_keras_serializable(package="objects", name="doubled")
    def doubled(x):
        return 2 * x

    @keras.saving.register_keras_serializable(package="objects", name="doubled")
    def theirs(x):
        return 2 * x

    expected = keras.saving.serialize_keras_object(theirs)
    assert saving.serialize_keras_object(doubled) == expected
    assert saving.deserialize_keras_object(expected) is doubled
    assert isinstance(metrics.deserialize("mae"), metrics.MeanAbsoluteError)
    with pytest.raises(ValueError, match="`name` must be a string"):
        optimizers.SGD(name="a/b")


def test_how_a_variable_is_described(backend):
    variable = Variable(np.array([1.0, 2.0], "float32"), name="v", synchronization="on_read")
    assert repr(variable) == "<Variable path=v, shape=(2,), dtype=float32, value=[1. 2.]>"
    assert variable.synchronization == "on_read"
    assert Variable([1.0], None, None, True, True, "mean", "none", "named").name == "named"
    assert bool(Variable([3.0])) and float(Variable([3.0])) == 3.0
    for convert in (bool, float, int):
        with pytest.raises(TypeError, match=r"Got: shape=\(2,\)"):
            convert(variable)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "a/b"}, "cannot contain character `/`"),
        ({"name": 3}, "`name` must be a string"),
        ({"aggregation": "bogus"}, "Invalid value for argument `aggregation`"),
        ({"synchronization": "bogus"}, "Invalid value for argument `synchronization`"),
        ({"shape": (None, 2)}, "must be fully-defined"),
        ({"shape": ((2, 3), 2)}, "Cannot convert .* to a shape"),
    ],
)
def test_arguments_that_no_variable_takes(arguments, message):
    with pytest.raises(ValueError, match=message):
        Variable("ones", **{"shape": (2,), **arguments})


def test_the_layers_of_a_sequential(backend):
    x = np.array([[1.0, 2.0]], "float32")
    assert ops.convert_to_numpy(Sequential([layers.Add()])([x, x])).tolist() == [[2.0, 4.0]]
    with pytest.raises(ValueError, match="cannot be built because it has no layers"):
        Sequential()(x)
    model = Sequential([layers.Dense(3)])
    model(x)
    assert type(model.pop()).__name__ == "Dense"
    assert isinstance(model.pop(), layers.InputLayer)
    with pytest.raises(IndexError):
        model.pop()
    model.add(Input((2,)))
    model.add(layers.Dense(4))
    assert model.output_shape == (None, 4)


def test_inputs_without_a_name(backend):
    model = Model(a := Input((4,)), layers.Dense(2, name="d")(a))
    theirs = keras.Model(b := keras.Input((4,)), keras.layers.Dense(2, name="d")(b))
    assert model.layers[0].name.startswith("input_layer")
    config, expected = model.get_config()["layers"][0], theirs.get_config()["layers"][0]
    assert {**config["config"], "name": None} == {**expected["config"], "name": None}
    chain = Sequential([Input((4,)), layers.Dense(2)]).get_config()
    expected = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).get_config()
    assert chain["build_input_shape"] == expected["build_input_shape"] == (None, 4)
    assert chain["layers"][0]["config"].keys() == expected["layers"][0]["config"].keys()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("LSTM", (3,)),
        ("GRU", (3,)),
        ("SimpleRNN", (3,)),
        ("ConvLSTM2D", (3, 2)),
        ("Conv2D", (3, 2)),
        ("Conv1DTranspose", (3, 2)),
        ("DepthwiseConv2D", (2,)),
        ("SeparableConv1D", (3, 2)),
    ],
)
def test_the_settings_in_a_config(name, arguments):
    config = getattr(layers, name)(*arguments).get_config()
    expected = getattr(keras.layers, name)(*arguments).get_config()
    different = {k for k in expected if k not in ("name", "seed") and config[k] != expected[k]}
    assert not different, {k: (config[k], expected[k]) for k in different}


def test_a_config_with_classes_of_the_user(backend):
    class Own(layers.Layer):
        def call(self, x):
            return x

    for holder in (layers.TimeDistributed(Own()), layers.Bidirectional(layers.LSTM(2))):
        again = type(holder).from_config(holder.get_config(), custom_objects={"Own": Own})
        assert type(again) is type(holder)


@TRAINABLE
def test_logs_are_in_the_order_of_their_names(backend):
    model = Sequential([Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae", lambda y, p: ops.mean(p), "accuracy"])
    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    seen = []
    told = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(list(logs)))
    history = model.fit(x, y, validation_data=(x, y), callbacks=[told], verbose=0).history
    names = ["accuracy", "lambda", "loss", "mae"]
    assert list(history) == [*names, *(f"val_{name}" for name in names)]
    assert seen == [names]
    assert list(model.evaluate(x, y, verbose=0, return_dict=True)) == names


def test_a_variable_refuses_what_it_cannot_call(backend):
    variable = Variable([1.0, 2.0])
    with pytest.raises(ValueError, match="Invalid value for attribute `regularizer`"):
        variable.regularizer = 3
    with pytest.raises(ValueError, match="Invalid value for attribute `constraint`"):
        variable.constraint = "nonneg"
    with pytest.raises(TypeError, match="`overwrite_with_gradient` must be a boolean"):
        variable.overwrite_with_gradient = "yes"
    assert variable.regularizer is None and variable.constraint is None
    assert variable.overwrite_with_gradient is False
    copied = copy.deepcopy(variable)
    assert copied.constraint is None and copied.overwrite_with_gradient is False


def test_a_symbolic_tensor_is_no_tensor_of_a_backend(backend):
    assert not ops.is_tensor(Input((3,)))
    assert ops.is_tensor(ops.ones(2))


def test_arguments_by_position():
    """Keras's order of them, where it is another than that of the classes beside it."""
    made = layers.Conv3DTranspose(2, 2, 3, "same", "channels_first", 1, 1, "relu")
    assert (made.data_format, made.output_padding) == ("channels_first", (1, 1, 1))
    assert layers.Conv3DTranspose.from_config(made.get_config()).get_config() == made.get_config()
    assert made.get_config()["activation"] == "relu"
    assert layers.MaxPooling2D(2, 2, "same", None, "pool").name == "pool"
    assert layers.AveragePooling1D(2, 2, "same", None, "pool").name == "pool"
    one = layers.SpatialDropout1D(0.5, None, "drop", "float16")
    assert (one.name, one.compute_dtype) == ("drop", "float16")
    assert layers.SpatialDropout2D(0.5, "channels_first", None, "drop").name == "drop"


@pytest.mark.parametrize("value", [2**31, [1, 2**31], -(2**31) - 1])
def test_an_integer_of_more_than_32_bits_needs_a_dtype(backend, value):
    with pytest.raises(ValueError, match="which int32 holds"):
        ops.convert_to_tensor(value)
    found = ops.convert_to_tensor(value, dtype="int64")
    np.testing.assert_array_equal(ops.convert_to_numpy(found), value)
