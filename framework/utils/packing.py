"""Batches as tuples: inputs, targets and weights of rows."""

from typing import Any


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Returns a batch in the form that `train_step` gets, as in Keras.

    Args:
        x: inputs.
        y: targets.
        sample_weight: weights of the rows.

    Returns:
        (x, y, sample_weight), (x, y) without weights, and without targets `x` itself, or (x,) if
        `x` is a list or tuple.
    """
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, list | tuple) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Returns (x, y, sample_weight) of a batch, with None for what it lacks, as in Keras.

    Args:
        data: x, (x,), (x, y) or (x, y, sample_weight); a list counts as a tuple.

    Raises:
        ValueError: a tuple of another length.
    """
    if not isinstance(data, list | tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, "
            f"found: {len(data)} items, of types {[type(item).__name__ for item in data]}. Several "
            "inputs go into one tuple, list or dict as x: ((a, b), y)."
        )
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight
