"""Meshes, layouts and distributions; what is trained on eight devices as on one.

Processes of their own: JAX counts its devices once, when it starts.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import isozoo
from isozoo.distribution import (
    DataParallel,
    DeviceMesh,
    LayoutMap,
    ModelParallel,
    TensorLayout,
    distribute_tensor,
    get_device_count,
    list_devices,
    set_distribution,
)

EIGHT = [f"cpu:{i}" for i in range(8)]

_TRAINED = """
import sys
import numpy as np
import isozoo
from isozoo import layers
from isozoo.distribution import *

isozoo.config.set_backend("jax")
draws = np.random.default_rng(0)
x = draws.standard_normal((20, 6)).astype("float32")  # batches of 8, 8 and 4
y = draws.integers(0, 3, 20)

def trained(distribution):
    set_distribution(distribution)
    isozoo.utils.set_random_seed(3)
    model = isozoo.Sequential([
        isozoo.Input((6,)), layers.Dense(8, "relu", name="wide"), layers.BatchNormalization(),
        layers.Dropout(0.5), layers.Dense(4, "tanh", name="narrow"), layers.Dense(3, name="last"),
    ])
    model.compile("adam", isozoo.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(x, y, batch_size=8, epochs=3, verbose=0).history["loss"]
    predicted = model.predict(x, batch_size=8, verbose=0)
    kernel = model.get_layer("wide").kernel
    moment = next(v for v in model.optimizer.variables if tuple(v.shape) == (6, 8))
    shards = [len({str(s.index) for s in v.native.addressable_shards}) for v in (kernel, moment)]
    set_distribution(None)
    return np.array(losses), predicted, shards

devices = list_devices()
layouts = LayoutMap(DeviceMesh((2, 4), ["batch", "model"], devices))
layouts["wide/kernel"] = (None, "model")
layouts["wide.bias"] = ("model",)
layouts[".*narrow/kernel"] = ("model", None)
layouts["wide/output"] = ("batch", "model")
found = {}
for name, distribution in {
    "one": None, "data": DataParallel(devices=devices), "model": ModelParallel(layout_map=layouts)
}.items():
    found[name], found[name + " predicted"], found[name + " shards"] = trained(distribution)
np.savez(sys.argv[1], devices=len(devices), **found)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("distribution") / "found.npz"
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
    settings = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", _TRAINED, str(path)], env=settings, check=True)
    return dict(np.load(path))


@pytest.mark.parametrize("way", ["data", "model"])
def test_training_over_eight_devices_is_that_of_one(trained, way):
    assert trained["devices"] == 8
    np.testing.assert_allclose(trained[way], trained["one"], rtol=1e-5)
    wanted = trained["one predicted"]
    np.testing.assert_allclose(trained[f"{way} predicted"], wanted, atol=1e-4 * abs(wanted).max())


def test_variables_and_slots_lie_as_the_layouts_say(trained):
    assert trained["data shards"].tolist() == [1, 1]
    assert trained["model shards"].tolist() == [4, 4]


_TWO_PROCESSES = """
import sys
import numpy as np
import isozoo
from isozoo import layers
from isozoo.distribution import *

number, port, out, whole = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4] == "whole"
isozoo.config.set_backend("jax")
initialize(f"127.0.0.1:{port}", 2, number)
set_distribution(DataParallel(auto_shard_dataset=whole))
isozoo.utils.set_random_seed(3)
model = isozoo.Sequential([isozoo.Input((6,)), layers.Dense(8, "relu"), layers.Dropout(0.5),
                           layers.Dense(1)])
model.compile("sgd", "mse")
draws = np.random.default_rng(0)
x, y = draws.standard_normal((16, 6)).astype("float32"), draws.standard_normal((16, 1))
if not whole:  # of each batch of 8 rows each process brings 4
    mine = np.arange(16).reshape(2, 2, 4)[:, number].reshape(-1)
    x, y = x[mine], y[mine]
size = 8 if whole else 4
losses = model.fit(x, y, batch_size=size, epochs=2, shuffle=False, verbose=0).history["loss"]
np.savez(out + str(number), losses=losses, *model.get_weights())
"""


def _port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize("reading", ["whole", "parts"])
def test_two_processes_train_as_one(tmp_path, reading):
    port, settings = str(_port()), {**os.environ, "JAX_PLATFORMS": "cpu"}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", _TWO_PROCESSES, str(n), port, f"{tmp_path}/", reading],
            env=settings,
        )
        for n in range(2)
    ]
    assert [run.wait(120) for run in runs] == [0, 0]
    first, second = (dict(np.load(tmp_path / f"{n}.npz")) for n in range(2))
    with isozoo.use_backend("jax"):
        isozoo.utils.set_random_seed(3)
        layers = isozoo.layers
        model = isozoo.Sequential(
            [isozoo.Input((6,)), layers.Dense(8, "relu"), layers.Dropout(0.5), layers.Dense(1)]
        )
    model.compile("sgd", "mse")
    draws = np.random.default_rng(0)
    x, y = draws.standard_normal((16, 6)).astype("float32"), draws.standard_normal((16, 1))
    history = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    for found in (first, second):
        np.testing.assert_allclose(found["losses"], history["loss"], rtol=1e-5)
        for number, wanted in enumerate(model.get_weights()):
            np.testing.assert_allclose(found[f"arr_{number}"], wanted, atol=1e-5)


