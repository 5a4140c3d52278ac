"""Convolution, normalization, shortcut and activation in one, against torch in float64."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops
from isozoo.framework.core.symbolic import KerasTensor
from isozoo.framework.models.fused import conv_norm


def expected(x, conv, norm, activation=None, shortcut=None):
    """The same in float64, by torch's convolution and the formula of Ioffe & Szegedy (2015)."""
    import torch
    from torch.nn import functional as F

    kernel = conv.kernel.numpy().astype("float64")
    kernel = kernel.transpose(2, 3, 0, 1) if conv.depthwise else kernel.transpose(3, 2, 0, 1)
    kernel = torch.from_numpy(
        kernel.reshape(-1, 1, *kernel.shape[2:]) if conv.depthwise else kernel
    )
    groups = x.shape[-1] // kernel.shape[1]
    pads = conv.padding
    if pads in ("same", "valid"):
        pads = [
            (0, 0) if pads == "valid" else same(n, k, s, d)
            for n, k, s, d in zip(
                x.shape[1:3], conv.kernel_size, conv.strides, conv.dilation_rate, strict=True
            )
        ]
    tensor = torch.from_numpy(x.astype("float64")).permute(0, 3, 1, 2)
    tensor = F.pad(tensor, (*pads[1], *pads[0]))
    bias = None if conv.bias is None else torch.from_numpy(conv.bias.numpy().astype("float64"))
    y = F.conv2d(tensor, kernel, bias, conv.strides, 0, conv.dilation_rate, groups)
    y = y.permute(0, 2, 3, 1).numpy()
    y = (y - norm.moving_mean.numpy()) / np.sqrt(
        norm.moving_variance.numpy().astype("float64") + norm.epsilon
    )
    y = y if norm.gamma is None else y * norm.gamma.numpy()
    y = y if norm.beta is None else y + norm.beta.numpy()
    y = y if shortcut is None else y + shortcut
    return {None: y, "relu": y.clip(0), "relu6": y.clip(0, 6)}[activation]


