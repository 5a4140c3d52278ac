"""ONNX's draws at random: other ones at each call, from the model's seed generator.

Definition: github.com/onnx/onnx, docs/Operators.md. The bits are this package's own (Philox), the
same on every backend; a seed in the file is not used, since what it stands for is nobody's
definition.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ..calls import Call, dtype_of, shape_of
from ..registry import rule


def _made(call: Call, x: Any, default: str = "float32") -> Any:
    return ops.cast(x, call.dtype(call.get("dtype") or default))


def _uniform(call: Call, shape: Any, default: str) -> Any:
    low, high = call.get("low", 0.0), call.get("high", 1.0)
    draws = call.run.draw(call, shape)
    return _made(call, ops.add(ops.multiply(draws, high - low), low), default)


def _normal(call: Call, shape: Any, default: str) -> Any:
    # Box and Muller 1958, from two uniform draws.
    first = ops.subtract(1.0, call.run.draw(call, shape))
    second = call.run.draw(call, shape)
    draws = ops.multiply(
        ops.sqrt(ops.multiply(ops.log(first), -2.0)), ops.cos(ops.multiply(second, 2 * np.pi))
    )
    scaled = ops.add(ops.multiply(draws, call.get("scale", 1.0)), call.get("mean", 0.0))
    return _made(call, scaled, default)


@rule("RandomUniform", pure=False)
def _random_uniform(call: Call) -> Any:
    return _uniform(call, _shape(call), "float32")


@rule("RandomNormal", pure=False)
def _random_normal(call: Call) -> Any:
    return _normal(call, _shape(call), "float32")


def _shape(call: Call) -> list[int]:
    shape = [int(n) for n in call.get("shape") or ()]
    call.limit(int(np.prod(shape, dtype=object)) if shape else 1)
    return shape


def _like(x: Any) -> str:
    dtype = dtype_of(x)
    return dtype if "float" in dtype else "float32"


@rule("RandomUniformLike", pure=False)
def _random_uniform_like(call: Call, x: Any) -> Any:
    return _uniform(call, shape_of(x), _like(x))


@rule("RandomNormalLike", pure=False)
def _random_normal_like(call: Call, x: Any) -> Any:
    return _normal(call, shape_of(x), _like(x))


@rule("Bernoulli", pure=False)
def _bernoulli(call: Call, x: Any) -> Any:
    return _made(call, ops.less(call.run.draw(call, shape_of(x)), x), dtype_of(x))


@rule("Multinomial", pure=False)
def _multinomial(call: Call, x: Any) -> Any:
    """(batch, samples): classes by their unnormalized logarithms (batch, classes)."""
    count = call.get("sample_size", 1)
    ends = ops.cumsum(ops.softmax(x, -1), -1)
    draws = call.run.draw(call, (shape_of(x)[0], count))
    above = ops.greater_equal(ops.expand_dims(draws, -1), ops.expand_dims(ends, 1))
    found = ops.minimum(ops.sum(ops.cast(above, "int32"), -1), shape_of(x)[1] - 1)
    return _made(call, found, "int32")
