"""What is saved comes back: on another backend, in each form, for each way to build a model."""

from __future__ import annotations

import io
import itertools
import json

import numpy as np
import pytest

import isozoo
from isozoo import layers, models, ops, saving
from isozoo.saving import KerasFileEditor

pytest.importorskip("h5py")
NEXT = {"numpy": "torch", "torch": "jax", "jax": "tensorflow", "tensorflow": "numpy"}
# A few layers of a few numbers each: some roundings of float32 at 1.
TOLERANCE = 32 * np.finfo("float32").eps
X = np.linspace(-1, 1, 8, dtype="float32").reshape(2, 4)


@saving.register_keras_serializable("tests")
class Scaled(layers.Layer):
    """Layers in a list and a dict, and a state that is no variable."""

    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.steps = [layers.Dense(units), {"a": layers.Dense(units)}]
        self.words = ["one"]

    def build(self, input_shape):
        self.scale = self.add_weight((self.units,), "ones")

    def call(self, x):
        return self.steps[1]["a"](self.steps[0](x)) * self.scale

    def save_assets(self, folder):
        with open(f"{folder}/words.txt", "w") as file:
            file.write("\n".join(self.words))

    def load_assets(self, folder):
        with open(f"{folder}/words.txt") as file:
            self.words = file.read().split("\n")


