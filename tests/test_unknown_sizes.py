"""Models traced with every size unknown, by the engine of each framework."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import isozoo
from isozoo.applications import EfficientNetLiteBackbone, ResNetBackbone
from isozoo.nlp import BertBackbone, WhisperBackbone

ENGINES = pytest.mark.parametrize("backend", ["jax", "torch", "tensorflow"], indirect=True)
MAX_LENGTH = 12
FRAMES = 40


def traced(backend: str, net: Any, samples: list[tuple], names: list[tuple]) -> Any:
    """`net` as a program of the backend's own tracer.

    Args:
        samples: arguments of calls.
        names: for each argument the names of its axes; a number is a size that is known.
    """
    first = samples[0]
    if backend == "tensorflow":
        import tensorflow as tf

        specs = [
            tf.TensorSpec([n if isinstance(n, int) else None for n in axes], x.dtype)
            for axes, x in zip(names, first, strict=True)
        ]
        return tf.function(net, input_signature=specs)
    if backend == "jax":
        import jax
        from jax import export

        scope = export.SymbolicScope()
        shapes = [export.symbolic_shape(", ".join(map(str, axes)), scope=scope) for axes in names]
        specs = [
            jax.ShapeDtypeStruct(shape, x.dtype) for shape, x in zip(shapes, first, strict=True)
        ]
        return export.export(jax.jit(net))(*specs).call
    import torch

    dims = tuple(
        {i: torch.export.Dim.DYNAMIC for i, n in enumerate(axes) if isinstance(n, str)}
        for axes in names
    )
    program = torch.export.export(net, tuple(map(torch.tensor, first)), dynamic_shapes=dims)
    module = program.module()
    return lambda *x: module(*map(torch.tensor, x))


def check(backend: str, net: Any, samples: list[tuple], names: list[tuple]) -> None:
    """The program computes what NumPy does, for samples of several shapes."""
    program = traced(backend, net, samples, names)
    reference = net.to_backend("numpy")
    for sample in samples:
        expected, found = _arrays(reference(*sample)), _arrays(program(*sample))
        assert len(expected) == len(found)
        for e, f in zip(expected, found, strict=True):
            np.testing.assert_allclose(f, e, rtol=0, atol=1e-5 * np.abs(e).max())


def _arrays(outputs: Any) -> list[np.ndarray]:
    values = [outputs[k] for k in sorted(outputs)] if isinstance(outputs, dict) else [outputs]
    return [isozoo.ops.convert_to_numpy(x) for x in values]


def floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


IMAGES = [(floats(2, 36, 43, 3),), (floats(3, 65, 34, 3),)]


def ids(*shape: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 50, shape).astype(np.int32)


@ENGINES
def test_bert(backend):
    net = BertBackbone(50, 1, 2, 8, 16, max_sequence_length=MAX_LENGTH)
    check(backend, net, [(ids(2, 5),), (ids(3, MAX_LENGTH),)], [("b", "l")])


@ENGINES
def test_whisper(backend):
    sizes = {"num_mels": 6, "max_encoder_sequence_length": FRAMES}
    net = WhisperBackbone(50, 1, 2, 8, 16, **sizes, max_decoder_sequence_length=MAX_LENGTH)
    samples = [(floats(2, 17, 6),), (floats(3, FRAMES, 6),)]
    check(backend, net.encoder, samples, [("b", "f", 6)])
    samples = [(ids(b, n), floats(b, m, 8)) for b, n, m in ((2, 5, 9), (3, MAX_LENGTH, 4))]
    check(backend, net.decoder, samples, [("b", "n"), ("b", "m", 8)])


@ENGINES
def test_resnet(backend):
    net = ResNetBackbone([4, 6], [1, 1], [1, 2], input_conv_filters=4)
    check(backend, net, IMAGES, [("b", "h", "w", 3)])


@ENGINES
def test_same_padding(backend):
    """What EfficientNet-Lite is made of, whose 33 blocks take the tracers half a minute."""
    layers = isozoo.layers
    net = isozoo.Sequential(
        [
            layers.DepthwiseConv2D(5, 2, padding="same"),
            layers.Conv2D(2, 1, padding="same"),
            layers.MaxPooling2D(3, 2, padding="same"),
        ]
    )
    net.build((None, None, None, 3))
    check(backend, net, IMAGES, [("b", "h", "w", 3)])


def test_efficientnet_lite():
    with isozoo.use_backend("tensorflow"):
        net = EfficientNetLiteBackbone(width_coefficient=0.1, depth_coefficient=0.1)
        check("tensorflow", net, IMAGES, [("b", "h", "w", 3)])


@pytest.mark.parametrize("backend", ["torch", "tensorflow"], indirect=True)
def test_too_many_tokens_are_an_error_of_the_program(backend):
    """JAX's programs cannot raise: the texts' vectors are NaN there."""
    net = BertBackbone(50, 1, 2, 8, 16, max_sequence_length=MAX_LENGTH)
    program = traced(backend, net, [(ids(2, 5),)], [("b", "l")])
    with pytest.raises(Exception, match="12|size|slice"):
        program(ids(2, MAX_LENGTH + 1))


def test_torch_compile():
    """One graph, up to the most tokens, where the table of positions is taken as it is."""
    import torch

    torch.compiler.reset()
    with isozoo.use_backend("torch"):
        net = BertBackbone(50, 1, 2, 8, 16, max_sequence_length=MAX_LENGTH)
        program = torch.compile(net, fullgraph=True, backend="eager", dynamic=True)
        for shape in ((2, 5), (3, MAX_LENGTH)):
            x = torch.tensor(ids(*shape))
            for name, expected in net(x).items():
                torch.testing.assert_close(program(x)[name], expected)
