"""PyTorch modules as models: calls, names, training, files; operators by subject."""

from __future__ import annotations

import copy
import sys

import numpy as np
import pytest
import torch
from torch import nn

import isozoo
from isozoo.framework.graphs import ForeignGraph, GraphError, UnknownOperatorError
from isozoo.framework.graphs.loading import model_of
from isozoo.framework.graphs.reading_torch import read_torch
from isozoo.ops import convert_to_numpy

from . import torch_nets

# Roundings of float32 of an output's scale: sums of about a hundred products.
NEAR = 64 * 2.0**-24


@pytest.fixture(scope="module")
def net():
    """(module, what was read of it, inputs)."""
    module = torch_nets.moved(torch_nets.Convolutional())
    return module, read_torch(module, torch.randn(1, 3, 8, 8)), torch.randn(3, 3, 8, 8)


@pytest.fixture(scope="module")
def subjects():
    """Subject -> (what was read, inputs, the module's outputs)."""
    found = {}
    for name, (function, given) in torch_nets.subjects().items():
        module = torch_nets.Of(function)
        # Sizes are fixed here, since some of the results have no batch.
        read = read_torch(module, given, None, {})
        found[name] = read, [x.numpy() for x in given], module(*given)
    return found


def changeable(read, backend):
    """A model with arrays of its own, since one on torch keeps the memory that it is given."""
    graph, arrays = read
    return model_of(graph, {name: x.copy() for name, x in arrays.items()}, backend=backend)


def leaves(outputs):
    return [x for x in torch.utils._pytree.tree_leaves(outputs) if x is not None]


def assert_near(found, wanted):
    assert len(found) == len(wanted)
    for name, y in zip(found, wanted, strict=True):
        x, y = np.asarray(convert_to_numpy(found[name])), y.detach().numpy()
        assert (x.shape, x.dtype) == (y.shape, y.dtype), name
        roundings = NEAR if y.dtype != np.float16 else 2.0**-10
        allowed = roundings * np.abs(y).max() if y.dtype.kind == "f" else 0
        assert np.abs(x.astype(np.float64) - y).max() <= allowed, name


def test_a_module_computes_what_it_does_in_pytorch(backend, net):
    module, read, x = net
    model = model_of(*read, backend=backend)
    with torch.no_grad():
        wanted = leaves(copy.deepcopy(module).eval()(x))
    found = model(x.numpy())
    assert list(found) == ["logits", "parts.0", "parts.1", "side"]
    assert_near(found, wanted)


@pytest.mark.parametrize("subject", ["arithmetic", "forms", "images", "activations", "transforms"])
def test_operators_compute_what_they_do_in_pytorch(backend, subjects, subject):
    read, given, wanted = subjects[subject]
    model = model_of(*read, backend=backend)
    # One program on jax, which else compiles each operator by itself.
    call = model.infer if backend == "jax" else model
    assert_near(call(given), leaves(wanted))


@pytest.mark.parametrize("backend", ["jax"], indirect=True)
def test_a_free_batch_is_a_number_when_it_is_compiled(backend, net):
    module, read, x = net
    with torch.no_grad():
        wanted = leaves(copy.deepcopy(module).eval()(x))
    assert_near(model_of(*read).infer(x.numpy()), wanted)


def test_weights_bear_the_modules_names_and_its_mode_stays(net):
    module, read, _ = net
    assert module.training
    model = changeable(read, "torch")
    state = model.state_dict()
    assert module.state_dict().keys() == {name for name in state if "seed" not in name}
    doubled = {name: 2 * tensor for name, tensor in module.state_dict().items()}
    model.load_state_dict(doubled, strict=False)
    assert torch.equal(model.state_dict()["head.weight"], 2 * module.head.weight)
    fixed = {path for path, v in model.named_variables() if not v.trainable}
    assert {path for path in fixed if "seed" not in path} == dict(module.named_buffers()).keys() - {
        "shift"
    }


def test_training_follows_the_batches_as_pytorch_does(backend, net):
    if backend == "numpy":
        return  # it does not train
    module, read, x = net
    model, module = changeable(read, backend), copy.deepcopy(module)
    wanted = module.train()(x)["side"]
    found = model(x.numpy(), training=True)["side"]
    assert_near({"side": found}, [wanted])
    for name in ("norm.running_mean", "norm.running_var"):
        kept = model.weights_by_path()[name].numpy()
        assert np.allclose(kept, module.state_dict()[name].numpy(), rtol=NEAR, atol=NEAR)


