"""float32 means float32: what products and convolutions are told, and what is left as it was."""

from __future__ import annotations

import threading
from operator import attrgetter

import numpy as np
import pytest

import isozoo
from isozoo import config, layers, ops

from .cases import CASES

_random = np.random.default_rng(4)
IMAGES = _random.standard_normal((2, 6, 6, 4)).astype(np.float32)


def _network():
    """Every kind of product: convolutions (plain, pointwise, depthwise, transposed), dense."""
    return isozoo.Sequential(
        [
            isozoo.Input((6, 6, 4)),
            layers.Conv2D(5, 3),
            layers.Conv2D(4, 1),
            layers.DepthwiseConv2D(3),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def test_the_setting():
    assert config.float32_precision() == "float32"
    with config.use_float32_precision("tf32"):
        assert config.float32_precision() == "tf32"
        seen = []
        thread = threading.Thread(target=lambda: seen.append(config.float32_precision()))
        thread.start()
        thread.join()
        assert seen == ["float32"]
    config.set_float32_precision("bfloat16_3x")
    try:
        assert config.float32_precision() == "bfloat16_3x"
        with pytest.raises(ValueError, match="one of float32, bfloat16_3x, tf32; got 'half'"):
            config.set_float32_precision("half")
        assert config.float32_precision() == "bfloat16_3x"
    finally:
        config.set_float32_precision("float32")
    with pytest.raises(ValueError, match="got 'fp32'"), config.use_float32_precision("fp32"):
        pass


# JAX --------------------------------------------------------------------------------------------


def _products(jaxpr):
    """All products and convolutions in a program, those in inner programs too."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, list | tuple) else [value]:
                if hasattr(inner, "eqns"):
                    yield from _products(inner)
                elif hasattr(inner, "jaxpr"):
                    yield from _products(inner.jaxpr)


def _precisions(function, *args):
    """The precisions of the float32 products in a program, as text."""
    import jax

    found = set()
    for equation in _products(jax.make_jaxpr(function)(*args).jaxpr):
        if any(v.aval.dtype == np.float32 for v in equation.invars):
            value = equation.params["precision"]
            values = value if isinstance(value, tuple) else (value,)
            found |= {getattr(v, "name", str(v)) for v in values}
    return found


NAMES = {
    "float32": ({"HIGHEST"}, {"HIGHEST"}),
    "tf32": ({"DEFAULT"}, {"DEFAULT"}),
    "bfloat16_3x": ({"HIGHEST", "BF16_BF16_F32_X3"}, {"BF16_BF16_F32_X3"}),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_jax_program_carries_the_precision_forwards_and_backwards(name):
    jax = pytest.importorskip("jax")
    with isozoo.use_backend("jax"), config.use_float32_precision(name):
        net = _network()
        trainable, others = net.state_values()

        def loss(trainable, x):
            return ops.sum(ops.square(net.stateless_call(trainable, others, x)[0]))

        # The user's own switch decides nothing.
        with jax.default_matmul_precision("bfloat16"):
            assert _precisions(loss, trainable, IMAGES) == NAMES[name][0]
            assert _precisions(jax.grad(loss), trainable, IMAGES) == NAMES[name][0]
            query = np.ones((1, 3, 2, 4), np.float32)
            # (A function of its own: JAX keeps what it traced by function.)
            attend = _precisions(lambda q: ops.dot_product_attention(q, q, q), query)
            assert attend == NAMES[name][1]
        assert jax.config.jax_default_matmul_precision is None


# Ops of the table whose programs are products, and may be more in another version of JAX.
PRODUCTS = set(
    """conv conv_transpose corrcoef dense depthwise_conv dot dot_product_attention einsum inner
    matmul separable_conv tensordot vdot""".split()
)


def test_every_op_of_jax_with_products_carries_the_precision():
    jax = pytest.importorskip("jax")
    found = {}
    with isozoo.use_backend("jax"):
        for case in CASES:
            places = [
                i
                for i, x in enumerate(case.args)
                if isinstance(x, np.ndarray) and x.dtype == np.float32 and i not in case.fixed
            ]

            def run(*tensors, case=case, places=places):
                args = list(case.args)
                for place, tensor in zip(places, tensors, strict=True):
                    args[place] = tensor
                return attrgetter(case.op)(ops)(*args, **case.kwargs)

            try:
                names = _precisions(run, *(case.args[i] for i in places))
            except (jax.errors.JAXTypeError, jax.errors.JAXIndexError, TypeError, ValueError):
                continue  # the op reads values, or gives no tensors
            if names:
                found.setdefault(case.op, set()).update(names)
    assert found.keys() >= PRODUCTS, f"no products seen in {sorted(PRODUCTS - found.keys())}"
    assert {op: names for op, names in found.items() if names != {"HIGHEST"}} == {}


def test_shorter_dtypes_are_left_to_jax():
    pytest.importorskip("jax")
    with isozoo.use_backend("jax"):
        half = np.ones((2, 2), np.float16)
        import jax

        (product,) = _products(jax.make_jaxpr(ops.matmul)(half, half).jaxpr)
        assert product.params["precision"] is None


def test_a_compiled_model_follows_the_setting_and_its_own():
    pytest.importorskip("jax")
    with isozoo.use_backend("jax"):
        net = isozoo.Sequential([isozoo.Input((4,)), layers.Dense(3)])
        x = np.ones((2, 4), np.float32)

        def seen():
            return _precisions(lambda x: net(x), x)

        assert seen() == {"HIGHEST"}
        with config.use_float32_precision("tf32"):
            assert seen() == {"DEFAULT"}
            net.infer(x)
        net.infer(x)
        assert {key[2] for key in net._cache if key[0] == "compiled"} == {"tf32", "float32"}
        net.float32_precision = "tf32"
        assert seen() == {"DEFAULT"}
        assert config.float32_precision() == "float32"
        assert net.to_backend("jax").float32_precision == "tf32"


# PyTorch: the switches that a kernel sees, with a CPU's tensors in the place of a GPU's -----------


@pytest.fixture
def switches(monkeypatch):
    torch = pytest.importorskip("torch")
    from isozoo.framework.backends.torch import precision

    monkeypatch.setattr(precision, "watched", True)
    monkeypatch.setattr(precision, "is_guarded", lambda x: x.dtype is torch.float32)
    seen: list[tuple[str, ...]] = []

    class Recorder(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            name = function.__name__.partition(".")[0]
            if name in KERNELS:
                kind = "conv" if "conv" in name else "matmul"
                seen.append((name, "tf32" if precision.rounds(kind) else "ieee"))
            return function(*args, **(kwargs or {}))

    return seen, Recorder, precision


def _said(precision):
    return [s.fp32_precision for s in precision._SWITCHES.values()]


KERNELS = (
    "convolution mm addmm bmm baddbmm convolution_backward linear_backward "
    "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_attention_math "
    "conv1d conv2d conv3d linear matmul scaled_dot_product_attention"  # in inference mode
).split()


@pytest.mark.parametrize(("name", "wanted"), [("float32", "ieee"), ("tf32", "tf32")])
def test_torch_kernels_see_the_setting_forwards_and_backwards(switches, name, wanted):
    seen, Recorder, precision = switches
    before = _said(precision)
    with isozoo.use_backend("torch"):
        net = _network()
        import torch

        with config.use_float32_precision(name), Recorder():
            loss = ops.sum(net(torch.from_numpy(IMAGES)))
            forwards = len(seen)
            loss.backward()
    assert {kernel for kernel, *_ in seen[:forwards]} >= {"convolution"}
    assert len(seen) > forwards >= 4
    assert {found for _, found in seen} == {wanted}
    assert _said(precision) == before


@pytest.mark.parametrize("users", ["tf32", "ieee"])
@pytest.mark.parametrize(("name", "wanted"), [("float32", "ieee"), ("tf32", "tf32")])
def test_networks_of_torch_see_the_setting(switches, monkeypatch, name, wanted, users):
    """Whole networks with what is folded and fused in them, whatever the user's switches say."""
    from isozoo.framework.backends.torch import folding

    seen, Recorder, precision = switches
    monkeypatch.setattr(folding, "_HAS_ONEDNN", False)  # which is the CPU's
    own = _said(precision)
    for switch in precision._SWITCHES.values():
        switch.fp32_precision = users
    try:
        _check_networks(seen, Recorder, name, wanted)
        assert _said(precision) == [users] * 3
    finally:
        for switch, said in zip(precision._SWITCHES.values(), own, strict=True):
            switch.fp32_precision = said


def _check_networks(seen, Recorder, name, wanted):
    from isozoo import applications, nlp

    sizes = {"vocabulary_size": 20, "num_layers": 1, "num_heads": 2, "hidden_dim": 8}
    with isozoo.use_backend("torch"):
        nets = [
            (applications.ResNetBackbone(), np.ones((1, 32, 32, 3), np.float32)),
            (applications.EfficientNetLiteBackbone(), np.ones((1, 32, 32, 3), np.float32)),
            (nlp.BertBackbone(**sizes, intermediate_dim=16), {"token_ids": np.ones((1, 4), int)}),
            (nlp.LlamaBackbone(**sizes, intermediate_dim=16), {"token_ids": np.ones((1, 4), int)}),
        ]
        for net, inputs in nets:
            seen.clear()
            with config.use_float32_precision(name), Recorder():
                net.infer(inputs)
            assert len(seen) > 5 and {found for _, found in seen} == {wanted}, type(net)


def test_torchs_switches_are_put_back_after_an_error(switches):
    _, _, precision = switches
    before = _said(precision)
    with pytest.raises(ZeroDivisionError), precision.arithmetic("tf32"):
        assert _said(precision) == ["tf32"] * 3
        raise ZeroDivisionError
    assert _said(precision) == before


def test_guarded_convolutions_of_torch_have_the_same_gradients(switches, monkeypatch):
    import torch

    _, _, precision = switches
    with isozoo.use_backend("torch"):
        net = _network()
        results = []
        for guarded in (True, False):
            if not guarded:
                monkeypatch.setattr(precision, "is_guarded", lambda x: False)
            net.zero_grad()
            x = torch.from_numpy(IMAGES).requires_grad_()
            ops.sum(ops.square(net(x))).backward()
            results.append([x.grad, *(p.grad for p in net.parameters())])
    for one, other in zip(*results, strict=True):
        # The same kernels, so the same sums.
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-5)


def test_a_cpu_asks_nothing():
    torch = pytest.importorskip("torch")
    from isozoo.framework.backends.torch import precision

    assert not precision.is_guarded(torch.ones(2))


# TensorFlow: its one switch, where there are GPUs -------------------------------------------------


@pytest.mark.parametrize(("name", "wanted"), [("float32", False), ("tf32", True)])
def test_tensorflows_switch_is_set_while_a_model_infers(monkeypatch, name, wanted):
    tf = pytest.importorskip("tensorflow")
    from isozoo.framework.backends.tensorflow import precision

    monkeypatch.setattr(precision, "has_gpu", lambda: True)
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    before = enabled()
    with isozoo.use_backend("tensorflow"), config.use_float32_precision(name):
        with precision.arithmetic():
            assert enabled() is wanted
        assert enabled() is before
        with pytest.raises(ZeroDivisionError), precision.arithmetic():
            raise ZeroDivisionError
        assert enabled() is before
        net = isozoo.Sequential([isozoo.Input((4,)), layers.Dense(3)])
        seen = []
        monkeypatch.setattr(precision.tf.config.experimental,
                            "enable_tensor_float_32_execution", seen.append)  # fmt: skip
        net.infer(np.ones((2, 4), np.float32))
    assert seen == ([] if before is wanted else [wanted, before])
