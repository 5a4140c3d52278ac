"""Models by subclass, by symbolic tensors and in sequence; prediction; copies."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import Input, KerasTensor, Model, Sequential, layers, ops, use_backend

_random = np.random.default_rng(8)


def _draw(*shape):
    return _random.standard_normal(shape).astype(np.float32)


def _near(result, expected, error=1e-5):
    result = ops.convert_to_numpy(result)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=0, atol=error)


def _functional():
    """Two inputs by name, a shared layer, operators, an op on the batch size, two outputs."""
    inputs = {"a": Input((4,)), "b": Input((2, 4), name="b")}
    shared = layers.Dense(3, "tanh", name="shared")
    a, b = shared(inputs["a"]), shared(inputs["b"])
    total = 2 * a - ops.sum(b, axis=1) / 4 + ops.abs(a) ** 2
    rows = ops.reshape(b, (ops.shape(b)[0], 6))
    joined = ops.concatenate([total, rows, -rows[:, 1:3]], axis=-1)
    return Model(inputs, {"joined": joined, "big": total > 0.5}, name="two")


def _expected(model, a, b):
    w = {path: v.numpy().astype(float) for path, v in model.weights_by_path().items()}
    dense = lambda x: np.tanh(x @ w["shared.kernel"] + w["shared.bias"])  # noqa: E731
    x, y = dense(a.astype(float)), dense(b.astype(float))
    total = 2 * x - y.sum(1) / 4 + x * x
    rows = y.reshape(len(a), 6)
    return np.concatenate([total, rows, -rows[:, 1:3]], -1), total > 0.5


def test_functional(backend):
    model = _functional()
    assert model.outputs[0].shape == (None, 11)
    assert model.outputs[1].dtype == "bool"
    assert [x.name for x in model.inputs][1] == "b"
    assert list(model.weights_by_path()) == ["shared.kernel", "shared.bias"]
    a, b = _draw(5, 4), _draw(5, 2, 4)
    joined, big = _expected(model, a, b)
    for run in (model, model.infer, model.predict):
        result = run({"b": b, "a": a, "unused": a})
        _near(result["joined"], joined)
        np.testing.assert_array_equal(ops.convert_to_numpy(result["big"]), big)
    with pytest.raises(ValueError, match=r"missing data for input 'b'.*keys \['a'\]"):
        model({"a": a})
    with pytest.raises(ValueError, match="invalid input structure"):
        model([a])


@pytest.mark.parametrize("target", ["numpy", "torch", "jax", "tensorflow"])
def test_functional_moves(target, backend):
    model = _functional()
    a, b = _draw(3, 4), _draw(3, 2, 4)
    joined, _ = _expected(model, a, b)
    moved = model.to_backend(target)
    with use_backend("numpy"):  # whatever is current
        _near(moved({"a": a, "b": b})["joined"], joined)
    moved.get_layer("shared").kernel.assign(np.zeros((4, 3)))
    _near(model({"a": a, "b": b})["joined"], joined)


def test_functional_graph_errors(backend):
    x, y = Input((3,)), Input((3,))
    with pytest.raises(ValueError, match="not among the inputs"):
        Model(x, ops.add(x, y))
    with pytest.raises(ValueError, match="`shape`.*`batch_shape`"):
        Input()
    with pytest.raises(TypeError, match="no value"):
        bool(x)
    with pytest.raises(ValueError, match="no value"):
        ops.convert_to_numpy(x)
    with pytest.raises(NotImplementedError, match="ops.unstack"):
        iter(x)


def test_operators_of_symbolic_tensors(backend):
    x, y = KerasTensor((None, 3), "float32"), KerasTensor((1, 3), "int32")
    for result, dtype in (
        (x + 1, "float32"), (1 - y, "int32"), (y / 2, "float32"), (y // 2, "int32"),
        (x % 2, "float32"), (2**x, "float32"), (x @ KerasTensor((3, 3)), "float32"),
        (x < y, "bool"), (x >= 0, "bool"), (-y, "int32"), (abs(x), "float32"),
        (x * np.float32(2), "float32"),
    ):  # fmt: skip
        assert result.dtype == dtype
        assert result.shape in ((None, 3), (1, 3))
    assert x[0].shape == (3,)
    assert x[:, None].shape == (None, 1, 3)
    assert (x + KerasTensor((None, 1))).shape == (None, 3)


def test_nested_functional(backend):
    inner = _functional()
    a, b = Input((4,)), Input((2, 4))
    outer = Model([a, b], layers.Dense(2)(inner({"a": a, "b": b})["joined"]))
    x, y = _draw(2, 4), _draw(2, 2, 4)
    w = outer.layers[-1]
    expected = _expected(inner, x, y)[0] @ w.kernel.numpy() + w.bias.numpy()
    _near(outer([x, y]), expected)
    _near(outer.to_backend("torch")([x, y]), expected)


def test_sequential(backend):
    model = Sequential([Input((4,)), layers.Dense(3, "relu", name="one"), layers.Dropout(0.5),
                        layers.Dense(2, name="two")])  # fmt: skip
    assert model.built
    assert list(model.weights_by_path()) == ["one.kernel", "one.bias", "two.kernel", "two.bias"]
    x = _draw(5, 4)
    w = {p: v.numpy().astype(float) for p, v in model.weights_by_path().items()}
    hidden = np.maximum(x @ w["one.kernel"] + w["one.bias"], 0)
    expected = hidden @ w["two.kernel"] + w["two.bias"]
    _near(model(x), expected)
    _near(model.to_backend("jax")(x), expected)
    with pytest.raises(ValueError, match="'two' already"):
        model.add(layers.Dense(2, name="two"))
    with pytest.raises(ValueError, match="first"):
        model.add(Input((4,)))
    late = Sequential([layers.Dense(3), layers.Dense(2)])
    assert not late.built
    late.build((None, 4))
    assert late.layers[0].kernel.shape == (4, 3)
    assert late.built
    unbuilt = Sequential([layers.Dense(3)])
    assert ops.shape(unbuilt(x)) == (5, 3)


class Net(Model):
    """A model by subclass, with dict inputs and a list of layers made late."""

    def __init__(self, width=3, **kwargs):
        super().__init__(**kwargs)
        self.blocks = []
        for _ in range(2):
            self.blocks.append(layers.Dense(width))
        self.norm = layers.BatchNormalization()

    def call(self, inputs, training=None):
        x = inputs["x"]
        for block in self.blocks:
            x = ops.relu(block(x))
        return self.norm(x), ops.shape(x)[0]

    def double(self, x, times):
        return ops.multiply(self.blocks[0](x), times)


def test_predict_in_batches(backend):
    """Rows do not depend on how they are batched; the last batch may be short."""
    model = Sequential([Input((4,)), layers.Dense(3)])
    x = _draw(11, 4)
    whole = model.predict(x)
    assert isinstance(whole, np.ndarray)
    for size in (1, 4, 11, 64):
        _near(model.predict(x, batch_size=size), whole, 1e-6)
    for wrong in (x[:0], [x, x[:3]]):
        with pytest.raises(ValueError, match="no rows|cardinality|structure"):
            model.predict(wrong)


def test_subclass(backend):
    model = Net()
    x = _draw(5, 4)
    y, rows = model({"x": x})
    assert int(rows) == 5
    assert list(model.weights_by_path())[:2] == ["blocks.0.kernel", "blocks.0.bias"]
    inferred = model.infer({"x": x})[0]
    _near(inferred, ops.convert_to_numpy(y), 1e-6)
    trained = model({"x": x}, training=True)[0]
    assert (ops.convert_to_numpy(trained) != ops.convert_to_numpy(y)).any()
    # A compiled call sees weights that changed after it was compiled.
    for variable in model.weights:
        variable.assign(np.zeros(variable.shape))
    assert not ops.convert_to_numpy(model.infer({"x": x})[0]).any()


def test_compiled_method(backend):
    model = Net()
    x = _draw(2, 4)
    model({"x": x})
    double = model.compiled_method("double")
    kernel, bias = (v.numpy().astype(float) for v in model.blocks[0].weights)
    for times in (2.0, 3.0):
        _near(double(x, times), (x @ kernel + bias) * times)
    assert ops.shape(double(_draw(6, 4), 2.0)) == (6, 3)


def test_infer_before_any_call(backend):
    model = Net()
    assert ops.shape(model.infer({"x": _draw(5, 4)})[0]) == (5, 3)
    assert model.blocks[1].built


def test_config(backend):
    model = Net(width=5, name="net")
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"},
              "registered_name": None}  # fmt: skip
    shared = {"name": "net", "trainable": True, "dtype": policy}
    assert model.get_config() == {**shared, "width": 5}
    again = Net.from_config(model.get_config())
    assert again.blocks[0].units == 5
    conv = layers.Conv2D(4, (3, 1), padding="same", activation="relu")
    config = conv.get_config()
    for name in ("kernel", "bias"):
        assert config.pop(f"{name}_initializer")["module"] == "keras.initializers"
        assert config.pop(f"{name}_regularizer") is config.pop(f"{name}_constraint") is None
    assert config.pop("activity_regularizer") is None
    assert config.pop("name").startswith("conv2d")
    assert config == {
        "trainable": True, "dtype": policy, "filters": 4, "kernel_size": (3, 1), "strides": (1, 1),
        "padding": "same", "data_format": "channels_last", "dilation_rate": (1, 1), "groups": 1,
        "activation": "relu", "use_bias": True,
    }  # fmt: skip


def test_layers_by_name(backend):
    model = _functional()
    assert model.get_layer("shared").units == 3
    assert type(model.get_layer(index=0)).__name__ == "InputLayer" and model.get_layer("b")
    with pytest.raises(ValueError, match="No such layer: shard.*shared"):
        model.get_layer("shard")
    with pytest.raises(ValueError, match="index 30.*only has"):
        model.get_layer(index=30)


@pytest.mark.parametrize("backend", ["tensorflow"], indirect=True)
def test_tensorflow_compiles_convolutions_by_its_graph(backend):
    from isozoo.framework.backends.tensorflow.backend import _convolves
    from isozoo.framework.training.inference import MethodTarget

    images = Sequential([Input((8, 8, 3)), layers.Conv2D(2, 3)])
    rows = Sequential([Input((3,)), layers.Dense(2)])
    sound = Sequential([Input((8, 3)), layers.Conv1D(2, 3)])
    assert _convolves(MethodTarget(images)) and _convolves(MethodTarget(images, "encode"))
    assert not _convolves(MethodTarget(rows))
    assert _convolves(MethodTarget(sound)) and not _convolves(MethodTarget(sound, "step"))


def test_a_list_of_one_output(backend):
    """Keras's Functional gives the tensor itself, and a list of one for symbolic tensors."""
    x = Input((3,))
    first = layers.Dense(2, name="first")(x)
    for kind in (list, tuple):
        model = Model(x, kind([first]))
        rows = np.ones((4, 3), "float32")
        assert model(rows).shape == (4, 2) and type(model.output) is kind
        for symbol in (Input((3,)), Input(batch_shape=(5, 3))):
            (spec,) = model(symbol)
            assert spec.shape == (symbol.shape[0], 2)
        outer = Model(x, layers.Dense(1)(model(x)[0]))
        assert outer(rows).shape == (4, 1)


