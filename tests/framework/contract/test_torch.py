"""Rows on torch: a layer is an `nn.Module`, whose tools work on it."""

from __future__ import annotations

import abc
import copy
import io

import numpy as np
import pytest

from isozoo import Layer, Model, layers, ops
from isozoo.framework.models.fused import conv_norm

from .cases import ALL, ROWS, STATEFUL, over
from .helpers import (
    SUMS,
    all_layers,
    arrays,
    built,
    changeable,
    fresh,
    randomize,
    run,
    same,
    symbols,
    values,
)
from .user_layers import Net

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parametrize("backend", ["torch"], indirect=True)

FLOATS = [case for case in ALL if case.arrays()[0].dtype == np.float32]

TRAINED = """Dense Embedding Conv1D Conv2D DepthwiseConv2D LayerNormalization BatchNormalization
             DenseAttention user_Scale subclassed sharing described functional sequential""".split()
EXPORTED = "Dense BatchNormalization DenseAttention subclassed functional sequential".split()
WEIGHED = [case for case in ALL if case.name in TRAINED]


def _tensors(case):
    return case.mapped(torch.from_numpy)


@over(STATEFUL)
def test_parameters_are_the_trainable_variables(case, backend):
    layer = built(case)
    assert isinstance(layer, torch.nn.Module)
    trained = {v.path: v.native for v in layer.trainable_variables}
    given = dict(layer.named_parameters())
    assert list(given) == list(trained)
    assert all(given[path] is native for path, native in trained.items())
    assert all(p.requires_grad for p in layer.parameters())
    rest = layer.weights_by_path().keys() - trained.keys()
    buffers = {name for name, _ in layer.named_buffers() if "states" not in name}
    assert buffers == rest
    # As torch has it, a layer with two names is there twice.
    state = {name: x.data_ptr() for name, x in layer.state_dict().items() if "states" not in name}
    assert layer.weights_by_path().keys() <= set(state)
    assert set(state.values()) == {v.native.data_ptr() for v in layer.weights}
    assert not any(buffer.requires_grad for buffer in layer.buffers())


@over(STATEFUL)
def test_gradients_reach_every_parameter(case, backend):
    layer = built(case)
    outputs = layer(*_tensors(case), training=True)
    tensors = outputs.values() if isinstance(outputs, dict) else [outputs]
    sum((x * x).sum() for x in tensors if x.requires_grad or layer.trainable_variables).backward() \
        if layer.trainable_variables else None  # fmt: skip
    assert all(p.grad is not None and p.grad.shape == p.shape for p in layer.parameters())
    assert all(v.grad is v.native.grad for v in layer.trainable_variables)


@over(FLOATS)
def test_half_double_and_to(case, backend):
    layer = built(case)
    expected = run(layer, case)
    for change, name in (
        (lambda x: x.double(), "float64"),
        (lambda x: x.half(), "float16"),
        (lambda x: x.to(torch.bfloat16), "bfloat16"),
        (lambda x: x.float(), "float32"),
    ):
        assert change(layer) is layer
        assert {v.dtype for v in layer.weights} <= {name}
        outputs = layer(*case.inputs)
        tensors = outputs.values() if isinstance(outputs, dict) else [outputs]
        assert {ops.dtype(x) for x in tensors} == {name}
        assert {inner.compute_dtype for inner in all_layers(layer)} == {name}
        if name == "float64":
            wide = {key: x.astype(np.float32) for key, x in arrays(outputs).items()}
            same(wide, expected, SUMS)


@over(STATEFUL)
def test_state_dict_and_the_layer_itself_are_saved(case, backend):
    layer, other = built(case), fresh(case)
    expected = run(layer, case)
    whole, state = io.BytesIO(), io.BytesIO()
    torch.save(layer, whole)
    torch.save(layer.state_dict(), state)
    whole.seek(0)
    state.seek(0)
    again = torch.load(whole, weights_only=False)
    same(run(again, case), expected)
    assert not changeable(again).keys() & changeable(layer).keys()
    other(*case.inputs)
    other.load_state_dict(torch.load(state, weights_only=True))
    same(run(other, case), expected)


