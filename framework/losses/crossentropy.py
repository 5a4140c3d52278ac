"""Losses of predicted probabilities of classes, or of the logits that they come from."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np

from .. import config, ops
from ..core.masks import set_mask
from ..ops.dispatch import Tensor, together
from ..ops.dispatch import tensor as native
from .pairs import aligned, as_floats
from .wrapper import LossFunctionWrapper


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Returns the mean of -(t log(p) + (1 - t) log(1 - p)) along an axis.

    Args:
        y_true: targets t (samples, ..., d), from 0 to 1.
        y_pred: probabilities p (samples, ..., d), clipped to [epsilon, 1 - epsilon] with
            `config.epsilon()`; or logits.
        from_logits: whether y_pred are logits, of which the sigmoid is taken.
        label_smoothing: how far targets are moved towards 0.5: 1 becomes 1 - label_smoothing / 2.
        axis: along which the mean is taken.

    Returns:
        Tensor without that axis, in the dtype of y_pred. ValueError for different shapes.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    y_true = _towards_half(y_true, label_smoothing)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Returns the mean of (1 - q)^gamma times the binary crossentropy (Lin et al., 2017).

    q = t p + (1 - t) (1 - p) is the probability that the prediction gives to the target, so what is
    predicted well weighs little.

    Args:
        y_true: targets t (samples, ..., d), from 0 to 1.
        y_pred: probabilities p (samples, ..., d), or logits.
        apply_class_balancing: whether targets of 1 weigh alpha and those of 0 weigh 1 - alpha.
        alpha: weight of the targets of 1.
        gamma: how much less weighs what is predicted well; 0 leaves the crossentropy.
        from_logits: whether y_pred are logits, of which the sigmoid is taken.
        label_smoothing: how far targets are moved towards 0.5.
        axis: along which the mean is taken.

    Returns:
        Tensor without that axis, in the dtype of y_pred. ValueError for different shapes.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    y_true = _towards_half(y_true, label_smoothing)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    rest = ops.subtract(1.0, y_true)
    hit = ops.add(ops.multiply(y_true, y_pred), ops.multiply(rest, ops.subtract(1.0, y_pred)))
    focus = ops.power(ops.subtract(1.0, hit), gamma)
    if apply_class_balancing:
        weight = ops.add(ops.multiply(y_true, alpha), ops.multiply(rest, 1.0 - alpha))
        focus = ops.multiply(focus, weight)
    return ops.mean(ops.multiply(focus, ops.binary_crossentropy(y_true, y_pred)), axis=axis)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Returns -sum(t log(p)) along the axis of the classes.

    Args:
        y_true: targets t (samples, ..., classes), such as one-hot rows.
        y_pred: probabilities p (samples, ..., classes), which are divided by their sum and clipped
            to [epsilon, 1 - epsilon] with `config.epsilon()`; or logits.
        from_logits: whether y_pred are logits, of which the softmax is taken.
        label_smoothing: the share of the targets that is spread over all classes.
        axis: of the classes.

    Returns:
        Tensor without that axis, in the dtype of y_pred.

    Raises:
        ValueError: different shapes, or an axis that is no integer.
    """
    y_true, y_pred = _categorical("categorical_crossentropy", y_true, y_pred, axis)
    y_true = _towards_all(y_true, label_smoothing, axis)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits, axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Returns -sum(alpha (1 - p)^gamma t log(p)) along the axis of the classes.

    (Lin et al., 2017.)

    Args:
        y_true: targets t (samples, ..., classes), such as one-hot rows.
        y_pred: probabilities p (samples, ..., classes), which are divided by their sum and clipped
            to [epsilon, 1 - epsilon] with `config.epsilon()`; or logits.
        alpha: weight of all classes, or a list with one for each.
        gamma: how much less weighs what is predicted well.
        from_logits: whether y_pred are logits, of which the softmax is taken.
        label_smoothing: the share of the targets that is spread over all classes.
        axis: of the classes.

    Returns:
        Tensor without that axis, in the dtype of y_pred.

    Raises:
        ValueError: different shapes, or an axis that is no integer.
    """
    y_true, y_pred = _categorical("categorical_focal_crossentropy", y_true, y_pred, axis)
    y_true = _towards_all(y_true, label_smoothing, axis)
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    shares = ops.divide(y_pred, ops.sum(y_pred, axis=axis, keepdims=True))
    shares = ops.clip(shares, config.epsilon(), 1.0 - config.epsilon())
    if isinstance(alpha, list | tuple):
        alpha = ops.convert_to_tensor(alpha, ops.dtype(shares))
    focus = ops.multiply(ops.power(ops.subtract(1.0, shares), gamma), alpha)
    parts = ops.multiply(focus, ops.multiply(y_true, ops.log(shares)))
    return ops.negative(ops.sum(parts, axis=axis))


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """Returns -log(p) of the class that each target names.

    Args:
        y_true: numbers of classes (samples, ...); an axis of size 1 in the place of `axis` more is
            dropped.
        y_pred: probabilities p (samples, ..., classes), which are divided by their sum and clipped
            to [epsilon, 1 - epsilon] with `config.epsilon()`; or logits.
        from_logits: whether y_pred are logits, of which the softmax is taken.
        ignore_class: a class whose samples get the loss 0, and the mask False.
        axis: of the classes.

    Returns:
        Tensor (samples, ...), in the dtype of y_pred. In a compiled program, where targets cannot
        be looked at, one that names no class gives 0.

    Raises:
        ValueError: a target that names no class, or shapes that do not fit.
    """
    _, (y_true, y_pred) = together(y_true, y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis=axis)
    _check_classes(y_true, y_pred, ignore_class, axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)
    valid = ops.not_equal(y_true, ignore_class)
    y_true = ops.where(valid, y_true, 0)
    y_pred = ops.where(ops.expand_dims(valid, axis), y_pred, 0)
    loss = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)
    loss = ops.where(valid, loss, 0)
    set_mask(loss, valid)
    return loss


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Tensor:
    """Returns (1 - p^q) / q of the class that each target names (Zhang and Sabuncu, 2018).

    Between crossentropy (q towards 0) and the size of the error (q = 1): wrong targets harm less.

    Args:
        y_true: numbers of classes (samples, ...).
        y_pred: probabilities p (samples, ..., classes).
        q: between 0 and 1.

    Returns:
        Tensor (samples, ...), in the dtype of y_pred.
    """
    _, (y_true, y_pred) = together(y_true, y_pred)
    hits = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=ops.dtype(y_pred))
    shares = ops.sum(ops.multiply(y_pred, hits), axis=-1)
    return ops.divide(ops.subtract(1.0, ops.power(shares, q)), q)


def _towards_half(y_true: Tensor, label_smoothing: float) -> Tensor:
    if not label_smoothing:
        return y_true
    return ops.add(ops.multiply(y_true, 1.0 - label_smoothing), 0.5 * label_smoothing)


def _towards_all(y_true: Tensor, label_smoothing: float, axis: int) -> Tensor:
    if not label_smoothing:
        return y_true
    classes = y_true.shape[axis]
    if classes is None:
        classes = ops.sum(ops.ones_like(y_true), axis=axis, keepdims=True)
    spread = ops.divide(label_smoothing, classes)
    return ops.add(ops.multiply(y_true, 1.0 - label_smoothing), ops.cast(spread, y_true.dtype))


def _categorical(name: str, y_true: Any, y_pred: Any, axis: Any) -> tuple[Tensor, Tensor]:
    if isinstance(axis, bool):
        raise ValueError(f"`axis` must be of type `int`. Received: axis={axis} of type bool")
    y_true, y_pred = as_floats(y_true, y_pred)
    if y_pred.shape[-1] == 1:
        warnings.warn(
            f"In loss {name}, expected y_pred.shape to be (batch_size, num_classes) with "
            f"num_classes > 1. Received: y_pred.shape={tuple(y_pred.shape)}. Consider using "
            "'binary_crossentropy' if you only have 2 classes.",
            SyntaxWarning,
            stacklevel=3,
        )
    return y_true, y_pred


def _check_classes(y_true: Tensor, y_pred: Tensor, ignored: int | None, axis: int) -> None:
    """ValueError for a target that names no class, where the host has the values."""
    backend, y_true = native(y_true)
    classes = y_pred.shape[axis]
    if not backend.symbolic and classes is not None:
        backend.peeked(y_true, partial(_refuse_classes, classes, ignored))


def _refuse_classes(classes: int, ignored: int | None, found: np.ndarray) -> None:
    wrong = found[(found < 0) | (found >= classes)]
    if ignored is not None:
        wrong = wrong[wrong != ignored]
    if wrong.size:
        raise ValueError(
            f"The targets name class {wrong[0]:g}, and the predictions have {classes} classes, "
            f"from 0 to {classes - 1}. Give a target for each sample out of these; samples that "
            "are not to count have one class of their own, which is given as `ignore_class`."
        )


class BinaryCrossentropy(LossFunctionWrapper):
    """The crossentropy of two classes; see `binary_crossentropy` for the formula, and Loss.

    Args:
        from_logits: whether predictions are logits.
        label_smoothing: how far targets are moved towards 0.5.
        axis: along which the mean is taken.
        reduction: as in Loss.
        name: as in Loss.
        dtype: as in Loss.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        settings = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_crossentropy, reduction, name, dtype, **settings)


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """The crossentropy of two classes, with less weight on what is predicted well.

    See `binary_focal_crossentropy` for the formula, and Loss.

    Args:
        apply_class_balancing: whether targets of 1 weigh alpha and those of 0 weigh 1 - alpha.
        alpha: weight of the targets of 1.
        gamma: how much less weighs what is predicted well.
        from_logits: whether predictions are logits.
        label_smoothing: how far targets are moved towards 0.5.
        axis: along which the mean is taken.
        reduction: as in Loss.
        name: as in Loss.
        dtype: as in Loss.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy, reduction, name, dtype,
            apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalCrossentropy(LossFunctionWrapper):
    """The crossentropy of several classes; see `categorical_crossentropy`, and Loss.

    Args:
        from_logits: whether predictions are logits.
        label_smoothing: the share of the targets that is spread over all classes.
        axis: of the classes.
        reduction: as in Loss.
        name: as in Loss.
        dtype: as in Loss.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        settings = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, reduction, name, dtype, **settings)


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """The crossentropy of several classes, with less weight on what is predicted well.

    See `categorical_focal_crossentropy` for the formula, and Loss.

    Args:
        alpha: weight of all classes, or a list with one for each.
        gamma: how much less weighs what is predicted well.
        from_logits: whether predictions are logits.
        label_smoothing: the share of the targets that is spread over all classes.
        axis: of the classes.
        reduction: as in Loss.
        name: as in Loss.
        dtype: as in Loss.
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy, reduction, name, dtype, alpha=alpha, gamma=gamma,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """The crossentropy of targets that are numbers of classes; see Loss.

    See `sparse_categorical_crossentropy` for the formula.

    Args:
        from_logits: whether predictions are logits.
        ignore_class: a class whose samples do not count.
        reduction: as in Loss.
        axis: of the classes.
        name: as in Loss.
        dtype: as in Loss.
    """

    _takes_classes = True

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        settings = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, **settings)


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """A crossentropy of numbers of classes that wrong targets harm less; see Loss.

    See `categorical_generalized_cross_entropy` for the formula.

    Args:
        q: between 0 and 1: near to 0 it is crossentropy, near to 1 the size of the error.
        reduction: as in Loss.
        name: as in Loss.
        dtype: as in Loss.

    Raises:
        ValueError: q out of its range.
    """

    _takes_classes = True

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"q must be in the interval (0, 1). Received: q={q}")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)
