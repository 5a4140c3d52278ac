"""ONNX's steps of optimizers.

Definition: github.com/onnx/onnx, docs/Operators.md, domain ai.onnx.preview.training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import ops
from ..calls import Call
from ..registry import rule

_DOMAIN = "ai.onnx.preview.training"


def _each(call: Call, given: tuple, groups: int, step: Callable[..., tuple[Any, ...]]) -> tuple:
    """Applies `step` to each tensor with its gradient and what is kept of it."""
    count = len(given) // groups
    if count * groups != len(given):
        raise call.wrong(f"its inputs do not come in groups of {groups}")
    rows = [step(*(given[n + part * count] for part in range(groups))) for n in range(count)]
    return tuple(row[n] for n in range(len(rows[0]) if rows else 0) for row in rows)


def _with_decay(call: Call, x: Any, gradient: Any) -> Any:
    return ops.add(ops.multiply(x, call.get("norm_coefficient", 0.0)), gradient)


@rule("Adagrad", domain=_DOMAIN)
def _adagrad(call: Call, rate: Any, number: Any, *given: Any) -> Any:
    decay, epsilon = call.get("decay_factor", 0.0), call.get("epsilon", 0.0)
    rate = ops.divide(rate, ops.add(1.0, ops.multiply(ops.cast(number, "float32"), decay)))

    def step(x: Any, gradient: Any, squares: Any) -> tuple[Any, Any]:
        gradient = _with_decay(call, x, gradient)
        squares = ops.add(squares, ops.square(gradient))
        scale = ops.add(ops.sqrt(squares), epsilon)
        return ops.subtract(x, ops.divide(ops.multiply(rate, gradient), scale)), squares

    return _each(call, given, 3, step)


@rule("Momentum", domain=_DOMAIN)
def _momentum(call: Call, rate: Any, number: Any, *given: Any) -> Any:
    alpha, beta = call.get("alpha"), call.get("beta")
    # The first step takes the gradient whole.
    beta = ops.where(ops.greater(number, 0), beta, 1.0)
    nesterov = call.get("mode") == "nesterov"

    def step(x: Any, gradient: Any, momentum: Any) -> tuple[Any, Any]:
        gradient = _with_decay(call, x, gradient)
        momentum = ops.add(ops.multiply(momentum, alpha), ops.multiply(gradient, beta))
        way = ops.add(gradient, ops.multiply(momentum, alpha)) if nesterov else momentum
        return ops.subtract(x, ops.multiply(rate, way)), momentum

    return _each(call, given, 3, step)


@rule("Adam", domain=_DOMAIN)
def _adam(call: Call, rate: Any, number: Any, *given: Any) -> Any:
    alpha, beta = call.get("alpha", 0.9), call.get("beta", 0.999)
    epsilon, after = call.get("epsilon", 0.0), call.get("norm_coefficient_post", 0.0)
    steps = ops.cast(number, "float32")
    corrected = ops.divide(
        ops.sqrt(ops.subtract(1.0, ops.power(beta, steps))),
        ops.subtract(1.0, ops.power(alpha, steps)),
    )
    rate = ops.where(ops.greater(number, 0), ops.multiply(rate, corrected), rate)

    def step(x: Any, gradient: Any, mean: Any, square: Any) -> tuple[Any, Any, Any]:
        gradient = _with_decay(call, x, gradient)
        mean = ops.add(ops.multiply(mean, alpha), ops.multiply(gradient, 1 - alpha))
        square = ops.add(ops.multiply(square, beta), ops.multiply(ops.square(gradient), 1 - beta))
        way = ops.divide(ops.multiply(rate, mean), ops.add(ops.sqrt(square), epsilon))
        return ops.multiply(ops.subtract(x, way), 1 - after), mean, square

    return _each(call, given, 4, step)