def test_dropout_drops_in_training_alone():
    model = isozoo.from_torch(nn.Sequential(nn.Dropout(0.25)), torch.ones(2, 4000), backend="numpy")
    x = np.ones((2, 4000), np.float32)
    assert np.array_equal(model(x), x)
    y = model(x, training=True)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.75)}
    # 8000 draws: five standard deviations of sqrt(0.25 * 0.75 / 8000).
    assert abs((y == 0).mean() - 0.25) < 5 * 0.00485


@pytest.fixture(scope="module")
def encoder():
    """(module, what was read of it with a mask by name, ids)."""
    module = torch_nets.moved(torch_nets.Encoder())
    ids, hidden = torch.randint(0, 20, (3, 5)), torch.zeros(3, 5, dtype=torch.bool)
    hidden[1, 3:] = True
    return module, read_torch(module, (ids,), {"hidden": hidden}), ids, hidden


def test_ids_masks_and_shared_weights_are_read(backend, encoder):
    module, read, ids, hidden = encoder
    model = model_of(*read, backend=backend)
    assert "out.weight" not in model.weights_by_path()  # it is table.weight
    with torch.no_grad():
        wanted = copy.deepcopy(module).eval()(ids[1:], hidden[1:])
    found = model({"ids": ids[1:].numpy(), "hidden": hidden[1:].numpy()})
    assert_near({"output": found}, [wanted])


def test_a_preset_of_a_module_opens_without_pytorch(encoder, tmp_path, monkeypatch):
    module, _, ids, _ = encoder
    isozoo.from_torch(module, ids, backend="numpy").save_to_preset(tmp_path)
    with torch.no_grad():
        wanted = copy.deepcopy(module).eval()(ids)
    monkeypatch.setitem(sys.modules, "torch", None)
    model = isozoo.from_preset(tmp_path, backend="numpy")
    assert isinstance(model, isozoo.GraphModel)
    assert_near({"output": model(ids.numpy())}, [wanted])


@pytest.mark.parametrize("name", ["t5", "swin"])
def test_a_net_of_transformers_computes_what_it_does_there(name):
    from isozoo.scripts.judge_torch import judged, transformers_nets

    net = next(net for net in transformers_nets() if net.name == f"transformers/{name}")
    backends = ("numpy", "torch")
    assert judged(net, backends, (2, 3)) == dict.fromkeys(backends, ["passed", ""])


def test_a_graph_of_a_module_is_the_same_after_json(net):
    import json

    graph = net[1][0]
    again = ForeignGraph.from_json(json.loads(json.dumps(graph.to_json(), allow_nan=False)))
    assert again.to_json() == graph.to_json()


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(3), persistent=False)

    def forward(self, x):
        self.calls.add_(1)
        self.mean.mul_(0.5).add_(x.mean(0))
        return x * self.calls + self.mean


def test_buffers_that_a_call_writes_to_are_kept(backend):
    x, module = torch.tensor([[1.0, 2.0, 4.0], [8.0, 0.5, 3.0]]), Counting()
    model = changeable(read_torch(module, x), backend)
    for call in (model, model, model.infer, model.infer):
        assert_near({"output": call(x.numpy())}, [module(x)])
    kept = model.weights_by_path()
    assert kept["calls"].numpy() == 4 and kept["mean"].shape == (3,)
    assert not any(v.trainable for v in kept.values())


class ByName(nn.Module):
    def forward(self, x, **more):
        return x + more["shift"]


def test_what_a_module_takes_by_any_name_stays_free():
    module, x = ByName(), torch.ones(2, 3)
    graph, arrays = read_torch(module, x, {"shift": x})
    assert "forward" not in vars(module)
    found = model_of(graph, arrays, backend="numpy")(
        {"x": np.ones((5, 3), np.float32), "shift": np.ones((5, 3), np.float32)}
    )
    assert np.array_equal(found, np.full((5, 3), 2, np.float32))


class Writing(nn.Module):
    def forward(self, x):
        return x.add_(1) * 2


def test_what_cannot_be_a_graph_is_named():
    x = torch.ones(2, 3)
    with pytest.raises(TypeError, match="a torch.nn.Module is expected; got function"):
        read_torch(lambda x: x, x)
    with pytest.raises(GraphError, match="Writing writes to x when it is called: an input"):
        read_torch(Writing(), x)
    with pytest.raises(GraphError, match="cannot follow Of"):
        read_torch(torch_nets.Of(lambda x: x if x.sum() > 0 else -x), x)
    with pytest.raises(UnknownOperatorError) as caught:
        read_torch(
            torch_nets.Of(lambda x: torch.linalg.eigh(x @ x.T)[0] + torch.special.i1(x[0, 0])), x
        )
    assert caught.value.missing.keys() == {("aten", "_linalg_eigh"), ("aten", "special_i1")}
