"""Rows of different lengths as one array."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Returns sequences as an array (sequences, maxlen, ...), cut or filled up to one length.

    Args:
        sequences: rows, each a list or array whose elements all have one shape.
        maxlen: the length; that of the longest row if None.
        dtype: of the array; `object` for strings of any length.
        padding: whether filling stands before ("pre") or behind ("post") a row.
        truncating: at which end a row that is too long is cut, "pre" or "post".
        value: the filling.

    Raises:
        ValueError: what is no list of rows, elements of different shapes, or other words than
            "pre" and "post".
    """
    if not hasattr(sequences, "__len__"):
        raise ValueError("`sequences` must be iterable.")
    for name, word in (("Truncating", truncating), ("Padding", padding)):
        if word not in ("pre", "post"):
            raise ValueError(f'{name} type "{word}" not understood: it is "pre" or "post".')
    for row in sequences:
        if not hasattr(row, "__len__"):
            raise ValueError(
                f"`sequences` must be a list of iterables. Found non-iterable: {row!s}"
            )
    if isinstance(value, str) and dtype is not object and np.dtype(dtype).kind not in "SU":
        raise ValueError(
            f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}\nYou should set "
            "`dtype=object` for variable length strings."
        )
    first = next((row for row in sequences if len(row)), ())
    shape = np.asarray(first).shape[1:]
    if maxlen is None:
        maxlen = max((len(row) for row in sequences), default=0)
    made = np.full((len(sequences), maxlen, *shape), value, dtype)
    for number, row in enumerate(sequences):
        kept = row[max(len(row) - maxlen, 0) :] if truncating == "pre" else row[:maxlen]
        if not len(kept):
            continue
        kept = np.asarray(kept, dtype)
        if kept.shape[1:] != shape:
            raise ValueError(
                f"Shape of sample {kept.shape[1:]} of sequence at position {number} is different "
                f"from expected shape {shape}"
            )
        if padding == "post":
            made[number, : len(kept)] = kept
        else:
            made[number, maxlen - len(kept) :] = kept
    return made
