"""Meshes, layouts and distributions; what is trained on eight devices as on one.

Processes of their own: a framework counts its devices once, when it starts.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

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
    initialize,
    list_devices,
    set_distribution,
)

from ..forks import Program, finish
from ..patience import DEADLINE

EIGHT = [f"cpu:{i}" for i in range(8)]

_TRAINED = """
import sys
import numpy as np
import isozoo
from isozoo import layers
from isozoo.distribution import *

engine, number, port, out = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
isozoo.config.set_backend(engine)
draws = np.random.default_rng(0)
x = draws.standard_normal((20, 6)).astype("float32")  # batches of 8, 8 and 4
y = draws.integers(0, 3, 20)

def shard(native):
    if engine == "jax":
        return native.addressable_shards[0].data.shape
    if engine == "torch":
        return getattr(native, "to_local", lambda: native)().shape
    from tensorflow.experimental import dtensor
    value = native.read_value()
    return value.shape if distribution() is None else dtensor.unpack(value)[0].shape

def built():
    isozoo.utils.set_random_seed(3)
    model = isozoo.Sequential([
        isozoo.Input((6,)), layers.Dense(8, "relu", name="wide"), layers.BatchNormalization(),
        layers.Dropout(0.5), layers.Dense(4, "tanh", name="narrow"), layers.Dense(3, name="last"),
    ])
    model.compile("adam", isozoo.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model

def written(distribution):
    "Losses of a transformer whose layouts are derived."
    set_distribution(distribution)
    isozoo.utils.set_random_seed(3)
    model = isozoo.nlp.LlamaCausalLM(
        vocabulary_size=32, num_layers=1, num_heads=4, hidden_dim=16, intermediate_dim=24
    )
    model.compile("adam", isozoo.losses.SparseCategoricalCrossentropy(from_logits=True))
    ids = draws_of_ids.integers(0, 32, (8, 6)).astype("int32")
    losses = model.fit({"token_ids": ids}, ids, batch_size=4, epochs=2, shuffle=False, verbose=0)
    shards = [tuple(shard(x.kernel.native)) for x in (
        model.backbone.blocks[0].attention.query, model.backbone.blocks[0].feedforward.down)]
    set_distribution(None)
    return losses.history["loss"], shards

def trained(distribution):
    set_distribution(distribution)
    model = built()
    losses = model.fit(x, y, batch_size=8, epochs=3, verbose=0).history["loss"]
    predicted = model.predict(x, batch_size=8, verbose=0)
    kernel = model.get_layer("wide").kernel
    moment = next(v for v in model.optimizer.variables if tuple(v.shape) == (6, 8))
    shards = [tuple(shard(v.native)) for v in (kernel, moment)]
    # Values that a file would give: of each, what lies here is read.
    with isozoo.framework.core.scopes.deferred_initialization():
        again = isozoo.Sequential([isozoo.Input((6,)), layers.Dense(8, name="wide")])
    again.set_weights(model.get_weights()[:2])
    same = np.array_equal(again.get_weights()[0], model.get_weights()[0])
    shards += [tuple(shard(again.get_layer("wide").kernel.native))]
    if isinstance(distribution, ModelParallel):
        found.update(kept(model))
    set_distribution(None)
    return np.array(losses), predicted, shards, same

def kept(model):
    "Save on the mesh of 2 x 2, and go on there and on another mesh."
    model.save_weights(out + ".shards.json")
    model.save_weights(out + ".shards.json")  # in the place of the first
    saved = {f"weight {number}": x for number, x in enumerate(model.get_weights())}
    more = dict(batch_size=8, shuffle=False, verbose=0)
    calls = []
    if engine == "jax":  # Orbax needs it anyway
        calls = [isozoo.callbacks.OrbaxCheckpoint(out + ".orbax")]
    saved["went on"] = model.fit(x, y, callbacks=calls, **more).history["loss"]
    saved["later"] = model.get_layer("wide").kernel.numpy()
    set_distribution(DataParallel())
    again = built()
    again.load_weights(out + ".shards.json")
    saved["resumed"] = again.fit(x, y, **more).history["loss"]
    return saved

found = {}
if engine == "tensorflow":
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
    tf.config.threading.set_inter_op_parallelism_threads(16)
draws_of_ids = np.random.default_rng(1)
text = written(None)[0]
one = trained(None)  # before this process has others
if engine == "torch":
    import torch
    torch.set_num_threads(1)
    initialize(f"127.0.0.1:{port}", 4, number)
layouts = LayoutMap(DeviceMesh((2, 2), ["batch", "model"]))
layouts["wide/kernel"] = (None, "model")
layouts["wide.bias"] = ("model",)
layouts[".*narrow/kernel"] = ("model", None)
layouts["wide/output"] = ("batch", "model")
found["devices"] = len(list_devices())
draws_of_ids = np.random.default_rng(1)
found["text"], (found["text spread"], found["text shards"]) = text, written(
    AutoParallel(DeviceMesh((2, 2), ["batch", "model"]), along_batch=True))
for name, run in {
    "one": one, "data": trained(DataParallel()), "both": trained(ModelParallel(layout_map=layouts))
}.items():
    found[name], found[name + " predicted"], found[name + " shards"], found[name + " same"] = run
if number == 0:
    np.savez(out, **found)
"""


@pytest.fixture(scope="module", params=["jax", "torch", "tensorflow"])
def trained(request, tmp_path_factory):
    path, port = tmp_path_factory.mktemp("distribution") / "found.npz", str(_port())
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
    finish(
        Program(_TRAINED, request.param, number, port, path, XLA_FLAGS=flags)
        for number in range(4 if request.param == "torch" else 1)
    )
    return {**np.load(path), "path": str(path)}


def _port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize("way", ["data", "both"])
def test_training_over_four_devices_is_that_of_one(trained, way):
    assert trained["devices"] == 4
    np.testing.assert_allclose(trained[way], trained["one"], rtol=1e-5)
    wanted = trained["one predicted"]
    np.testing.assert_allclose(trained[f"{way} predicted"], wanted, atol=1e-4 * abs(wanted).max())


def test_variables_slots_and_values_of_files_lie_as_the_layouts_say(trained):
    assert trained["data shards"].tolist() == [[6, 8]] * 3
    assert trained["both shards"].tolist() == [[6, 4]] * 3
    assert trained["both same"]


def test_a_transformer_trains_by_derived_layouts(trained):
    np.testing.assert_allclose(trained["text spread"], trained["text"], rtol=1e-5)
    assert trained["text shards"].tolist() == [[8, 8], [12, 8]]


def test_shards_open_on_another_mesh_and_training_goes_on(trained):
    np.testing.assert_allclose(trained["resumed"], trained["went on"], rtol=1e-5)


def _small():
    return isozoo.Sequential(
        [
            isozoo.Input((6,)),
            isozoo.layers.Dense(8, "relu", name="wide"),
            isozoo.layers.BatchNormalization(),
            isozoo.layers.Dropout(0.5),
            isozoo.layers.Dense(4, "tanh", name="narrow"),
            isozoo.layers.Dense(3, name="last"),
        ]
    )


def test_shards_open_on_one_device_and_another_backend(trained):
    with isozoo.use_backend("numpy"):
        model = _small()
    model.load_weights(trained["path"] + ".shards.json")
    for number, found in enumerate(model.get_weights()):
        np.testing.assert_array_equal(found, trained[f"weight {number}"])
    folder = next(Path(trained["path"]).parent.glob("*.shards"))
    assert len(list(folder.iterdir())) == 4  # a file for each device, and no rest of the first


def test_torch_reads_shards_as_a_distributed_checkpoint(trained):
    """Its own reader opens the folder, whatever backend wrote it."""
    import torch
    import torch.distributed.checkpoint as dcp

    folder = next(Path(trained["path"]).parent.glob("*.shards"))
    state = {"wide.kernel": torch.zeros(6, 8), "narrow.bias": torch.zeros(4)}
    dcp.load(state, storage_reader=dcp.HuggingFaceStorageReader(str(folder)), no_dist=True)
    np.testing.assert_array_equal(state["wide.kernel"], trained["weight 0"])


def test_checkpoints_of_orbax_open_on_fewer_devices(trained):
    folder = Path(trained["path"] + ".orbax")
    if not folder.exists():
        pytest.skip("written on JAX")
    for name in ("numpy", "jax"):
        with isozoo.use_backend(name):
            model = _small()
            model.load_weights(folder)
        np.testing.assert_array_equal(model.get_layer("wide").kernel, trained["later"])


@pytest.mark.parametrize("form", ["HuggingFaceStorageWriter", "FileSystemWriter"])
def test_distributed_checkpoints_of_torch(form, tmp_path):
    """What its writer of safetensors wrote is read; a pickle is not opened."""
    import torch.distributed.checkpoint as dcp

    with isozoo.use_backend("torch"):
        model = _small()
    writer = getattr(dcp, form)(str(tmp_path / "held"))
    state = {name: x.contiguous() for name, x in model.state_dict().items()}
    dcp.save(state, storage_writer=writer, no_dist=True)
    with isozoo.use_backend("numpy"):
        other = _small()
    if form == "FileSystemWriter":
        with pytest.raises(ValueError, match="pickle"):
            other.load_weights(tmp_path / "held")
        return
    other.load_weights(tmp_path / "held")
    for found, wanted in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


_TWO_PROCESSES = """
import sys
import numpy as np
import isozoo
from isozoo import layers
from isozoo.distribution import *

engine, number, places, out = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
whole = sys.argv[5] == "whole"
isozoo.config.set_backend(engine)
initialize(places, 2, number)
assert len(list_devices()) == 2
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
model.save_weights(out + "saved.shards.json")
model.load_weights(out + "saved.shards.json")
np.savez(out + str(number), losses=losses, *model.get_weights())
"""


def _places(engine, count=2) -> str:
    """The addresses by which processes meet."""
    return ",".join(f"127.0.0.1:{_port()}" for _ in range(count if engine == "tensorflow" else 1))


@pytest.mark.parametrize("engine", ["jax", "tensorflow"])
@pytest.mark.parametrize("reading", ["whole", "parts"])
def test_two_processes_train_as_one(tmp_path, reading, engine):
    places = _places(engine)
    finish(Program(_TWO_PROCESSES, engine, n, places, f"{tmp_path}/", reading) for n in range(2))
    first, second = (dict(np.load(tmp_path / f"{n}.npz")) for n in range(2))
    with isozoo.use_backend(engine):
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


_KILLED = """
import os, signal, sys
import numpy as np
import isozoo
from isozoo import layers
from isozoo.distribution import *

engine, number, places, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
isozoo.config.set_backend(engine)
if number >= 0:
    initialize(places, 2, number)
    set_distribution(DataParallel())
draws = np.random.default_rng(0)
x, y = draws.standard_normal((24, 6)).astype("float32"), draws.standard_normal((24, 2))

def trained(*callbacks):
    isozoo.utils.set_random_seed(3)
    model = isozoo.Sequential([isozoo.Input((6,)), layers.Dense(8, "relu"), layers.Dropout(0.5),
                               layers.Dense(2)])
    model.compile("adam", "mse")
    return model.fit(x, y, batch_size=6, epochs=3, verbose=0, callbacks=callbacks).history["loss"]

class Death(isozoo.callbacks.Callback):
    count = 0
    def on_train_batch_end(self, batch, logs=None):
        self.count += 1
        if self.count == 6 and number == 1:
            os.kill(os.getpid(), signal.SIGKILL)

backup = isozoo.callbacks.BackupAndRestore(folder, save_freq=2)
try:
    losses = trained(Death(), backup)
except RuntimeError as error:
    print(error, flush=True)
    os._exit(3)  # JAX would wait for the other one at the end
np.savez(folder + ".npz", resumed=losses, whole=trained())
"""


@pytest.mark.parametrize("engine", ["jax", "torch", "tensorflow"])
def test_a_killed_process_ends_the_others_and_fewer_go_on(engine, tmp_path):
    # TensorFlow's others find out by their heartbeats.
    settings = {"ISOZOO_DISTRIBUTION_SILENCE": "5"} if engine == "tensorflow" else {}
    places = _places(engine)

    def start(number):
        return Program(_KILLED, engine, number, places, f"{tmp_path}/backup", **settings)

    first, second = [one.wait(DEADLINE) for one in [start(0), start(1)]]
    assert second.returncode == -9 and first.returncode == 3, first.stderr[-3000:]
    assert "the 2 processes is gone" in first.stdout and "BackupAndRestore" in first.stdout
    assert (tmp_path / "backup" / "training.shards.json").exists()
    finish([start(-1)])  # the same program, alone
    found = np.load(tmp_path / "backup.npz")
    np.testing.assert_allclose(found["resumed"], found["whole"], rtol=1e-5)
    assert not (tmp_path / "backup").exists()


_FROZEN = """
import os, signal, sys
import numpy as np
import isozoo
from isozoo.distribution import *

engine, number, port, out = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
isozoo.config.set_backend(engine)
initialize(f"127.0.0.1:{port}", 2, number)
set_distribution(DataParallel())
model = isozoo.Sequential([isozoo.Input((6,)), isozoo.layers.Dense(2)])
model.compile("sgd", "mse")

class Frost(isozoo.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2 and number == 1:
            with open(out, "w") as file:
                file.write(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGSTOP)

try:
    model.fit(np.ones((80, 6)), np.ones((80, 2)), batch_size=8, verbose=0, callbacks=[Frost()])
except RuntimeError as error:
    print(error, flush=True)
    os._exit(3)
"""


def test_a_frozen_process_ends_the_others(tmp_path):
    """It was stopped and not killed: its connections are there, and nothing comes by them."""
    port, frozen = _port(), tmp_path / "frozen"
    both = [
        Program(_FROZEN, "torch", number, port, frozen, ISOZOO_DISTRIBUTION_SILENCE="2")
        for number in range(2)
    ]
    try:
        first = both[0].wait(DEADLINE)
    finally:
        if frozen.exists():
            os.kill(int(frozen.read_text()), signal.SIGKILL)
    assert both[1].wait(DEADLINE).returncode == -9
    assert first.returncode == 3, first.stderr[-3000:]
    said = first.stdout
    assert "Process 1 of the 2 has given no sign of life" in said and "BackupAndRestore" in said


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


def test_a_mesh_that_does_not_fit_the_devices_is_refused(backend):
    """There is one device here: NumPy has no meshes, and the others say what they see."""
    words = {"numpy": "lays out tensors on", "torch": "there are 1 processes"}
    with pytest.raises(ValueError, match=words.get(backend, "There is no device")):
        distribute_tensor(np.zeros((8, 2)), TensorLayout(("batch", None), _mesh()))


def test_what_does_not_divide_is_refused(backend):
    with pytest.raises(ValueError, match="multiple"):
        distribute_tensor(np.zeros((6, 2)), TensorLayout(("batch", None), _mesh()))


def test_a_missing_process_and_a_wrong_number_are_errors(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ISOZOO_DISTRIBUTION_TIMEOUT", "1")
    with isozoo.use_backend("torch"):
        with pytest.raises(RuntimeError, match="2 processes did not meet"):
            initialize(f"127.0.0.1:{_port()}", 2, 0)
        with pytest.raises(ValueError, match="from 0 to 1"):
            initialize(f"127.0.0.1:{_port()}", 2, 2)
        with pytest.raises(ValueError, match="torchrun"):
            initialize()
    with isozoo.use_backend("tensorflow"):
        for given in [(), ("a:1,b:2", 2), ("a:1", 2, 0)]:
            with pytest.raises(ValueError, match="address of each process|have 1 jobs"):
                initialize(*given)
        with pytest.raises(ValueError, match="from 0 to 1"):
            initialize("a:1,b:2", 2, 2)


def test_a_scope_ends():
    with isozoo.use_backend("jax"):
        inner = DataParallel(devices=EIGHT)
        with inner.scope():
            assert isozoo.distribution.distribution() is inner
        assert isozoo.distribution.distribution() is None


def test_models_elsewhere_stay_as_they_are():
    """A mesh is for models of its backend; the others train and predict as without it."""
    x, y = np.ones((6, 3), "float32"), np.ones((6, 1), "float32")
    with isozoo.use_backend("jax"):
        only = DataParallel(devices=["cpu:0"])
        on_jax = isozoo.Sequential([isozoo.Input((3,)), isozoo.layers.Dense(1)])
    with isozoo.use_backend("torch"):
        with pytest.warns(UserWarning, match="made on the jax backend"):
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
