"""A layer is a citizen of its framework: that framework's own tools work on it unchanged."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import Model, layers, ops, random, use_backend
from isozoo.framework.models.fused import conv_norm

_random = np.random.default_rng(2)
X = _random.standard_normal((6, 5, 5, 3)).astype(np.float32)
LABELS = _random.standard_normal((6, 2)).astype(np.float32)


class Net(Model):
    """Convolution, normalization, a list of layers, Dropout."""

    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(4, 3, padding="same", use_bias=False)
        self.norm = layers.BatchNormalization()
        self.heads = [layers.Dense(8, "gelu"), layers.Dropout(0.1, seed=1), layers.Dense(2)]
        self.conv.build((None, 5, 5, 3))
        self.norm.build((None, 5, 5, 4))
        self.heads[0].build((None, 4))
        self.heads[2].build((None, 8))
        self.built = True

    def call(self, x):
        x = conv_norm(self.conv, self.norm, x)
        x = ops.mean(ops.relu(x), axis=(1, 2))
        for layer in self.heads:
            x = layer(x)
        return x


def _net(backend):
    random.set_random_seed(0)
    with use_backend(backend):
        return Net()


@pytest.fixture(scope="module")
def expected():
    return _net("numpy").to_backend("numpy", "float64")(X.astype(np.float64))


# PyTorch ----------------------------------------------------------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def test_torch_module(torch, expected):
    net = _net("torch")
    assert isinstance(net, torch.nn.Module)
    assert isinstance(net, Net)
    assert not net.training
    assert {k for k in net.state_dict() if "seed_generator" not in k} == set(net.weights_by_path())
    assert dict(net.named_parameters()).keys() == {v.path for v in net.trainable_variables}
    assert isinstance(net.conv.kernel.value, torch.nn.Parameter)
    assert [type(m).__name__ for m in net.children()][:2] == ["Conv2D", "BatchNormalization"]
    np.testing.assert_allclose(net(torch.from_numpy(X)).detach(), expected, rtol=0, atol=1e-6)


def test_torch_state_dict_loads(torch, expected):
    net, other = _net("torch"), _net("torch")
    for parameter in other.parameters():
        torch.nn.init.zeros_(parameter)
    assert not other.heads[2].kernel.numpy().any()
    other.load_state_dict(net.state_dict())
    np.testing.assert_allclose(other(X).detach(), expected, rtol=0, atol=1e-6)


def test_torch_functional_call(torch):
    net = _net("torch")
    zeros = {name: torch.zeros_like(p) for name, p in net.named_parameters()}
    y = torch.func.functional_call(net, zeros, (torch.from_numpy(X),))
    assert not y.detach().numpy().any()
    assert net(X).detach().numpy().any()


def test_torch_hooks(torch):
    net = _net("torch")
    seen = []
    hooks = [m.register_forward_hook(lambda m, i, o: seen.append(m.name)) for m in net.heads]
    net(X)
    assert seen == [layer.name for layer in net.heads]
    for hook in hooks:
        hook.remove()
    net(X)
    assert len(seen) == 3


def test_torch_compiles_whole(torch, expected):
    net = _net("torch")
    compiled = torch.compile(net, fullgraph=True, backend="eager")
    with torch.no_grad():
        np.testing.assert_allclose(compiled(torch.from_numpy(X)), expected, rtol=0, atol=1e-6)


def _torch_loss(torch, net):
    return torch.nn.functional.mse_loss(net(torch.from_numpy(X)), torch.from_numpy(LABELS))


def test_torch_trains(torch):
    net = _net("torch").train()
    optimizer = torch.optim.SGD(net.parameters(), 0.05)
    losses = []
    for _ in range(24):
        optimizer.zero_grad()
        loss = _torch_loss(torch, net)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(p.grad is not None for p in net.parameters())
    assert np.mean(losses[-4:]) < 0.9 * losses[0]
    assert net.norm.moving_mean.numpy().any()
    # Back at inference, what was folded is folded anew.
    net.eval()
    with torch.no_grad():
        y = net(torch.from_numpy(X))
    wide = net.to_backend("numpy", "float64")(X.astype(np.float64))
    np.testing.assert_allclose(y, wide, rtol=0, atol=1e-5)


def test_torch_moves_between_dtypes(torch):
    net = _net("torch").double()
    assert net.conv.kernel.value.dtype == torch.float64
    assert len(list(net.parameters())) == 7


def test_torch_frozen(torch):
    net = _net("torch")
    net.conv.trainable = False
    assert not net.conv.kernel.value.requires_grad
    assert net.heads[0].kernel.value.requires_grad


# JAX --------------------------------------------------------------------------------------------


def test_jax_pure_function(expected):
    jax = pytest.importorskip("jax")
    net = _net("jax")
    trainable, others = net.state_values()
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves((trainable, others)))

    @jax.jit
    def run(trainable, others, x):
        return net.stateless_call(trainable, others, x)

    y, unchanged = run(trainable, others, X)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)
    for a, b in zip(others, unchanged, strict=True):
        np.testing.assert_array_equal(a, b)

    def loss(trainable, others):
        y, others = net.stateless_call(trainable, others, X, training=True)
        return ((y - LABELS) ** 2).mean(), others

    step = jax.jit(jax.value_and_grad(loss, has_aux=True))
    losses = []
    for _ in range(24):
        (value, others), grads = step(trainable, others)
        trainable = [w - 0.05 * g for w, g in zip(trainable, grads, strict=True)]
        losses.append(float(value))
    assert np.mean(losses[-4:]) < 0.9 * losses[0]
    # No tracer leaked into the layer, and it is as it was.
    np.testing.assert_allclose(net(X), expected, rtol=0, atol=1e-6)
    assert not net.norm.moving_mean.numpy().any()


# TensorFlow -------------------------------------------------------------------------------------


def test_tensorflow_tape_and_function(expected):
    tf = pytest.importorskip("tensorflow")
    net = _net("tensorflow")
    variables = [v.value for v in net.trainable_variables]
    assert all(isinstance(v, tf.Variable) for v in variables)
    np.testing.assert_allclose(tf.function(net)(X), expected, rtol=0, atol=1e-6)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((net(X, training=True) - LABELS) ** 2)
        for v, g in zip(variables, tape.gradient(loss, variables), strict=True):
            v.assign_sub(0.05 * g)
        return loss

    losses = [float(step()) for _ in range(24)]
    assert np.mean(losses[-4:]) < 0.9 * losses[0]
    assert net.norm.moving_mean.numpy().any()
    wide = net.to_backend("numpy", "float64")(X.astype(np.float64))
    np.testing.assert_allclose(net(X), wide, rtol=0, atol=1e-5)


def test_training_coincides():
    """The same seed, data and steps: the same losses on each framework, dropout included."""
    torch, jax, tf = (pytest.importorskip(n) for n in ("torch", "jax", "tensorflow"))
    curves = {name: [] for name in ("torch", "jax", "tensorflow")}

    net = _net("torch").train()
    optimizer = torch.optim.SGD(net.parameters(), 0.05)
    for _ in range(4):
        optimizer.zero_grad()
        loss = _torch_loss(torch, net)
        loss.backward()
        optimizer.step()
        curves["torch"].append(loss.item())

    net = _net("jax")
    trainable, others = net.state_values()

    def objective(trainable, others):
        y, others = net.stateless_call(trainable, others, X, training=True)
        return ((y - LABELS) ** 2).mean(), others

    step = jax.jit(jax.value_and_grad(objective, has_aux=True))
    for _ in range(4):
        (value, others), grads = step(trainable, others)
        trainable = [w - 0.05 * g for w, g in zip(trainable, grads, strict=True)]
        curves["jax"].append(float(value))

    tf_net = _net("tensorflow")
    variables = [v.value for v in tf_net.trainable_variables]
    for _ in range(4):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((tf_net(X, training=True) - LABELS) ** 2)
        for v, g in zip(variables, tape.gradient(loss, variables), strict=True):
            v.assign_sub(0.05 * g)
        curves["tensorflow"].append(float(loss))
    np.testing.assert_allclose(curves["jax"], curves["torch"], rtol=1e-5)
    np.testing.assert_allclose(curves["tensorflow"], curves["torch"], rtol=1e-5)


class Collections(layers.Layer):
    """Every kind of collection that may hold layers and weights."""

    def __init__(self):
        super().__init__()
        dense = lambda: layers.Dense(2, input_dim=2)  # noqa: E731
        self.late = []
        self.late.append(dense())
        self.late.append(dense())
        self.nested = [[dense()], [dense(), dense()]]
        self.bare = [self.add_weight((2,)), self.add_weight((3,), trainable=False)]
        self.named = {"one": dense()}
        self.odd = {"a.b": dense(), 3: dense()}
        self.mixed = [dense(), None]
        self.built = True

    def call(self, x):
        for layer in (*self.late, *self.nested[1], self.named["one"], self.odd[3], self.mixed[0]):
            x = layer(x)
        return ops.add(x, self.bare[0])


def test_torch_sees_every_weight(torch):
    """What is in lists and dicts, nested ones too, is in the state_dict under the same path."""
    with use_backend("torch"):
        layer = Collections()
    assert set(layer.state_dict()) == set(layer.weights_by_path())
    zeros = {name: torch.zeros_like(p) for name, p in layer.named_parameters()}
    flat = {name: zeros[name] for name in zeros if name.startswith(("late", "named"))}
    x = torch.ones(1, 2)
    swapped = torch.func.functional_call(layer, flat, (x,))
    assert swapped.shape == (1, 2)
    assert (swapped != layer(x)).any()
    assert layer.get_submodule("late.1") is layer.late[1]
    copy = layer.to_backend("torch")
    assert set(copy.state_dict()) == set(layer.state_dict())
    np.testing.assert_array_equal(copy(x).detach(), layer(x).detach())
    first = layer.late[0]
    layer.late.remove(first)
    assert len(layer.late) == 1
    assert "late.1.kernel" not in layer.weights_by_path()
    assert "late.1.kernel" not in layer.state_dict()
    layer.late.clear()
    assert "late.0.kernel" not in layer.weights_by_path()


@pytest.mark.parametrize("backend", ["numpy", "torch", "jax", "tensorflow"])
def test_collections(backend):
    with use_backend(backend):
        layer = Collections()
        assert layer.named.get("two") is None
        assert layer.late.index(layer.late[1]) == 1
        layer.top = layer.late[:1]
        layer.again = layer.late
        y = ops.convert_to_numpy(layer(np.ones((1, 2), np.float32)))
    assert "late.1.kernel" in layer.weights_by_path()
    assert "nested.1.0.bias" in layer.weights_by_path()
    for name in ("numpy", "torch"):
        copy = layer.to_backend(name)
        assert list(copy.weights_by_path()) == list(layer.weights_by_path())
        z = ops.convert_to_numpy(copy(np.ones((1, 2), np.float32)))
        np.testing.assert_allclose(z, y, rtol=1e-5, atol=1e-6)