def test_layers_in_kerass_order(backend):
    """Inputs stand where Keras's `map_graph` puts them: among the layers of their depth."""
    a, b = Input((3,), name="a"), Input((3,), name="b")
    x = layers.Dense(3, name="d1")(a)
    x = layers.Dense(3, name="d2")(x)
    model = Model([a, b], ops.relu(layers.Add(name="sum")([x, b])), name="net")
    assert [layer.name for layer in model.layers] == ["a", "d1", "d2", "b", "sum"]
    assert model.output_names == ["relu"]
    assert model.layers[0] is model.layers[0] and not model.layers[0].weights
    assert [v.path for v in model.weights] == ["d1.kernel", "d1.bias", "d2.kernel", "d2.bias"]
    with pytest.raises(AttributeError, match="`Model.layers` attribute is reserved"):
        model.layers = []


def test_names_in_state_trees_are_those_of_keras(backend):
    import keras

    def leaves(tree, path=()):
        for name, value in tree.items():
            if isinstance(value, dict):
                yield from leaves(value, (*path, name))
            else:
                yield (*path, name)

    def trees(module):
        inner = module.Sequential([module.layers.Dense(2, name="inner")], name="nest")
        dense = module.layers.Dense(4, name="first")
        chain = module.Sequential([module.layers.Input((3,)), dense, inner], name="outer")
        x = module.layers.Input((3,))
        graph = module.Model(x, module.layers.Dense(4, name="first")(x), name="graph")
        for model in (chain, graph):
            model.compile(module.optimizers.Adam(), "mse")
            model.optimizer.build(model.trainable_variables)
            tree = model.get_state_tree()
            yield sorted(leaves({k: v for k, v in tree.items() if k != "metrics_variables"}))

    if backend != "numpy":
        assert list(trees(isozoo)) == list(trees(keras))


