"""Weights of rows: from weights of classes, and one array of them for several outputs."""

from typing import Any

import numpy as np

from ... import config
from ...nested import flatten, map_structure

BOTH = (
    "You cannot specify `class_weight` and `sample_weight` at the same time: multiply the classes' "
    "weights into `sample_weight`."
)


def checked_class_weight(class_weight: Any) -> dict[int, float] | None:
    """Returns weights of classes with plain ints and floats.

    Args:
        class_weight: class -> weight, or None.

    Raises:
        ValueError: something else than a dict from whole numbers to numbers.
    """
    if class_weight is None:
        return None
    try:
        if not isinstance(class_weight, dict) or any(int(k) != k for k in class_weight):
            raise ValueError
        return {int(key): float(value) for key, value in class_weight.items()}
    except (TypeError, ValueError):
        raise ValueError(
            "`class_weight` must be a dict that gives the number of a class its weight, such as "
            f"{{0: 1.0, 1: 5.0}}; received {class_weight!r}."
        ) from None


def weights_of_classes(y: np.ndarray, class_weight: dict[int, float]) -> np.ndarray:
    """Returns the weight of each row, by its class; 1 for a class without a weight.

    Args:
        y: (rows,) or (rows, 1) numbers of classes, or (rows, ..., classes) one-hot vectors or
            probabilities, of which the largest counts.
        class_weight: class -> weight.

    Returns:
        An array (rows, ...) of the default float.
    """
    if y.ndim > 1:
        y = y[..., 0] if y.shape[-1] == 1 else y.argmax(-1)
    found, places = np.unique(np.rint(y).astype(np.int64), return_inverse=True)
    weights = np.array([class_weight.get(int(label), 1.0) for label in found], np.float64)
    return weights[places].reshape(y.shape).astype(config.floatx())


def needs_one_target(y: Any) -> None:
    """Raises ValueError unless `y` is one array, as weights of classes need it."""
    if y is None:
        raise ValueError(
            "`class_weight` needs targets: pass `y`, or a source of batches that yields (x, y)."
        )
    if isinstance(y, dict | list | tuple):
        raise ValueError(
            "`class_weight` is only supported for Models with a single output; y has "
            f"{len(flatten(y))}. Give `sample_weight`, nested like y, instead."
        )


def for_each_target(y: Any, sample_weight: Any) -> Any:
    """Returns the weights of rows in the structure of the targets.

    Args:
        y: targets, nested or not; its leaves have a `shape`.
        sample_weight: one array, which then counts for every target, or arrays nested like `y`.

    Raises:
        ValueError: another structure than `y`; one array with weights of more than rows for several
            targets.
    """
    if sample_weight is None or not isinstance(y, dict | list | tuple):
        return sample_weight
    if not isinstance(sample_weight, dict | list | tuple):
        shape = tuple(sample_weight.shape)
        if not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)):
            raise ValueError(
                "For a model with multiple outputs, when providing a single `sample_weight` array, "
                "it should only have one scalar score per sample, of shape (rows,); received the "
                f"shape {shape}. Give one array for each output, nested like `y`, instead."
            )
        return map_structure(lambda _: sample_weight, y)
    if _form(y) != _form(sample_weight):
        raise ValueError(
            "You should provide one `sample_weight` array per output in `y`. The two structures "
            f"did not match:\n- y: {_form(y)}\n- sample_weight: {_form(sample_weight)}"
        )
    return sample_weight


def _form(x: Any) -> Any:
    """A structure with "*" for its leaves; dicts by sorted key, lists as tuples."""
    if isinstance(x, dict):
        return {key: _form(x[key]) for key in sorted(x, key=repr)}
    return tuple(map(_form, x)) if isinstance(x, list | tuple) else "*"