def same(size, kernel, stride, dilation):
    """TensorFlow's "same": the odd zero goes behind."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def pair(conv, channels, outputs, seed=0, **settings):
    """The convolution and a normalization behind it, with random weights."""
    rng = np.random.default_rng(seed)
    conv.build((None, None, None, channels))
    norm = layers.BatchNormalization(epsilon=1e-5, **settings)
    norm.build((None, None, None, outputs))
    for variable in (*conv.variables, *norm.variables):
        variable.assign(rng.uniform(0.2, 1.5, variable.shape).astype("float32"))
    conv.kernel.assign(rng.normal(size=conv.kernel.shape).astype("float32"))
    return conv, norm


def close(found, want, tolerance=2e-6):
    found = ops.convert_to_numpy(found)
    assert found.shape == want.shape
    return np.abs(found - want).max() <= tolerance * max(np.abs(want).max(), 1)


def images(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def infer(conv, norm, x, *args):
    """As a model does it, without gradients."""

    class Both(isozoo.Model):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = conv, norm
            self.built = True

        def call(self, x, *shortcut):
            return conv_norm(self.conv, self.norm, x, *args[:1], *shortcut)

    return Both().infer(x, *args[1:])


FORMS = {
    "3x3": lambda: (layers.Conv2D(8, 3, padding="same"), 6, 8),
    "3x3 step 2 same": lambda: (layers.Conv2D(8, 3, 2, padding="same", use_bias=False), 6, 8),
    "1x1 step 2": lambda: (layers.Conv2D(8, 1, 2, use_bias=False), 6, 8),
    "1x1 padded": lambda: (layers.Conv2D(8, 1, padding=((1, 1), (0, 2))), 6, 8),
    "7x7 uneven pads": lambda: (layers.Conv2D(4, 7, 2, padding=((3, 2), (3, 3))), 3, 4),
    "dilated": lambda: (layers.Conv2D(8, 3, dilation_rate=2), 6, 8),
    "groups": lambda: (layers.Conv2D(8, 3, groups=2, padding="same"), 6, 8),
    "depthwise": lambda: (layers.DepthwiseConv2D(3, padding="same", use_bias=False), 6, 6),
    "depthwise step 2": lambda: (layers.DepthwiseConv2D(5, 2, padding="same"), 6, 6),
    "depthwise multiplied": lambda: (layers.DepthwiseConv2D(3, depth_multiplier=2), 6, 12),
    "depthwise dilated": lambda: (layers.DepthwiseConv2D(3, dilation_rate=(2, 2)), 6, 6),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form(backend, form):
    conv, channels, outputs = FORMS[form]()
    conv, norm = pair(conv, channels, outputs)
    x = images(2, 11, 14, channels)
    want = expected(x, conv, norm)
    assert close(conv_norm(conv, norm, ops.convert_to_tensor(x)), want)
    assert close(infer(conv, norm, x), want)


@pytest.mark.parametrize(
    "activation, shortcut", [*itertools.product([None, "relu", "relu6"], [0, 1])]
)
def test_activation_and_shortcut_leave_their_inputs_alone(backend, activation, shortcut):
    conv, norm = pair(layers.Conv2D(6, 3, padding="same"), 6, 6)
    x = images(2, 9, 9, 6)
    other = images(2, 9, 9, 6, seed=2) * 9 if shortcut else None
    want = expected(x, conv, norm, activation, other)
    kept = x.copy(), None if other is None else other.copy()
    extra = () if other is None else (other,)
    for _ in range(2):
        assert close(infer(conv, norm, x, activation, *extra), want)
    assert (x == kept[0]).all() and (other is None or (other == kept[1]).all())


def test_new_weights_are_seen(backend):
    conv, norm = pair(layers.Conv2D(6, 3, padding="same"), 6, 6)
    x = images(2, 9, 9, 6)
    for variable in (norm.gamma, norm.moving_variance, conv.kernel, conv.bias):
        infer(conv, norm, x)
        variable.assign(variable.numpy() * 1.5)
        assert close(infer(conv, norm, x), expected(x, conv, norm)), variable.name


def test_without_scale_and_offset_and_with_other_batches(backend):
    conv, norm = pair(layers.Conv2D(6, 3), 6, 6, scale=False, center=False)
    for shape in [(1, 9, 9, 6), (3, 9, 9, 6), (2, 4, 17, 6)]:
        x = images(*shape)
        assert close(infer(conv, norm, x), expected(x, conv, norm))


def test_symbols_do_not_spoil_what_is_kept(backend):
    conv, norm = pair(layers.Conv2D(6, 3), 6, 6)
    symbol = conv_norm(conv, norm, KerasTensor((None, 9, 9, 6), "float32"))
    assert symbol.shape == (None, 7, 7, 6)
    x = images(2, 9, 9, 6)
    assert close(infer(conv, norm, x), expected(x, conv, norm))


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)
@pytest.mark.parametrize("form", ["3x3", "1x1 step 2", "depthwise step 2", "depthwise multiplied"])
def test_gradients(backend, form):
    """Along one direction, against differences in float64."""
    conv, channels, outputs = FORMS[form]()
    conv, norm = pair(conv, channels, outputs)
    x, way = images(1, 8, 8, channels), images(1, 8, 8, channels, seed=5)
    out = expected(x, conv, norm).shape
    weights = images(*out, seed=6)

    def loss(x):
        y = conv_norm(conv, norm, x)
        return ops.sum(ops.multiply(y, ops.convert_to_tensor(weights)))

    _, gradient = ops.value_and_grad(loss)(ops.convert_to_tensor(x))
    step = 1e-3
    ends = [(expected(x + s * way, conv, norm) * weights).sum() for s in (step, -step)]
    slope = (ends[0] - ends[1]) / (2 * step)
    found = (ops.convert_to_numpy(gradient).astype("float64") * way).sum()
    assert abs(found - slope) <= 1e-3 * max(abs(slope), 1)


def test_another_activation_is_refused():
    with isozoo.use_backend("numpy"):
        conv, norm = pair(layers.Conv2D(6, 3), 6, 6)
        with pytest.raises(ValueError, match="'tanh'"):
            conv_norm(conv, norm, images(1, 9, 9, 6), "tanh")


def test_channels_that_do_not_fit_are_refused(backend):
    conv, norm = pair(layers.Conv2D(6, 3), 6, 6)
    with pytest.raises(ValueError, match="3 channels"):
        conv_norm(conv, norm, ops.convert_to_tensor(images(1, 9, 9, 3)))


def test_half_precision_depthwise_sums_in_single(backend):
    """The sum of 25 products is rounded once."""
    rng = np.random.default_rng(0)
    x, kernel = rng.uniform(1, 2, (1, 8, 8, 4)), rng.uniform(1, 2, (5, 5, 4, 1))
    x, kernel = x.astype("float16"), kernel.astype("float16")
    found = ops.convert_to_numpy(ops.depthwise_conv(x, kernel))
    windows = np.lib.stride_tricks.sliding_window_view(x.astype("float64"), (5, 5), (1, 2))
    want = np.einsum("bhwcij,ijcm->bhwcm", windows, kernel.astype("float64"))[..., 0]
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, want, rtol=1.5e-3)


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_transforms_of_torch_run(backend):
    import torch

    conv, norm = pair(layers.Conv2D(6, 3), 6, 6)
    x = torch.from_numpy(images(3, 2, 9, 9, 6))
    with torch.no_grad():
        mapped = torch.vmap(lambda x: conv_norm(conv, norm, x, "relu"))(x)
    want = expected(x.flatten(0, 1).numpy(), conv, norm, "relu")
    assert close(mapped.flatten(0, 1), want)