@saving.register_keras_serializable("tests")
class Mine(isozoo.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scaled, self._out = Scaled(3), layers.Dense(1)

    def call(self, x):
        return self._out(self.scaled(x))


def sequential():
    return isozoo.Sequential(
        [isozoo.Input((4,)), layers.Dense(3, "relu"), layers.BatchNormalization(), Scaled()]
    )


def functional():
    x = isozoo.Input((4,))
    shared, chain = layers.Dense(4), sequential()
    y = ops.sum(shared(shared(x)), axis=1, keepdims=True) + x[:, 1:3] * 2.0
    inner = isozoo.Model(start := isozoo.Input((2,)), layers.Dense(2)(start))
    return isozoo.Model(x, {"chain": chain(x), "y": inner(y)})


def subclassed():
    model = Mine()
    model(X)
    return model


BUILDERS = [sequential, functional, subclassed]
each_way = pytest.mark.parametrize("make", BUILDERS, ids=lambda make: make.__name__)


def outputs(model):
    found = model(X)
    found = [found[key] for key in sorted(found)] if isinstance(found, dict) else [found]
    return [np.asarray(ops.convert_to_numpy(x)) for x in found]


def same(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE)


def changed(model):
    """The model with values that no initializer gives."""
    for number, variable in enumerate(model.weights):
        size = int(np.prod(variable.shape))
        values = np.cos(np.arange(size) + number).reshape(variable.shape) / 2
        variable.assign(np.abs(values) + 0.1 if "variance" in variable.path else values)
    return model


@each_way
def test_an_archive_opens_on_another_backend(tmp_path, backend, make):
    model = changed(make())
    model.save(tmp_path / "m.keras")
    with isozoo.use_backend(NEXT[backend]):
        again = saving.load_model(tmp_path / "m.keras")
        assert (type(again).__name__, again.backend) == (type(model).__name__, NEXT[backend])
        same(outputs(again), outputs(model))


FORMS = ["m.keras", "m.safetensors", "m.h5", "folder"]


@each_way
@pytest.mark.parametrize("name", FORMS)
def test_each_form_holds_the_whole_model(tmp_path, make, name):
    with isozoo.use_backend("numpy"):
        model = changed(make())
        model.save(tmp_path / name, zipped=False if name == "folder" else None)
        again = saving.load_model(tmp_path / name)
        same(outputs(again), outputs(model))
        assert list(again.weights_by_path()) == list(model.weights_by_path())


WEIGHTS = ["m.weights.h5", "m.weights.json", "m.safetensors", "m.keras"]


@each_way
@pytest.mark.parametrize("name", WEIGHTS)
def test_each_form_of_weights(tmp_path, make, name):
    with isozoo.use_backend("numpy"):
        model, again = changed(make()), make()
        if name == "m.keras":
            model.save(tmp_path / name)
        else:
            options = {"max_shard_size": 2e-7} if name.endswith("json") else {}
            model.save_weights(tmp_path / name, **options)
        again.load_weights(tmp_path / name)
        same(outputs(again), outputs(model))


@pytest.mark.parametrize("name", ["m.keras", "m.safetensors", "m.h5"])
def test_the_optimizer_comes_back(tmp_path, name):
    with isozoo.use_backend("torch"):
        model = isozoo.Sequential([isozoo.Input((4,)), layers.Dense(2)])
        model.compile(isozoo.optimizers.Adam(0.02), loss="mse")
        model.fit(X, X[:, :2], epochs=2, verbose=0)
        model.save(tmp_path / name)
        again = saving.load_model(tmp_path / name)
        for a, b in itertools.zip_longest(again.optimizer.variables, model.optimizer.variables):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
        for one in (model, again):
            one.fit(X, X[:, :2], epochs=1, verbose=0)
        same(again.get_weights(), model.get_weights())
        assert not saving.load_model(tmp_path / name, compile=False).compiled


def test_files_of_layers_come_back(tmp_path):
    with isozoo.use_backend("numpy"):
        model = sequential()
        model.layers[-1].words = ["two", "three"]
        for name in ("m.keras", "m.safetensors"):
            model.save(tmp_path / name)
            assert saving.load_model(tmp_path / name).layers[-1].words == ["two", "three"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["m.keras", "m.safetensors"])
def test_dtypes_stay(tmp_path, name, dtype):
    with isozoo.use_backend("jax" if "bfloat16" in dtype else "numpy"):
        start = isozoo.Input((4,), dtype="float64" if dtype == "float64" else "float32")
        model = isozoo.Model(start, layers.Dense(3, dtype=dtype)(start))
        model.save(tmp_path / name)
        again = saving.load_model(tmp_path / name)
        assert again.layers[-1].dtype_policy == model.layers[-1].dtype_policy
        for a, b in zip(again.weights, model.weights, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("name", ["m.weights.h5", "m.safetensors", "m.weights.json"])
def test_weights_of_another_model_change_nothing(tmp_path, name):
    with isozoo.use_backend("numpy"):
        small = isozoo.Sequential([isozoo.Input((4,)), layers.Dense(3), layers.Dense(3)])
        options = {"max_shard_size": 1e-6} if name.endswith("json") else {}
        small.save_weights(tmp_path / name, **options)
        other = isozoo.Sequential(
            [isozoo.Input((4,)), layers.Dense(5), layers.BatchNormalization()]
        )
        before = other.get_weights()
        with pytest.raises(saving.MismatchError) as caught:
            other.load_weights(tmp_path / name)
        text = str(caught.value)
        assert "must match" in text and "batch_normalization" in text
        assert "(3, 3)" in text and "(4, 5)" in text
        assert len(caught.value.problems) == 3
        same(other.get_weights(), before)


def test_what_fits_is_loaded_if_asked_for(tmp_path):
    with isozoo.use_backend("numpy"):
        model = isozoo.Sequential([isozoo.Input((4,)), layers.Dense(3), layers.Dense(3)])
        model.save_weights(tmp_path / "m.weights.h5")
        other = isozoo.Sequential([isozoo.Input((4,)), layers.Dense(3), layers.Dense(7)])
        last = other.layers[1].get_weights()
        with pytest.warns(UserWarning, match="what fits is loaded"):
            other.load_weights(tmp_path / "m.weights.h5", skip_mismatch=True)
        same(other.layers[0].get_weights(), model.layers[0].get_weights())
        same(other.layers[1].get_weights(), last)


def test_json_text_and_a_file_in_memory():
    with isozoo.use_backend("numpy"):
        model = functional()
        again = models.model_from_json(model.to_json())
        assert list(again.weights_by_path()) == list(model.weights_by_path())
        assert json.loads(again.to_json())["class_name"] == "Functional"
        file = io.BytesIO()
        saving.save_model(model, file)
        same(outputs(saving.load_model(file)), outputs(model))


@pytest.mark.parametrize("make", [sequential, functional], ids=lambda make: make.__name__)
def test_a_clone_has_the_structure_and_weights_of_its_own(make):
    with isozoo.use_backend("numpy"):
        model = make()
        again = models.clone_model(model, recursive=True)
        assert list(again.weights_by_path()) == list(model.weights_by_path())
        again.set_weights(model.get_weights())
        same(outputs(again), outputs(model))
        assert not {id(v) for v in again.weights} & {id(v) for v in model.weights}


def test_an_editor_renames_adds_and_deletes(tmp_path):
    with isozoo.use_backend("numpy"):
        model = isozoo.Sequential([isozoo.Input((4,)), layers.Dense(3), layers.Dense(3)])
        model.save(tmp_path / "m.keras")
        editor = KerasFileEditor(tmp_path / "m.keras")
        assert editor.compare(model)["status"] == "success"
        longer = isozoo.Sequential([isozoo.Input((4,)), *(layers.Dense(3) for _ in range(3))])
        assert editor.compare(longer)["error_count"] == 1
        editor.rename_object("dense_1", "dense_2")
        editor.add_object("layers/dense_1", {"0": np.eye(3), "1": np.ones(3)})
        assert editor.compare(longer)["status"] == "success"
        editor.save(tmp_path / "m.weights.h5")
        longer.load_weights(tmp_path / "m.weights.h5")
        np.testing.assert_array_equal(longer.layers[1].kernel.numpy(), np.eye(3))
        same(longer.layers[2].get_weights(), model.layers[1].get_weights())
        editor.delete_weight("dense_1", "1")
        editor.delete_object("layers/dense_2")
        assert editor.compare(longer)["error_count"] == 2
        with pytest.raises(ValueError, match="is not in the file"):
            editor.delete_object("dense_7")


def test_a_layer_that_a_wrapper_shares_stays_one(tmp_path):
    with isozoo.use_backend("torch"):
        a, b = isozoo.Input((4,)), isozoo.Input((3, 4))
        shared = layers.Dense(2)
        wrapped = layers.TimeDistributed(shared)
        model = models.Model([a, b], [shared(a), wrapped(b)])
        model.save(tmp_path / "x.keras")
        again = saving.load_model(tmp_path / "x.keras")
    kinds = {type(layer).__name__: layer for layer in again.layers}
    assert kinds["TimeDistributed"].layer is kinds["Dense"]
    assert len(again.weights) == len(model.weights) == 2


def test_shapes_of_every_backend_are_plain_in_configs(backend):
    shape = isozoo.ops.zeros((2, 3)).shape
    written = isozoo.saving.serialize_keras_object({"shape": shape})
    read = isozoo.saving.deserialize_keras_object(json.loads(json.dumps(written)))
    assert tuple(read["shape"]) == (2, 3)
