"""NumPy's indexing on TensorFlow's tensors."""

import numpy as np
import tensorflow as tf


def get_item(x, key):
    """x[key]; by TensorFlow's own slices, and by gathering where places are given as tensors."""
    keys = list(key) if isinstance(key, tuple) else [key]
    keys = [_tensor_of(k) if _is_listed(k) else k for k in keys]
    if not any(_is_advanced(k) for k in keys):
        return x[tuple(keys)]
    keys = _written_out(keys, len(x.shape))
    keys, x = _without_masks(x, keys)
    places = [i for i, k in enumerate(keys) if _is_advanced(k) or _is_whole(k)]
    # Ints that stand among tensors are tensors without axes, as in NumPy.
    arrays = [tf.cast(keys[i], tf.int32) for i in places]
    basic = [slice(None) if i in places else k for i, k in enumerate(keys)]
    return _gathered(x, basic, places, arrays)


def _is_listed(key) -> bool:
    return isinstance(key, list | np.ndarray | np.generic)


def _tensor_of(key):
    array = np.asarray(key)
    return tf.constant(array if array.size else array.astype(np.int32))


def _is_advanced(key) -> bool:
    return isinstance(key, tf.Tensor | tf.Variable) and (len(key.shape) > 0 or key.dtype == tf.bool)


def _is_whole(key) -> bool:
    """An int, or a tensor of one."""
    return (isinstance(key, int) and not isinstance(key, bool)) or (
        isinstance(key, tf.Tensor | tf.Variable) and len(key.shape) == 0
    )


def _span(key) -> int:
    """How many axes a key stands for."""
    if key is None:
        return 0
    return len(key.shape) if getattr(key, "dtype", None) == tf.bool else 1


def _written_out(keys, rank: int):
    """The keys with full slices in the place of Ellipsis and behind the last one."""
    place = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    rest = [k for i, k in enumerate(keys) if i != place]
    missing = rank - sum(map(_span, rest))
    if missing < 0:
        raise IndexError(f"{rank - missing} indices for a tensor of {rank} axes.")
    return [*keys[:place], *[slice(None)] * missing, *keys[place + 1 :]]


def _without_masks(x, keys):
    """Positions in the place of masks."""
    made = []
    for key in keys:
        if _is_advanced(key) and key.dtype == tf.bool:
            made += tf.unstack(tf.where(key), num=len(key.shape), axis=1)
        else:
            made.append(key)
    return made, x


def _gathered(x, basic, places, arrays):
    """Slices first, then the elements at `arrays`, whose axes stand where NumPy puts them."""
    x = x[tuple(basic)]  # new axes and slices; an axis for each key
    shape = arrays[0].shape
    for array in arrays[1:]:
        shape = tf.broadcast_static_shape(shape, array.shape)
    sizes = tf.shape(x)
    common = tf.shape(sum(arrays[1:], arrays[0]))
    whole = [
        tf.broadcast_to(tf.where(a < 0, a + sizes[i], a), common)
        for a, i in zip(arrays, places, strict=True)
    ]
    rest = [i for i in range(len(x.shape)) if i not in places]
    y = tf.gather_nd(tf.transpose(x, [*places, *rest]), tf.stack(whole, -1))
    rank = len(shape)
    together = places == list(range(places[0], places[0] + len(places)))
    front = places[0] if together else 0
    if not front:
        return y
    order = [*range(rank, rank + front), *range(rank), *range(rank + front, len(y.shape))]
    return tf.transpose(y, order)


def take_along_axis(x, indices, axis: int):
    """The elements of `x` at `indices` along `axis`; the other axes of both broadcast.

    TensorFlow's own loses sizes in graphs, and in compiled ones broadcasts wrongly.
    """
    rank = len(x.shape)
    axis %= rank
    indices = tf.cast(indices, tf.int64 if indices.dtype == tf.int64 else tf.int32)
    indices = tf.where(indices < 0, indices + tf.shape(x, indices.dtype)[axis], indices)
    order = [a for a in range(rank) if a != axis] + [axis]
    x, indices = tf.transpose(x, order), tf.transpose(indices, order)
    static = tf.broadcast_static_shape(x.shape[:-1], indices.shape[:-1])
    batch = static.as_list()
    if None in batch:
        batch = tf.broadcast_dynamic_shape(tf.shape(x)[:-1], tf.shape(indices)[:-1])
    x, indices = _spread(x, static, batch), _spread(indices, static, batch)
    y = tf.gather(x, indices, batch_dims=rank - 1)
    return tf.transpose(tf.ensure_shape(y, indices.shape), [order.index(a) for a in range(rank)])


def _spread(x, static, batch):
    """`x` with the leading axes `batch`, known as far as `static` says."""
    if static.is_fully_defined() and x.shape[:-1] == static:
        return x
    y = tf.broadcast_to(x, tf.concat([batch, tf.shape(x)[-1:]], 0))
    return tf.ensure_shape(y, static.concatenate(x.shape[-1:]))


def split_at(x, places, axis: int):
    """`x` cut along `axis` at `places`, a vector of known length."""
    size = tf.shape(x, places.dtype)[axis]
    places = tf.minimum(tf.where(places < 0, places + size, places), size)
    edges = tf.concat([[0], places, size[None]], 0)
    parts = edges[1:] - edges[:-1]
    count = places.shape.num_elements()
    return tf.split(x, parts, axis, None if count is None else count + 1)
