"""TensorFlow's kernels on text and categories, eager and in graphs such as those of `tf.data`.

They have the names, arguments and results of the kernels on the host, which
`layers.preprocessing.host_kernels` describes.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

_PUNCTUATION = r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"
_Ragged: Any = tf.RaggedTensor
_TENSORS = (tf.Tensor, tf.SparseTensor, tf.RaggedTensor)
_NOWHERE = tf.int64.max


class TensorflowText:
    """Kernels on tensors of strings and of int64, dense, sparse or ragged."""

    equal = staticmethod(tf.equal)
    floormod = staticmethod(tf.math.floormod)
    ragged_type = tf.RaggedTensor

    def __init__(self, who: str) -> None:
        self._who = who

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        dtype = x.dtype if isinstance(x, tf.Tensor) else y.dtype
        return tf.where(condition, tf.convert_to_tensor(x, dtype), tf.convert_to_tensor(y, dtype))

    def owns(self, x: Any) -> bool:
        """Whether `x` is a tensor of TensorFlow's."""
        return isinstance(x, _TENSORS)

    def from_host(self, x: Any) -> Any:
        """An array, or the host's ragged rows, as a tensor."""
        if not hasattr(x, "lengths"):
            return tf.constant(x.tolist() if x.dtype == object else x, _native(x), x.shape)
        values = tf.constant(x.values.tolist(), _native(x.values), x.values.shape)
        return _Ragged.from_row_lengths(values, x.lengths)

    def given_to(self, backend: Any, x: Any, dtype: str | None) -> Any:
        """A result as a layer of `backend` gives it: in a graph it stays a tensor of TensorFlow."""
        if dtype is not None:
            x = tf.cast(x, dtype)
        if (
            backend.name == "tensorflow"
            or not isinstance(x, tf.Tensor)
            or not tf.executing_eagerly()
        ):
            return x
        values = x.numpy()
        if dtype is not None:
            return backend.asarray(values, dtype)
        texts = np.empty(values.size, object)
        texts[:] = [item.decode("utf-8", "surrogateescape") for item in np.ravel(values).tolist()]
        texts = texts.reshape(values.shape)
        return texts if backend.hosts else texts.tolist()

    def value(self, x: Any, kind: str | None = None) -> Any:
        if kind is None:
            kind = "text" if x.dtype == tf.string else "integers"
        if kind == "text" and x.dtype != tf.string:
            raise ValueError(f"{self._who} expected strings; got a tensor of {x.dtype.name}.")
        if kind == "integers" and x.dtype == tf.string:
            raise ValueError(f"{self._who} expected whole numbers; got a tensor of strings.")
        return x if kind == "text" else tf.cast(x, tf.int64)

    def rank(self, x: Any) -> int:
        return x.shape.rank

    def last_size(self, x: Any) -> int | None:
        return x.shape[-1] if x.shape.rank else None

    def map_values(self, function: Callable[[Any], Any], x: Any) -> Any:
        if isinstance(x, tf.SparseTensor):
            return x.with_values(function(x.values))
        if isinstance(x, tf.RaggedTensor):
            return tf.ragged.map_flat_values(function, x)
        return function(x)

    def expand(self, x: Any) -> Any:
        return tf.sparse.expand_dims(x, -1) if isinstance(x, tf.SparseTensor) else x[..., None]

    def squeeze(self, x: Any) -> Any:
        return tf.squeeze(x, -1)

    def is_text(self, x: Any) -> bool:
        return x.dtype == tf.string

    def as_strings(self, x: Any) -> Any:
        return x if x.dtype == tf.string else tf.strings.as_string(x)

    def buckets(self, x: Any, count: int, salt: Sequence[int] | None) -> Any:
        if salt is None:
            return tf.strings.to_hash_bucket_fast(x, count)
        key = [(word + (1 << 63)) % (1 << 64) - (1 << 63) for word in salt]
        return tf.strings.to_hash_bucket_strong(x, count, key=key)

    def crossed(self, columns: Sequence[Any], count: int) -> Any:
        shape = columns[0].shape
        flat = [tf.reshape(column, [-1, 1]) for column in columns]
        found = tf.sparse.to_dense(tf.sparse.cross_hashed(flat, count))
        return tf.ensure_shape(tf.reshape(found, tf.shape(columns[0])), shape)

    def table(self, keys: np.ndarray) -> Callable[[Any], Any]:
        if not len(keys):
            return lambda x: tf.fill(tf.shape(x), tf.constant(-1, tf.int64))
        with tf.init_scope(), tf.device("CPU:0"):
            native = tf.constant(keys.tolist(), _native(keys))
            numbers = tf.range(len(keys), dtype=tf.int64)
            first = tf.lookup.KeyValueTensorInitializer(native, numbers)
            # Its resource lives as long as a graph that reads from it.
            table = tf.lookup.StaticHashTable(first, -1, experimental_is_anonymous=True)
        return table.lookup

    def chosen(self, tokens: np.ndarray, places: Any, other: Any) -> Any:
        other = tf.constant(other, _native(tokens))
        if not len(tokens):
            return tf.fill(tf.shape(places), other)
        known = (places >= 0) & (places < len(tokens))
        native = tf.constant(tokens.tolist(), _native(tokens))
        found = tf.gather(native, tf.where(known, places, tf.zeros_like(places)))
        return tf.where(known, found, other)

    def refuse(self, wrong: Any, values: Any, message: str) -> None:
        text = f"{self._who}: {message}"
        if tf.executing_eagerly():
            bad = tf.boolean_mask(values, wrong)
            if len(bad):
                raise ValueError(text.format(bad.numpy().tolist()[:10]))
            return
        bad = tf.boolean_mask(values, wrong)
        shown = tf.strings.format(text, bad)
        tf.debugging.Assert(tf.equal(tf.size(bad), 0), [shown])

    # Text

    def standardized(self, x: Any, lower: bool, strip: bool) -> Any:
        if lower:
            x = self.map_values(tf.strings.lower, x)
        if strip:
            x = self.map_values(lambda v: tf.strings.regex_replace(v, _PUNCTUATION, ""), x)
        return x

    def split(self, x: Any, by: str) -> Any:
        return tf.strings.split(x) if by == "whitespace" else tf.strings.unicode_split(x, "UTF-8")

    def custom(self, function: Callable[[Any], Any], x: Any) -> Any:
        found = function(x)
        return found if isinstance(found, _TENSORS) else tf.convert_to_tensor(found, tf.string)

    def on_host(self, function: Callable[[Any], Any], x: Any, splits: bool) -> Any:
        """A function of the host's values, run by a graph; it `splits` strings or keeps them."""

        def run(values: Any) -> Any:
            found = function(np.asarray(values, object))
            if not splits:
                return found
            lengths = getattr(found, "lengths", None)
            if lengths is None:
                raise ValueError(
                    f"{self._who}: inside `tf.data` a `split` returns a list of tokens for each "
                    "string."
                )
            return found.values, lengths

        if splits:
            values, lengths = tf.numpy_function(run, [x], [tf.string, tf.int64])
            values, lengths = tf.ensure_shape(values, [None]), tf.ensure_shape(lengths, [None])
            return _Ragged.from_row_lengths(values, lengths, validate=False)
        return tf.ensure_shape(tf.numpy_function(run, [x], tf.string), x.shape)

    def ngrams(self, x: Any, widths: Sequence[int]) -> Any:
        return tf.strings.ngrams(x, ngram_width=tuple(widths), separator=" ")

    def padded(self, x: Any, length: int | None) -> Any:
        if isinstance(x, tf.RaggedTensor):
            return x.to_tensor(0, shape=[*x.shape.as_list()[:-1], length])
        if length is None:
            return x
        x = x[..., :length]
        missing = length - tf.shape(x)[-1]
        made = tf.pad(x, [[0, 0]] * (x.shape.rank - 1) + [[0, missing]])
        return tf.ensure_shape(made, [*x.shape.as_list()[:-1], length])

    def cut(self, x: Any, length: int | None) -> Any:
        return x if length is None else x[..., :length]

    # Categories

    def encoded(
        self, ids: Any, mode: str, depth: int, dtype: str, sparse: bool, weights: Any = None
    ) -> Any:
        if mode == "one_hot":
            return self._one_hot(ids, depth, dtype, sparse)
        # Negative ids would be an error; those beyond `depth` are left out.
        ids = self.map_values(lambda v: tf.where(v < 0, tf.constant(_NOWHERE, v.dtype), v), ids)
        if ids.shape.rank == 0:
            ids = ids[None]
        lead = None
        if ids.shape.rank > 2:
            lead = [tf.shape(ids)[:-1], ids.shape[:-1]]
            ids = tf.reshape(ids, [-1, tf.shape(ids)[-1]])
        options: dict[str, Any] = {
            "minlength": depth,
            "maxlength": depth,
            "axis": -1,
            "binary_output": mode == "multi_hot",
        }
        if sparse:
            return self._sparse_counts(ids, options, depth, dtype, weights, lead)
        found = tf.cast(tf.math.bincount(ids, dtype=tf.int32, **options), dtype)
        found.set_shape([depth] if ids.shape.rank == 1 else [ids.shape[0], depth])
        if lead is not None:
            found = tf.reshape(found, tf.concat([lead[0], [depth]], 0))
            found = tf.ensure_shape(found, lead[1].concatenate(depth))
        return found if weights is None else found * tf.constant(weights, dtype)

    def _sparse_counts(
        self, ids: Any, options: Any, depth: int, dtype: str, weights: Any, lead: Any
    ) -> Any:
        found = tf.sparse.bincount(ids, **options)
        values = tf.cast(found.values, dtype)
        if weights is not None:
            values = values * tf.gather(tf.constant(weights, dtype), found.indices[:, -1])
        sizes = [depth] if ids.shape.rank == 1 else [found.dense_shape[0], depth]
        shape = tf.stack([tf.cast(size, tf.int64) for size in sizes])
        made = tf.SparseTensor(found.indices, values, shape)
        if lead is None:
            return made
        return tf.sparse.reshape(made, tf.concat([lead[0], [depth]], 0))

    def _one_hot(self, ids: Any, depth: int, dtype: str, sparse: bool) -> Any:
        if isinstance(ids, tf.RaggedTensor):
            ids = ids.to_tensor(-1)
        elif isinstance(ids, tf.SparseTensor):
            ids = tf.sparse.to_dense(ids, -1)
        if ids.shape.rank > 1 and ids.shape[-1] == 1:
            ids = tf.squeeze(ids, -1)
        if sparse:
            from .. import registry

            return registry.get("tensorflow").sparse_one_hot(ids, depth, -1, dtype)
        return tf.one_hot(ids, depth, dtype=dtype)


def _native(x: np.ndarray) -> tf.DType:
    return tf.string if x.dtype == object else tf.as_dtype(x.dtype)