@over(ALL)
def test_hooks_run_on_every_call_and_can_change_it(case, backend):
    layer, seen = built(case), []
    layer.register_forward_pre_hook(lambda module, args: seen.append("before"))
    handle = layer.register_forward_hook(lambda module, args, outputs: seen.append("after"))
    run(layer, case)
    layer(*symbols(case))  # where there is nothing to see
    run(layer, case)
    assert seen == ["before", "after"] * 2
    handle.remove()
    layer.register_forward_hook(lambda module, args, outputs: 7)
    assert layer(*case.inputs) == 7


@over(WEIGHED)
def test_averaged_model(case, backend):
    layer = built(case)
    averaged = torch.optim.swa_utils.AveragedModel(layer)
    averaged.update_parameters(layer)
    before = {k: np.array(v) for k, v in values(averaged.module).items()}
    for p in layer.parameters():
        p.data.add_(2.0)
    averaged.update_parameters(layer)
    for path, value in values(averaged.module).items():
        if path in dict(layer.named_parameters()):
            np.testing.assert_allclose(value, before[path] + 1, rtol=2**-22)
    assert {k: v.shape for k, v in run(averaged.module, case).items()} == {
        k: v.shape for k, v in run(layer, case).items()
    }


@over(STATEFUL)
def test_functional_call_swaps_the_weights(case, backend):
    layer, other = built(case), built(case)
    for v in other.trainable_variables:
        v.assign(v.numpy() * 0.5)
    expected, before = run(other, case), run(layer, case)
    swapped = {name: p.detach() * 0.5 for name, p in layer.named_parameters()}
    with torch.no_grad():
        got = torch.func.functional_call(layer, swapped, tuple(_tensors(case)))
    same(arrays(got), expected, SUMS)  # without gradients torch's GRU takes another kernel
    if case.name != "sharing":  # torch 2.13 leaves a module of two names with the swapped weights
        same(run(layer, case), before)


@over([case for case in WEIGHED if case.name in EXPORTED])
def test_exported_program_takes_other_batches(case, backend):
    """`forward` has the names of `call`, so that dynamic shapes go by them."""
    layer = built(case)
    names = list(layer._call_signature.names)[: len(case.inputs)]
    batch = torch.export.Dim("batch", min=2, max=64)
    args = tuple(torch.cat([x, x]) for x in _tensors(case))
    shapes = {name: {0: batch} for name in names}
    with torch.no_grad():
        program = torch.export.export(layer, args, dynamic_shapes=shapes)
        got = program.module()(*_tensors(case))
    same(arrays(got), run(layer, case), SUMS)


# Parts of torch's own ---------------------------------------------------------------------------


class Mixed(Layer):
    """A layer with a module and a parameter of torch's own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.linear = torch.nn.Linear(4, 2)
        self.scale = torch.nn.Parameter(torch.ones(2))
        self.register_buffer("offset", torch.zeros(2))
        self.dense = layers.Dense(2, input_dim=2)

    def call(self, x):
        return self.dense(self.linear(x) * self.scale + self.offset)


PARTS = {"linear.weight", "linear.bias", "scale", "dense.kernel", "dense.bias"}


def test_modules_and_parameters_of_torch_are_parts(backend):
    layer = Mixed()
    assert {name for name, _ in layer.named_parameters()} == PARTS
    assert set(layer.state_dict()) == PARTS | {"offset"}
    assert {v.path for v in layer.trainable_variables} == PARTS
    layer(torch.from_numpy(ROWS[0])).sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
    layer.double()
    assert layer(ROWS[0]).dtype == torch.float64


@pytest.mark.parametrize(
    "way", [copy.deepcopy, lambda x: torch.load(_saved(x), weights_only=False)]
)
def test_modules_of_torch_are_copied(way, backend):
    layer = Mixed()
    made = way(layer)
    assert {name for name, _ in made.named_parameters()} == PARTS
    same(arrays(made(ROWS[0])), arrays(layer(ROWS[0])))
    made.linear.weight.data.zero_()
    assert layer.linear.weight.any()


def _saved(x):
    file = io.BytesIO()
    torch.save(x, file)
    file.seek(0)
    return file


def test_modules_of_torch_exist_on_no_other_backend(backend):
    with pytest.raises(TypeError, match="scale is a part of the torch framework's own"):
        Mixed().to_backend("numpy")


def test_freezing_reaches_modules_of_torch(backend):
    layer = Mixed()
    layer.trainable = False
    assert not any(p.requires_grad for p in layer.parameters())
    layer.trainable = True
    assert {n for n, p in layer.named_parameters() if p.requires_grad} == PARTS


def test_replaced_module_is_called(backend):
    """As LoRA and quantization do it: a child is put in another's place."""
    net = Net()
    net(ROWS[0])
    net.stem = torch.nn.Linear(4, 5)
    assert "stem.weight" in net.state_dict()
    assert "stem.kernel" not in net.state_dict()
    net(ROWS[0])
    dense = layers.Dense(5, input_dim=5)
    setattr(net.get_submodule("_blocks"), "0", dense)
    assert net._blocks[0] is dense
    assert net.state_dict()["_blocks.0.kernel"] is not None