def test_a_subclass_with_a_graph_is_a_functional(backend):
    class Named(Model):
        def __init__(self):
            x = Input((2,))
            super().__init__(inputs=x, outputs=layers.Dense(1)(x))

    functional = isozoo.models.Functional
    assert isinstance(Named(), functional) and isinstance(Model(x := Input((2,)), x), functional)
    assert not isinstance(isozoo.Sequential([Input((2,)), layers.Dense(1)]), functional)
    assert not isinstance(Model(), functional)


def test_state_as_a_tree(backend):
    model = Model(x := Input((2,)), layers.BatchNormalization(name="n")(x), name="net")
    found = model.get_state_tree("numpy_array")
    assert sorted(found["trainable_variables"]["n"]) == ["beta", "gamma"]
    assert sorted(found["non_trainable_variables"]["n"]) == ["moving_mean", "moving_variance"]
    assert found["optimizer_variables"] == found["metrics_variables"] == {}
    change = {"trainable_variables": {"n": {"beta": [3.0, 4.0]}}}
    model.set_state_tree(change)
    np.testing.assert_array_equal(model.get_layer("n").beta.numpy(), [3, 4])
    for wrong, text in (
        ({"trainable_variables": {"n": {"delta": 1}}}, "no variable 'n/delta'"),
        ({"variables": {}}, "Unknown variable name: variables"),
    ):
        with pytest.raises(ValueError, match=text):
            model.set_state_tree(wrong)
    with pytest.raises(ValueError, match="value_format"):
        model.get_state_tree("list")
    if backend != "numpy":
        model.compile("adam", "mse")
        assert (
            "learning_rate" in model.get_state_tree()["optimizer_variables"][model.optimizer.name]
        )


