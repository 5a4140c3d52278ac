"""Kernels on text and categories, on the host.

TensorFlow's, in its backend's folder, have the same names, arguments and results; layers are
written over either.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...fingerprints import concatenated, fingerprint64, siphash
from .values import Ragged, as_integers, as_text, decoded, host_value, is_text, mapped

_PUNCTUATION = b"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
# Where `tf.sparse.cross_hashed` begins.
_CROSS_KEY = 0xDECAFCAFFE


class HostKernels:
    """Kernels on arrays of bytes and of int64, and on Ragged rows of them.

    Args:
        who: the layer, for errors.
    """

    where = staticmethod(np.where)
    equal = staticmethod(np.equal)
    floormod = staticmethod(np.mod)
    ragged_type = Ragged

    def __init__(self, who: str) -> None:
        self._who = who

    def value(self, x: Any, kind: str | None = None) -> Any:
        """Returns an input as "text" or "integers"; if `kind` is None, as whichever it is."""
        x = host_value(x, self._who)
        flat = x.values if isinstance(x, Ragged) else x
        if kind is None:
            kind = "text" if is_text(flat) and flat.dtype.kind not in "biuf" else "integers"
        convert = as_text if kind == "text" else as_integers
        return mapped(lambda values: convert(values, self._who), x)

    def rank(self, x: Any) -> int:
        """Returns the number of axes."""
        return len(x.lead) + 1 if isinstance(x, Ragged) else x.ndim

    def last_size(self, x: Any) -> int | None:
        """Returns the size of the last axis; None if it is not one."""
        return None if isinstance(x, Ragged) else x.shape[-1] if x.ndim else None

    def map_values(self, function: Callable[[Any], Any], x: Any) -> Any:
        """Returns `function` of all elements, which keeps their number."""
        return mapped(function, x)

    def expand(self, x: Any) -> Any:
        """Returns `x` with an axis of size 1 behind the others."""
        return x[..., None]

    def squeeze(self, x: Any) -> Any:
        """Returns `x` without its last axis, which has size 1."""
        return x[..., 0]

    def is_text(self, x: Any) -> bool:
        """Tells whether the elements are text."""
        return (x.values if isinstance(x, Ragged) else x).dtype == object

    def as_strings(self, x: np.ndarray) -> np.ndarray:
        """Returns whole numbers in decimal digits; text as it is."""
        if x.dtype == object:
            return x
        made = np.empty(x.size, object)
        made[:] = [b"%d" % n for n in x.ravel().tolist()]
        return made.reshape(x.shape)

    def buckets(self, x: np.ndarray, count: int, salt: Sequence[int] | None) -> np.ndarray:
        """Returns in which of `count` buckets each string falls: by FarmHash; with salt SipHash."""
        strings = x.ravel().tolist()
        found = fingerprint64(strings) if salt is None else siphash(strings, (salt[0], salt[1]))
        return (found % np.uint64(count)).astype(np.int64).reshape(x.shape)

    def crossed(self, columns: Sequence[np.ndarray], count: int) -> np.ndarray:
        """Returns in which of `count` buckets the elements at one place of all columns fall."""
        found = np.full(columns[0].size, _CROSS_KEY, np.uint64)
        for column in columns:
            flat = column.ravel()
            words = fingerprint64(flat.tolist()) if flat.dtype == object else flat.view(np.uint64)
            found = concatenated(found, words)
        return (found % np.uint64(count)).astype(np.int64).reshape(columns[0].shape)

    def table(self, keys: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Returns a function that gives the place of each element among `keys`, else -1."""
        places = {key: place for place, key in enumerate(keys.tolist())}

        def look_up(x: np.ndarray) -> np.ndarray:
            found = [places.get(item, -1) for item in x.ravel().tolist()]
            return np.asarray(found, np.int64).reshape(x.shape)

        return look_up

    def chosen(self, tokens: np.ndarray, places: np.ndarray, other: Any) -> np.ndarray:
        """Returns the tokens at places; `other` where there is none."""
        known = (places >= 0) & (places < len(tokens))
        made = np.empty(places.shape, tokens.dtype)
        made[...] = other
        made[known] = tokens[places[known]]
        return made

    def refuse(self, wrong: np.ndarray, values: np.ndarray, message: str) -> None:
        """Raises ValueError with the values at which `wrong` is true, if there are any.

        Args:
            wrong: booleans of the shape of `values`.
            values: what is shown.
            message: with "{}" where the values go.
        """
        if wrong.any():
            bad = values[wrong]
            bad = decoded(bad) if bad.dtype == object else bad
            raise ValueError(f"{self._who}: {message.format(bad.tolist()[:10])}")

    # Text -------------------------------------------------------------------------------------

    def standardized(self, x: Any, lower: bool, strip: bool) -> Any:
        """Returns text with ASCII letters in lower case, and without ASCII punctuation."""

        def change(values: np.ndarray) -> np.ndarray:
            made, table = np.empty(values.size, object), bytes(range(256))
            table, drop = table.lower() if lower else table, _PUNCTUATION if strip else b""
            made[:] = [item.translate(table, drop) for item in values.ravel().tolist()]
            return made.reshape(values.shape)

        return mapped(change, x)

    def split(self, x: np.ndarray, by: str) -> Any:
        """Returns the words of each string ("whitespace") or its characters ("character")."""
        if by == "whitespace":
            parts = [item.split() for item in x.ravel().tolist()]
        else:
            texts = [item.decode("utf-8", "replace") for item in x.ravel().tolist()]
            parts = [[c.encode("utf-8") for c in text] for text in texts]
        return self._from_rows(parts, x.shape)

    def custom(self, function: Callable[[Any], Any], x: Any) -> Any:
        """Returns a user's function of an array of `str`."""
        if isinstance(x, Ragged):
            return x.with_values(self.value(function(decoded(x.values).astype(str)), "text"))
        given = decoded(x)
        found = function(given.astype(str) if given.size else given)
        if isinstance(found, list | tuple | np.ndarray) and len(found):
            first = [list(np.atleast_1d(row)) for row in found] if _is_rows(found) else None
            if first is not None:
                parts = [list(as_text(np.array(row, object), self._who)) for row in first]
                return self._from_rows(parts, (len(parts),))
        return self.value(found, "text")

    def _from_rows(self, parts: list[list[Any]], lead: tuple[int, ...]) -> Any:
        flat = [item for row in parts for item in row]
        values = np.empty(len(flat), object)
        values[:] = flat
        return Ragged(values, [len(row) for row in parts], lead) if lead else values

    def ngrams(self, x: Any, widths: Sequence[int]) -> Any:
        """Returns the runs of each of `widths` tokens of each row, joined by spaces."""
        if isinstance(x, Ragged):
            rows, lead = [row.tolist() for row in x.rows()], x.lead
        else:
            lead = x.shape[:-1]
            rows = x.reshape(-1, x.shape[-1]).tolist()
        made = [
            [b" ".join(row[i : i + n]) for n in widths for i in range(len(row) - n + 1)]
            for row in rows
        ]
        found = self._from_rows(made, lead)
        return found if isinstance(x, Ragged) or not lead else found.dense(None, b"")

    def padded(self, x: Any, length: int | None) -> Any:
        """Returns rows of numbers cut or filled with zeros to `length`; ragged ones made dense."""
        if isinstance(x, Ragged):
            return x.dense(length, 0)
        if length is None:
            return x
        x = x[..., :length]
        return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, length - x.shape[-1])])

    def cut(self, x: Any, length: int | None) -> Any:
        """Returns rows with at most `length` elements, ragged ones as such."""
        if length is None:
            return x
        if not isinstance(x, Ragged):
            return x[..., :length]
        kept = [row[:length] for row in x.rows()]
        values = np.concatenate(kept) if kept else x.values
        return Ragged(values, [len(row) for row in kept], x.lead)

    # Categories -------------------------------------------------------------------------------

    def encoded(
        self, ids: Any, mode: str, depth: int, dtype: str, sparse: bool, weights: Any = None
    ) -> Any:
        """Returns ids as "one_hot", "multi_hot", "count" or "tf_idf"; ids out of range are none.

        Args:
            ids: int64; ids of one sample stand along the last axis.
            mode: how.
            depth: the number of categories.
            dtype: of the result.
            sparse: whether the result will be made sparse, which makes no difference here.
            weights: by which counts are multiplied, (depth,).
        """
        del sparse
        if mode == "one_hot":
            return self._one_hot(ids, depth, dtype)
        if isinstance(ids, Ragged):
            rows, flat, lead = ids.row_numbers(), ids.values, ids.lead
        else:
            ids = ids[None] if ids.ndim == 0 else ids
            lead, flat = ids.shape[:-1], ids.ravel()
            rows = np.arange(flat.size) // max(ids.shape[-1], 1)
        count = int(np.prod(lead, dtype=np.int64))
        there = (flat >= 0) & (flat < depth)
        places = rows[there] * depth + flat[there]
        found = np.bincount(places, minlength=count * depth).reshape(*lead, depth)
        if mode == "multi_hot":
            found = found > 0
        if mode == "tf_idf":
            return (found.astype(dtype) * np.asarray(weights, dtype)).astype(dtype)
        return found.astype(dtype)

    def _one_hot(self, ids: Any, depth: int, dtype: str) -> np.ndarray:
        if isinstance(ids, Ragged):
            ids = ids.dense(None, -1)
        if ids.ndim > 1 and ids.shape[-1] == 1:
            ids = ids[..., 0]
        return (ids[..., None] == np.arange(depth)).astype(dtype)


def _is_rows(x: Any) -> bool:
    """Whether a user's split gave a list of lists, or an array of them."""
    if isinstance(x, np.ndarray) and x.dtype != object:
        return False
    return isinstance(x[0], list | tuple | np.ndarray)
