"""Activation functions by name, as Keras has them: those of `ops`, and three made of them."""

from collections.abc import Callable
from typing import Any

from .. import configs, ops
from ..named import Names
from ..typing import Tensor, TensorLike

elu, selu, celu, relu6, leaky_relu = ops.elu, ops.selu, ops.celu, ops.relu6, ops.leaky_relu
silu, swish, glu = ops.silu, ops.silu, ops.glu
sigmoid, log_sigmoid, sparse_sigmoid = ops.sigmoid, ops.log_sigmoid, ops.sparse_sigmoid
softplus, sparse_plus, squareplus, softsign = (
    ops.softplus, ops.sparse_plus, ops.squareplus, ops.softsign,
)  # fmt: skip
hard_sigmoid, hard_silu, hard_swish = ops.hard_sigmoid, ops.hard_silu, ops.hard_silu
hard_tanh, hard_shrink, soft_shrink = ops.hard_tanh, ops.hard_shrink, ops.soft_shrink
tanh_shrink, threshold = ops.tanh_shrink, ops.threshold
softmax, log_softmax, sparsemax = ops.softmax, ops.log_softmax, ops.sparsemax
tanh, exponential = ops.tanh, ops.exp


def linear(x: TensorLike) -> Tensor:
    """Returns x itself."""
    return x


def relu(
    x: TensorLike,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Tensor:
    """Returns x above `threshold`, but no more than `max_value`; else negative_slope * (x -
    threshold).

    With the defaults max(x, 0).
    """
    if negative_slope == 0.0 and threshold == 0.0 and max_value in (None, 6):
        return ops.relu(x) if max_value is None else ops.relu6(x)
    y = x if max_value is None else ops.minimum(x, max_value)
    # Of an infinite x, a slope of zero would make NaN.
    below = ops.multiply(ops.subtract(x, threshold), negative_slope) if negative_slope else 0
    return ops.where(ops.less_equal(x, threshold), below, y)


def gelu(x: TensorLike, approximate: bool = False) -> Tensor:
    """Returns the Gaussian error linear unit; exact unless `approximate` (by tanh), as in Keras."""
    return ops.gelu(x, approximate)


def mish(x: TensorLike) -> Tensor:
    """Computes x * tanh(softplus(x)) (Misra 2019)."""
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    linear, relu, relu6, leaky_relu, elu, selu, celu, gelu, silu, glu, mish, sigmoid, log_sigmoid,
    sparse_sigmoid, hard_sigmoid, hard_silu, softplus, sparse_plus, squareplus, softsign, tanh,
    hard_tanh, hard_shrink, soft_shrink, tanh_shrink, threshold, softmax, log_softmax, sparsemax,
)  # fmt: skip
_NAMES: dict[str, Callable[..., Any]] = {
    **{function.__name__: function for function in _FUNCTIONS},
    "exponential": exponential,
    "swish": silu,
    "hard_swish": hard_silu,
}

_kinds = Names("activation", _NAMES)
_KEEPING = set(_NAMES.values()) - {glu, threshold}


def keeps_shape(activation: Any) -> bool:
    """Whether an activation is known to give floats of the shape and dtype of those it gets."""
    return any(activation is known for known in _KEEPING)


def get(identifier: Any) -> Callable[..., Any]:
    """Returns the activation of a name or config; `linear` for None; a callable as it is.

    ValueError, with the names there are, for an unknown name.
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    return _kinds.get(identifier)


def serialize(activation: Any) -> Any:
    """Returns the name by which `get` finds an activation, or the config of a layer or of a
    registered function.

    Raises:
        ValueError: a function that is neither here nor registered.
    """
    name = _kinds.name_of(activation)
    if name is not None:
        return name
    try:
        return configs.serialize(activation)
    except TypeError:
        raise ValueError(
            f"Unknown activation function {activation!r} is none of isozoo's activations, and has "
            "no registered name: decorate it with `register_keras_serializable()`. They are: "
            f"{', '.join(_NAMES)}."
        ) from None


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Returns the activation that `serialize` described; `custom_objects` has more names."""
    return _kinds.deserialize(config, custom_objects)