# What needs no devices -------------------------------------------------------------------------


def _mesh(shape=(4, 2), names=("batch", "model")):
    return DeviceMesh(shape, list(names), EIGHT)


@pytest.mark.parametrize(
    ("shape", "names", "words"),
    [
        ((8,), [], "cannot be empty"),
        ((4, 2), ["batch"], "same size"),
        ((3, 2), ["batch", "model"], "number of devices"),
    ],
)
def test_a_wrong_mesh_is_refused(shape, names, words):
    with pytest.raises(ValueError, match=words):
        DeviceMesh(shape, names, EIGHT)


def test_layouts_by_path():
    layouts = LayoutMap(_mesh())
    layouts[".*query/kernel"] = (None, "model")
    layouts["blocks.0.bias"] = ("model",)
    assert layouts["blocks.0.query.kernel"].axes == (None, "model")
    assert layouts["blocks/1/query/kernel"].axes == (None, "model")
    assert layouts["blocks.0.bias"].device_mesh is layouts.device_mesh
    assert layouts["blocks.1.bias"] is None
    layouts["blocks.*kernel"] = (None, None)
    with pytest.raises(ValueError, match="matches multiple"):
        layouts["blocks.0.query.kernel"]
    with pytest.raises(ValueError, match="already exist"):
        layouts["blocks.0.bias"] = ("model",)
    with pytest.raises(ValueError, match="Invalid axis names"):
        layouts["other"] = ("unknown",)


def test_a_layout_takes_one_mesh_only():
    layout = TensorLayout(("batch", None))
    layout.device_mesh = _mesh()
    with pytest.raises(ValueError, match="override"):
        layout.device_mesh = _mesh()


def test_layouts_of_data_and_variables(backend):
    layouts = LayoutMap(_mesh())
    layouts["kernel"] = (None, "model")
    found = ModelParallel(layout_map=layouts)
    kernel = isozoo.Variable(np.zeros((3, 4)), name="kernel")
    other = isozoo.Variable(np.zeros((3,)), name="other")
    assert found.get_variable_layout(kernel).axes == (None, "model")
    assert found.get_variable_layout(other).axes == (None,)
    assert found.get_data_layout((8, 2, 2)).axes == ("batch", None, None)
    assert found.num_model_replicas == 4
    assert DataParallel(_mesh((8,), ["data"])).batch_dim_name == "data"
    assert DataParallel(devices=EIGHT).num_model_replicas == 8


def test_one_device_and_many(backend):
    assert get_device_count("cpu") == len(list_devices("cpu")) >= 1
    assert list_devices("CPU")[0] == "cpu:0"


def test_other_backends_name_the_way_out(backend):
    if isozoo.backend.backend() == "jax":
        return
    with pytest.raises(ValueError, match="jax backend"):
        distribute_tensor(np.zeros((8, 2)), TensorLayout(("batch", None), _mesh()))


def test_what_does_not_divide_is_refused():
    with isozoo.use_backend("jax"), pytest.raises(ValueError, match="multiple"):
        distribute_tensor(np.zeros((6, 2)), TensorLayout(("batch", None), _mesh()))


def test_a_scope_ends():
    with isozoo.use_backend("jax"):
        inner = DataParallel(devices=EIGHT)
        with inner.scope():
            assert isozoo.distribution.distribution() is inner
        assert isozoo.distribution.distribution() is None


def test_models_elsewhere_stay_as_they_are():
    """A distribution is for JAX's models; the others train and predict as without it."""
    x, y = np.ones((6, 3), "float32"), np.ones((6, 1), "float32")
    with isozoo.use_backend("jax"):
        only = DataParallel(devices=["cpu:0"])
        on_jax = isozoo.Sequential([isozoo.Input((3,)), isozoo.layers.Dense(1)])
    with isozoo.use_backend("torch"):
        with pytest.warns(UserWarning, match="jax backend"):
            set_distribution(only)
        try:
            model = isozoo.Sequential([isozoo.Input((3,)), isozoo.layers.Dense(1)])
            for one in (model, on_jax):  # the second is not of the current backend
                one.compile("sgd", "mse")
                one.fit(x, y, verbose=0)
                assert one.predict(x, verbose=0).shape == (6, 1)
        finally:
            set_distribution(None)
    with isozoo.use_backend("numpy"):
        assert isozoo.Variable(np.zeros(3)).numpy().tolist() == [0, 0, 0]
