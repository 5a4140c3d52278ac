"""Modules and functions of other libraries as layers, and what a config may not bring."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops, saving

RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 4)).astype("float32")


def _array(x):
    return np.array(ops.convert_to_numpy(x))


def test_a_module_of_torch(tmp_path):
    import torch

    with isozoo.use_backend("torch"):
        module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
        layer = layers.TorchModuleWrapper(module)
        inputs = isozoo.Input((4,))
        model = isozoo.Model(inputs, layers.Dense(1)(layer(inputs)))
        assert len(layer.trainable_weights) == 4 and len(layer.non_trainable_weights) == 3
        module.eval()
        with torch.no_grad():
            np.testing.assert_array_equal(_array(layer(X)), module(torch.tensor(X)).numpy())
        model.compile("sgd", "mse")
        before = module[1].running_mean.clone()
        model.fit(X, X[:, :1], batch_size=6, verbose=0)
        assert not torch.equal(before, module[1].running_mean)  # it was trained in its own mode
        model.save_weights(tmp_path / "m.weights.h5")
        outputs = _array(model(X))
        with torch.no_grad():
            module[0].weight.zero_()
        model.load_weights(tmp_path / "m.weights.h5")
        np.testing.assert_array_equal(_array(model(X)), outputs)
        model.save(tmp_path / "m.keras")
        for safe in (True, False):
            with pytest.raises(ValueError, match="arbitrary code execution"):
                saving.load_model(tmp_path / "m.keras", safe_mode=safe)
        given = layers.TorchModuleWrapper(torch.nn.Linear(4, 8), output_shape=[None, 8])
        assert given(inputs).shape == (None, 8)
        with pytest.raises(ValueError, match="LazyModules are not supported"):
            layers.TorchModuleWrapper(torch.nn.LazyLinear(3))
    with isozoo.use_backend("numpy"), pytest.raises(ValueError, match="torch backend"):
        layers.TorchModuleWrapper(module)


def test_a_module_set_as_an_attribute(tmp_path):
    import torch

    class Own(isozoo.Model):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(4, 3)
            self.norm = torch.nn.BatchNorm1d(3)
            self.last = layers.Dense(1)

        def call(self, x):
            return self.last(self.norm(self.first(x)))

    with isozoo.use_backend("torch"):
        model = Own()
        model(X)
        assert not model.norm.num_batches_tracked  # a new model does not train
        assert len(model.trainable_weights) == 6
        before = model.first.weight.detach().clone()
        model.compile("sgd", "mse")
        model.fit(X, X[:, :1], verbose=0)
        assert not torch.equal(model.first.weight, before)
        assert model.norm.num_batches_tracked == 1
        model.save_weights(tmp_path / "m.weights.h5")
        other = Own()
        other(X)
        other.load_weights(tmp_path / "m.weights.h5")
        np.testing.assert_array_equal(_array(other(X)), _array(model(X)))


def _init(rng, inputs):
    import jax

    return {"w": jax.random.normal(rng, (inputs.shape[-1], 3)), "b": [np.zeros(3)]}, {"n": 0.0}


def _call(params, state, rng, inputs, training):
    return inputs @ params["w"] + params["b"][0], {"n": state["n"] + 1.0}


def test_a_function_of_jax():
    with isozoo.use_backend("jax"):
        layer = layers.JaxLayer(_call, _init, seed=0)
        inputs = isozoo.Input((4,))
        model = isozoo.Model(inputs, layer(inputs))
        assert [v.name for v in layer.trainable_weights] == ["params"] * 2
        model.compile("sgd", "mse")
        model.fit(X, X[:, :3], batch_size=6, epochs=2, verbose=0)
        assert layer.state["n"].numpy() == 2
        w = layer.params["w"].numpy()
        wanted = X.astype("float64") @ w + layer.params["b"][0].numpy()
        np.testing.assert_allclose(_array(layer(X)), wanted, rtol=2**-20, atol=2**-20)
        for wrong, message in (
            (lambda params: params, "Missing required argument in `call_fn`: `inputs`"),
            (lambda inputs, more: inputs, "Unsupported argument in `call_fn`: `more`"),
            (lambda params, inputs: inputs, "cannot all be `None`"),
        ):
            with pytest.raises(ValueError, match=message):
                layers.JaxLayer(wrong)
        other = layers.JaxLayer(lambda state, inputs: (inputs, {"m": 1.0}), state={"n": 1.0})
        with pytest.raises(ValueError, match="Structure mismatch"):
            other(X)


def test_a_function_of_jax_on_tensorflow(tmp_path):
    import tensorflow as tf

    def call(params, state, inputs):
        return inputs @ params["w"], {"n": state["n"] + 1.0, "text": state["text"]}

    kernel = RNG.standard_normal((4, 3)).astype("float32")
    with isozoo.use_backend("tensorflow"):
        layer = layers.JaxLayer(call, params={"w": kernel}, state={"n": 0.0, "text": "kept"})
        model = isozoo.Sequential([isozoo.Input((4,)), layer])
        assert model.output_shape == (None, 3)
        model.compile(isozoo.optimizers.SGD(0.1), "mse", jit_compile=False)
        model.fit(X, np.zeros((6, 3), "float32"), batch_size=6, verbose=0)
        assert layer.state["n"].numpy() == 1 and layer.state["text"] == "kept"
        # One step down the gradient of the mean square: 2 / (6 * 3) X^T X w, in float64.
        wide = X.astype("float64")
        wanted = kernel - 0.1 * 2 / 18 * wide.T @ (wide @ kernel)
        np.testing.assert_allclose(layer.params["w"].numpy(), wanted, rtol=0, atol=2**-20)
    with isozoo.use_backend("jax"):
        layer = layers.JaxLayer(lambda params, inputs: inputs @ params, params=kernel)
        model = isozoo.Sequential([isozoo.Input((4,)), layer])
        model.export(tmp_path / "program", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "program"))
    np.testing.assert_allclose(loaded.serve(X[:5]).numpy(), X[:5] @ kernel, rtol=0, atol=2**-20)
    with isozoo.use_backend("torch"), pytest.raises(ValueError, match="JAX or the TensorFlow"):
        layers.JaxLayer(call, params={"w": kernel})


class _Module:
    """What FlaxLayer asks of a module of `flax.linen`: `init` and `apply`."""

    def __call__(self, inputs, training=False):
        raise AssertionError("apply is called")

    def init(self, rng, inputs, method=None, training=False):
        assert set(rng) == {"params", "dropout"}
        return {
            "params": {"w": np.ones((4, 2), "float32")},
            "stats": {"n": np.zeros((), "float32")},
        }

    def apply(self, variables, inputs, rngs=None, method=None, mutable=(), training=False):
        y = inputs @ variables["params"]["w"]
        assert mutable == ["stats"]
        return y, {"stats": {"n": variables["stats"]["n"] + float(training)}}


def test_trees_of_jax():
    """JAX sees into a layer's containers, and the layer into classes that only JAX knows."""
    import jax

    @jax.tree_util.register_pytree_node_class
    class Point:
        def __init__(self, x, y, name):
            self.x, self.y, self.name = x, y, name

        def tree_flatten(self):
            return (self.x, self.y), self.name

        @classmethod
        def tree_unflatten(cls, name, parts):
            return cls(*parts, name)

    def moved(params, state, inputs):
        (kernel, bias), point = params[0], state[0]
        return inputs @ kernel + bias, [Point(point.x + 1, point.y, point.name)]

    with isozoo.use_backend("jax"):
        params = [[np.ones((3, 2), "float32"), np.zeros(2, "float32")]]
        layer = layers.JaxLayer(moved, params=params, state=[Point(1.0, 2.0, "p")])
    np.testing.assert_array_equal(layer(np.ones((1, 3))), [[3, 3]])
    shapes = jax.tree_util.tree_map(lambda v: tuple(v.shape), layer.params)
    assert shapes == [[(3, 2), (2,)]] and type(shapes) is list
    assert [float(v.numpy()) for v in layer.non_trainable_variables] == [2, 2]
    with pytest.raises(ValueError, match="Structure mismatch"):
        layer._assign_state([1.0, 2.0])
    layer.names = {"b": 1, "a": {"c": 2}}
    assert jax.tree_util.tree_leaves(layer.names) == [2, 1]


def test_a_module_like_those_of_flax():
    with isozoo.use_backend("jax"):
        layer = layers.FlaxLayer(_Module())
        np.testing.assert_allclose(_array(layer(X)), X @ np.ones((4, 2)), rtol=2**-20, atol=2**-20)
        layer(X, training=True)
        assert layer.state["stats"]["n"].numpy() == 1
        assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (1, 1)
        with pytest.raises(NotImplementedError, match="has no config"):
            layer.get_config()


def test_a_saved_model(tmp_path):
    import tensorflow as tf

    class Program(tf.Module):
        def __init__(self):
            self.w = tf.Variable(np.ones((4, 2), "float32"))

        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32)])
        def serve(self, x):
            return x @ self.w

    tf.saved_model.save(Program(), str(tmp_path / "program"))
    with isozoo.use_backend("tensorflow"):
        layer = layers.TFSMLayer(tmp_path / "program")
        np.testing.assert_allclose(_array(layer(X)), X @ np.ones((4, 2)), rtol=2**-20, atol=2**-20)
        assert [v.shape for v in layer.trainable_weights] == [(4, 2)]
        with pytest.raises(ValueError, match="Select another endpoint"):
            layers.TFSMLayer(tmp_path / "program", call_endpoint="other")
        model = isozoo.Sequential([isozoo.Input((4,)), layer])
        model.save(tmp_path / "m.keras")
        for safe in (True, False):
            with pytest.raises(ValueError, match="arbitrary code execution"):
                saving.load_model(tmp_path / "m.keras", safe_mode=safe)
    with isozoo.use_backend("numpy"), pytest.raises(ValueError, match="TensorFlow backend"):
        layers.TFSMLayer(tmp_path / "program")


def test_layers_as_configs():
    config = layers.serialize(layers.Dense(3))
    assert layers.deserialize(config).units == 3
    with pytest.raises((TypeError, ValueError)):
        layers.deserialize({"class_name": "Nothing", "config": {}})