# Convolution and normalization in one -------------------------------------------------------------


class ConvNorm(Model):
    """A convolution and a normalization, which inference may compute in one."""

    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(2, 3, use_bias=False)
        self.norm = layers.BatchNormalization()

    def call(self, x):
        return conv_norm(self.conv, self.norm, x)


IMAGE = np.random.default_rng(0).standard_normal((1, 5, 5, 2)).astype(np.float32)


def _conv_norm():
    net = ConvNorm()
    net(IMAGE)
    randomize(net)
    return net


def test_hooks_of_fused_layers_run(backend):
    net, seen = _conv_norm(), []
    with torch.no_grad():
        expected = net(IMAGE)
        for layer in (net.conv, net.norm):
            layer.register_forward_hook(lambda m, args, y: seen.append(type(m).__name__))
            layer.register_forward_pre_hook(lambda m, args: seen.append("pre"))
        np.testing.assert_allclose(net(IMAGE), expected, rtol=0, atol=SUMS * 10)
    assert seen == ["pre", "Conv2D", "pre", "BatchNormalization"]


def test_replaced_convolution_is_called(backend):
    class Twice(layers.Conv2D):
        def call(self, x):
            return ops.multiply(super().call(x), 2)

    net = _conv_norm()
    net.norm.moving_mean.assign(np.zeros(2))
    net.norm.beta.assign(np.zeros(2))
    with torch.no_grad():
        expected = 2 * net(IMAGE)
        twice = Twice(2, 3, use_bias=False, input_shape=(5, 5, 2))
        twice.set_weights(net.conv.get_weights())
        net.conv = twice
        np.testing.assert_allclose(net(IMAGE), expected, rtol=0, atol=SUMS * 10)


@pytest.mark.parametrize("guard", [torch.inference_mode, torch.no_grad])
def test_layers_made_without_autograd(guard, backend):
    with guard():
        net = _conv_norm()
        first = net(IMAGE)
    with torch.inference_mode():
        np.testing.assert_allclose(net(IMAGE), first, rtol=0, atol=SUMS * 10)
    with torch.no_grad():
        np.testing.assert_allclose(net(IMAGE), first, rtol=0, atol=SUMS * 10)
    np.testing.assert_allclose(net.infer(IMAGE), first, rtol=0, atol=SUMS * 10)


# Classes ------------------------------------------------------------------------------------------


def test_module_methods_of_a_users_class_win(backend):
    class Own(Layer):
        def forward(self, x):
            return self.call(x) + 1

        def call(self, x):
            return x * 2

    assert Own()(torch.ones(1)) == 3


def test_abstract_layers(backend):
    class Abstract(Layer, abc.ABC):
        @abc.abstractmethod
        def call(self, x): ...

    class Concrete(Abstract):
        def call(self, x):
            return x

    assert Concrete()(torch.ones(1)) == 1
    with pytest.raises(TypeError, match="abstract"):
        Abstract()


def test_sequential_of_torch_holds_layers(backend):
    net = torch.nn.Sequential(layers.Dense(3, input_dim=4), torch.nn.ReLU(), layers.Dense(1))
    assert net(torch.from_numpy(ROWS[0])).shape == (3, 1)
    assert len(list(net.parameters())) == 4
    made = copy.deepcopy(net)
    same(arrays(made(torch.from_numpy(ROWS[0]))), arrays(net(torch.from_numpy(ROWS[0]))))
