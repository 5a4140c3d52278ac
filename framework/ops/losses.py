"""Crossentropies, element by element or sample by sample."""

from typing import Any

from .. import config, dtypes
from ..typing import TensorLike
from . import checks
from .dispatch import Tensor, together
from .errors import wrong
from .op import op


@op
def binary_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False
) -> Tensor:
    """Computes -(target * log(output) + (1 - target) * log(1 - output)), element by element.

    Both have one shape; the result has it too, in the dtype of `output`. Probabilities are clipped
    to [epsilon, 1 - epsilon] with `config.epsilon()`; with `from_logits`, `output` is what the
    sigmoid is to be taken of, and nothing is clipped.
    """
    backend, target, output, back = _prepared(target, output)
    checks.same_shape(backend, "target", target, "output", output)
    target = backend.cast(target, backend.dtype(output))
    rest = backend.subtract(1.0, target)
    if from_logits:
        hit = backend.softplus(backend.negative(output))
        miss = backend.softplus(output)
    else:
        output = _clipped(backend, output)
        hit = backend.negative(backend.log(output))
        miss = backend.negative(backend.log1p(backend.negative(output)))
    return back(backend.add(backend.multiply(target, hit), backend.multiply(rest, miss)))


@op
def categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Computes -sum(target * log(output)) along `axis`, which has one element for each class.

    Both have one shape; the result lacks `axis` and has the dtype of `output`. Probabilities are
    divided by their sum and clipped to [epsilon, 1 - epsilon] with `config.epsilon()`; with
    `from_logits`, `output` is what softmax is to be taken of, and nothing is clipped.
    """
    backend, target, output, back = _prepared(target, output)
    axis = _class_axis(backend, output, axis)
    checks.same_shape(backend, "target", target, "output", output)
    target = backend.cast(target, backend.dtype(output))
    logs = _log_probabilities(backend, output, from_logits, axis)
    return back(backend.negative(backend.sum(backend.multiply(target, logs), axis)))


@op
def sparse_categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Computes -log(output) at the class that `target` names along `axis`.

    Shapes: target is output's without `axis` (a last axis of one element more is left out), and so
    is the result, in the dtype of `output`. A class that does not exist gives zero. Probabilities
    and logits are those of `categorical_crossentropy`.
    """
    backend, target, output, back = _prepared(target, output)
    place = _class_axis(backend, output, axis)
    target = _without_last(backend, target, output)
    known = backend.static_shape(output)
    rest, given = known[:place] + known[place + 1 :], backend.static_shape(target)
    if len(given) != len(rest) or any(
        a != b and None not in (a, b) for a, b in zip(given, rest, strict=True)
    ):
        raise wrong("target", target, f"the shape {rest}: output's without its axis {axis}")
    logs = _log_probabilities(backend, output, from_logits, place)
    return back(_picked(backend, logs, backend.expand_dims(target, place), place))


def _picked(backend, logs, target, axis):
    """-logs at the classes `target`, which keep `axis`; zero for a class that does not exist."""
    if not dtypes.is_integer(backend.dtype(target)) or backend.dtype(target) != "int64":
        target = backend.cast(target, "int32")
    classes = backend.shape(logs)[axis]
    index = backend.clip(target, 0, classes - 1)
    found = backend.take_along_axis(logs, index, axis)
    loss = backend.where(backend.equal(index, target), backend.negative(found), 0.0)
    return backend.squeeze(loss, axis)


def _prepared(target, output) -> tuple[Any, Tensor, Tensor, Any]:
    """The backend, both tensors, `output` in a float dtype that holds epsilon, and the way back."""
    backend, (target, output) = together(target, output)
    if output.dtype not in backend.float_types:
        output = backend.cast(output, dtypes.floating(backend.dtype(output)))
    output, back = backend.in_single(output)
    return backend, target, output, back


def _class_axis(backend, output, axis) -> int:
    if not backend.static_shape(output):
        raise wrong("output", output, "an axis of classes: at least one axis")
    return checks.axis_of(backend, output, axis)


def _without_last(backend, target, output):
    shape = backend.static_shape(target)
    if len(shape) == len(output.shape) and shape[-1] == 1:
        return backend.squeeze(target, len(shape) - 1)
    return target


def _clipped(backend, x):
    epsilon = config.epsilon()
    return backend.clip(x, epsilon, 1.0 - epsilon)


def _log_probabilities(backend, output, from_logits, axis):
    if from_logits:
        return backend.log_softmax(output, axis)
    shares = backend.divide(output, backend.sum(output, axis, True))
    return backend.log(_clipped(backend, shares))
