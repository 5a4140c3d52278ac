"""What a user hands to a layer that computes on the host, as arrays of text or whole numbers.

Text is an array of objects, each of them `bytes`, in UTF-8 unless the user's bytes say otherwise.
"""

from typing import Any

import numpy as np

from ...backends import registry
from ...backends.registry import Kind, owner_of

# Lets bytes that are no text go through `str` and back unharmed.
LENIENT = "surrogateescape"


class Ragged:
    """Rows of different lengths.

    Attributes:
        values: the elements of all rows, one after the other, (total,).
        lengths: how many elements each row has, (rows,).
        lead: the shape of the axes before the ragged one; its sizes multiply to `rows`.
    """

    def __init__(self, values: np.ndarray, lengths: Any, lead: tuple[int, ...]) -> None:
        self.values, self.lengths = values, np.asarray(lengths, np.int64)
        self.lead = lead

    def with_values(self, values: np.ndarray) -> "Ragged":
        """Returns the same rows of other elements."""
        return Ragged(values, self.lengths, self.lead)

    def rows(self) -> list[np.ndarray]:
        """Returns the rows."""
        return np.split(self.values, np.cumsum(self.lengths)[:-1]) if len(self.lengths) else []

    def row_numbers(self) -> np.ndarray:
        """Returns the number of the row that each element stands in."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def dense(self, length: int | None, filling: Any) -> np.ndarray:
        """Returns the rows cut to `length` (None: that of the longest), short ones filled up."""
        if length is None:
            length = int(self.lengths.max()) if len(self.lengths) else 0
        made = np.full((len(self.lengths), length), filling, self.values.dtype)
        if len(self.values):
            starts = np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)
            columns = np.arange(len(self.values)) - starts
            there = columns < length
            made[self.row_numbers()[there], columns[there]] = self.values[there]
        return made.reshape(*self.lead, length)


def host_value(x: Any, who: str) -> Any:
    """Returns `x` as a NumPy array, or as Ragged if it is a ragged tensor.

    Args:
        x: an array, a tensor of any backend, a nested list, or what NumPy makes an array of.
        who: whose input it is, for errors.

    Raises:
        ValueError: lists of different lengths, or a tensor of a program that is being compiled.
    """
    if isinstance(x, Ragged | np.ndarray):
        return x
    owner = owner_of(x)
    if isinstance(owner, Kind):
        if owner is registry.BOX:
            x = x.value
            return host_value(x, who)
        return _array(x, who)
    backend = owner.full_backend or owner
    if backend.is_tracing(x):
        raise ValueError(
            f"{who} looks values up on the host, so it cannot be a part of a program that is "
            f"compiled on {backend.name}; it got {x!r}. Apply it to the data before they reach the "
            "model: in `tf.data`, in a PyDataset, or by calling the layer on arrays."
        )
    if hasattr(x, "row_lengths") and hasattr(x, "flat_values"):
        return _ragged(x, who)
    if owner is not backend:
        x = owner.densify(x)
    return np.asarray(backend.to_numpy(x))


def _ragged(x: Any, who: str) -> Ragged:
    if x.ragged_rank != 1 or len(x.flat_values.shape) != 1:
        raise ValueError(
            f"{who} takes ragged tensors with one ragged axis, the last; got shape {x.shape}."
        )
    lengths = np.asarray(x.row_lengths())
    return Ragged(np.asarray(x.flat_values.numpy()), lengths, (len(lengths),))


def _array(x: Any, who: str) -> np.ndarray:
    if isinstance(x, list | tuple):
        x = [host_value(item, who) if _is_array(item) else item for item in x]
        if any(isinstance(item, Ragged) for item in x):
            raise ValueError(f"{who} takes no list of ragged tensors.")
    try:
        found = np.asarray(x, object) if _holds_text(x) else np.asarray(x)
    except ValueError:
        found = np.empty(0, object)
        x = [[]]
    ragged = found.dtype == object and any(isinstance(v, list | tuple) for v in found.flat)
    if ragged or (found.size == 0 and x == [[]] and found.dtype == object):
        raise ValueError(
            f"{who} got lists of different lengths. Make them equally long, or pass a "
            "`tf.RaggedTensor`."
        )
    return found


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and not isinstance(x, np.generic)


def _holds_text(x: Any) -> bool:
    while isinstance(x, list | tuple) and x:
        x = x[0]
    return isinstance(x, str | bytes)


def is_text(x: np.ndarray) -> bool:
    """Tells whether an array holds text."""
    if x.dtype.kind == "O":
        return all(isinstance(v, str | bytes) for v in x.flat)
    return x.dtype.kind in "UST"


def as_text(x: np.ndarray, who: str) -> np.ndarray:
    """Returns an array of strings as one of bytes.

    Raises:
        ValueError: elements that are no text.
    """
    if x.dtype.kind not in "UOST":
        if x.size == 0:
            return np.empty(x.shape, object)
        raise ValueError(f"{who} expected strings; got an array of dtype {x.dtype}.")
    made = np.empty(x.size, object)
    for place, item in enumerate(x.ravel().tolist()):
        if isinstance(item, str):
            made[place] = item.encode("utf-8", LENIENT)
        elif isinstance(item, bytes):
            made[place] = item
        else:
            raise ValueError(
                f"{who} expected strings; got {item!r} of type {type(item).__name__} among them."
            )
    return made.reshape(x.shape)


def as_integers(x: np.ndarray, who: str) -> np.ndarray:
    """Returns an array of numbers as int64, floats without their fraction.

    Raises:
        ValueError: elements that are no numbers.
    """
    if x.dtype.kind not in "biuf" and not (x.dtype.kind == "V" and x.dtype.names is None):
        if x.dtype.kind == "O":
            try:
                return np.asarray(x.tolist(), np.int64)
            except (TypeError, ValueError):
                pass
        raise ValueError(f"{who} expected whole numbers; got an array of dtype {x.dtype}.")
    return x.astype(np.int64)


def mapped(function: Any, x: Any) -> Any:
    """Returns `function` of an array, or of the elements of Ragged rows."""
    return x.with_values(function(x.values)) if isinstance(x, Ragged) else function(x)


def decoded(x: np.ndarray, encoding: str = "utf-8") -> np.ndarray:
    """Returns an array of bytes as one of `str` objects."""
    made = np.empty(x.size, object)
    made[:] = [item.decode(encoding, LENIENT) for item in x.ravel().tolist()]
    return made.reshape(x.shape)
