"""Each framework's own ways over several devices, with nothing of ours but the model.

Processes of their own: devices are counted once, when a framework starts. The expected steps are
those of a network of the framework's own, or of NumPy, on the whole batch.
"""

from __future__ import annotations

import socket

import numpy as np
import pytest

from ..forks import Program, finish

_DATA = """
import numpy as np
draws = np.random.default_rng(0)
x = draws.standard_normal((8, 3)).astype("float32")
y = x.sum(1, keepdims=True)
first = [draws.standard_normal(s).astype("float32") for s in ((3, 4), (4,), (4, 1), (1,))]

def network(backend):
    import isozoo
    from isozoo import layers
    isozoo.config.set_backend(backend)
    made = isozoo.Sequential([isozoo.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    made.set_weights(first)
    return made
"""

_TORCH = """
import sys
import torch
rank, meeting, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.distributed.init_process_group("gloo", "file://" + meeting, rank=rank, world_size=2)
model = network("torch")
net = torch.nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for _ in range(3):
    optimizer.zero_grad()
    (net(torch.from_numpy(x[rank::2])) - torch.from_numpy(y[rank::2])).square().mean().backward()
    optimizer.step()
np.savez(out + str(rank), *model.get_weights())
torch.distributed.destroy_process_group()
"""

# FSDP2: each process keeps a part of each weight; a line for torchrun, which tells who it is.
_SHARDED = """
import os, sys
import torch
from torch.distributed.fsdp import fully_shard
rank, port, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port, RANK=str(rank), WORLD_SIZE="2")
torch.distributed.init_process_group("gloo")
model = network("torch").to(memory_format=torch.contiguous_format)
mesh = torch.distributed.device_mesh.init_device_mesh("cpu", (2,))
for layer in model.layers:
    fully_shard(layer, mesh=mesh)
fully_shard(model, mesh=mesh)
held = sum(p.to_local().numel() for p in model.parameters())
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for _ in range(3):
    optimizer.zero_grad()
    (model(torch.from_numpy(x[rank::2])) - torch.from_numpy(y[rank::2])).square().mean().backward()
    optimizer.step()
whole = [v.native.full_tensor().detach().numpy() for v in model.weights]
assert held <= 13, held  # of 21 numbers: 2 of 3 rows, 2 of 4, 2 of 4 and 1 of 1
np.savez(out + str(rank), *whole)
torch.distributed.destroy_process_group()
"""

_TENSORFLOW = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    model = network("tensorflow")

def step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum((model(x) - y) ** 2) / 8
    natives = [v.native for v in model.trainable_variables]
    gradients = tape.gradient(loss, natives)
    gradients = tf.distribute.get_replica_context().all_reduce("SUM", gradients)
    for native, gradient in zip(natives, gradients):
        native.assign_sub(0.1 * gradient)

run = tf.function(lambda x, y: strategy.run(step, (x, y)))
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8).repeat(3)
for batch in strategy.experimental_distribute_dataset(data):
    run(*batch)
np.savez(sys.argv[1] + "0", *model.get_weights())
row = tf.TensorSpec((None, 3))
serve = tf.function(lambda x: {"y": model(x)}, input_signature=[row])
tf.saved_model.save(model, sys.argv[1] + "saved", signatures=serve)
"""

_SERVED = """
import sys
import tensorflow as tf
served = tf.saved_model.load(sys.argv[1] + "saved").signatures["serving_default"]
np.save(sys.argv[1] + "served.npy", served(tf.constant(x))["y"].numpy())
assert "isozoo" not in sys.modules
"""

_JAX = """
import sys
import jax
model = network("jax")
weights, state = model.state_values()
loss = lambda w, x, y: ((model.stateless_call(w, state, x)[0] - y) ** 2).mean()

def step(w, x, y):
    mean = jax.lax.pmean(jax.grad(loss)(w, x, y), "devices")
    return jax.tree.map(lambda a, g: a - 0.1 * g, w, mean)

step = jax.pmap(step, "devices", in_axes=(None, 0, 0), out_axes=None)
for _ in range(3):
    weights = step(weights, x.reshape(4, 2, 3), y.reshape(4, 2, 1))
assert len(jax.devices()) == 4
np.savez(sys.argv[1] + "0", *jax.tree.leaves(weights))
"""


@pytest.fixture(scope="module")
def whole() -> tuple[list[np.ndarray], np.ndarray]:
    """Weights after three steps on the whole batch in float64, and the outputs then."""
    draws = np.random.default_rng(0)  # as in _DATA
    x = draws.standard_normal((8, 3)).astype("float32").astype(float)
    y = x.sum(1, keepdims=True)
    shapes = (3, 4), (4,), (4, 1), (1,)
    w1, b1, w2, b2 = (draws.standard_normal(s).astype("float32").astype(float) for s in shapes)
    for _ in range(3):
        h = np.tanh(x @ w1 + b1)
        error = 2 * (h @ w2 + b2 - y) / 8
        inner = error @ w2.T * (1 - h**2)
        steps = x.T @ inner, inner.sum(0), h.T @ error, error.sum(0)
        w1, b1, w2, b2 = (w - 0.1 * g for w, g in zip((w1, b1, w2, b2), steps, strict=True))
    return [w1, b1, w2, b2], np.tanh(x @ w1 + b1) @ w2 + b2


def _compare(path: str, expected: list[np.ndarray]) -> None:
    with np.load(path) as found:
        # Sums of at most 8 terms in three steps; tanh is good to a few roundings.
        for got, wanted in zip(found.values(), expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=0, atol=3 * 16 * 2.0**-24 * 4)


def test_distributed_data_parallel_of_torch(tmp_path, whole):
    out = str(tmp_path / "w")
    finish(Program(_DATA + _TORCH, rank, tmp_path / "meeting", out) for rank in range(2))
    for rank in range(2):
        _compare(f"{out}{rank}.npz", whole[0])


def test_fully_sharded_data_parallel_of_torch(tmp_path, whole):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    out = str(tmp_path / "w")
    finish(Program(_DATA + _SHARDED, rank, port, out) for rank in range(2))
    for rank in range(2):
        _compare(f"{out}{rank}.npz", whole[0])


def test_mirrored_strategy_and_a_saved_model_elsewhere(tmp_path, whole):
    out = str(tmp_path / "w")
    finish([Program(_DATA + _TENSORFLOW, out)])
    _compare(f"{out}0.npz", whole[0])
    finish([Program(_DATA + _SERVED, out)])
    np.testing.assert_allclose(np.load(f"{out}served.npy"), whole[1], rtol=0, atol=1e-5)


def test_pmap_of_jax(tmp_path, whole):
    out = str(tmp_path / "w")
    finish([Program(_DATA + _JAX, out, XLA_FLAGS="--xla_force_host_platform_device_count=4")])
    _compare(f"{out}0.npz", whole[0])