def test_a_chain_that_data_built_takes_other_sizes(backend):
    """Its sizes were nobody's promise; those of an `Input` are."""
    model = Sequential([layers.Flatten()])
    batches = iter([(np.ones((3, 5, 7), "float32"),), (np.ones((2, 7, 5), "float32"),)])
    assert model.predict(batches, verbose=0).shape == (5, 35)
    given = Sequential([Input((5, 7)), layers.Flatten()])
    with pytest.raises(ValueError, match="incompatible"):
        given(np.ones((2, 7, 5)))


@pytest.mark.parametrize("recorded", [True, False])
def test_what_the_call_of_a_model_says_of_training_holds_inside(recorded, backend):
    """Keras's rule (`operation_fn` of its functional.py): the graph's own flag is for calls that
    say nothing."""
    inputs = isozoo.Input((64,))
    model = isozoo.Model(inputs, isozoo.layers.Dropout(0.5)(inputs, training=recorded))
    x = np.ones((2, 64), "float32")

    def drops(y) -> bool:
        return bool((np.asarray(isozoo.ops.convert_to_numpy(y)) == 0).any())

    assert drops(model(x)) == recorded
    assert drops(model(x, training=True)) and not drops(model(x, training=False))
    assert not drops(model.predict(x, verbose=0))
