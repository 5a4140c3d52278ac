"""Small functions of numbers that programs use around a model."""

from typing import Any

import numpy as np

from .. import ops


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Returns one-hot vectors for numbers of classes.

    Args:
        x: whole numbers (...) or (..., 1), from 0 to num_classes - 1: an array, nested lists or a
            tensor.
        num_classes: the length of the vectors; the largest number and one more if None.

    Returns:
        (..., num_classes) of the default float: a tensor for a tensor, else an array of float64.

    Raises:
        ValueError: a number outside of the classes; a tensor without `num_classes`.
    """
    if ops.is_tensor(x) and not isinstance(x, np.ndarray):
        if num_classes is None:
            raise ValueError("to_categorical: give `num_classes` with a tensor.")
        shape = ops.shape(x)
        if len(shape) > 1 and shape[-1] == 1:
            x = ops.squeeze(x, -1)
        return ops.one_hot(x, num_classes)
    x = np.asarray(x).astype(np.int64)
    if x.ndim > 1 and x.shape[-1] == 1:
        x = x[..., 0]
    count = int(x.max()) + 1 if not num_classes else num_classes
    if x.size and not -count <= x.min() <= x.max() < count:
        raise ValueError(
            f"to_categorical: the numbers of the classes must be below num_classes={count}; they "
            f"go from {x.min()} to {x.max()}."
        )
    return np.eye(count)[x]


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """Returns `x` with vectors of length 1 along an axis; those of length 0 stay.

    Args:
        x: an array or a tensor.
        axis: along which the length is taken.
        order: of the norm: 2 for the Euclidean one.
    """
    if not isinstance(x, np.ndarray):
        return ops.normalize(x, axis=axis, order=order)
    length = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(length == 0, 1, length)
