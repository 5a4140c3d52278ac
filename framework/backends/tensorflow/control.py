"""Control flow in TensorFlow's graphs; outside of them Python's."""

from contextlib import contextmanager
from contextvars import ContextVar

import tensorflow as tf

from ..derived.control import Control


class TensorflowControl(Control):
    """Loops of a graph, where what they run on is in one."""

    def static_value(self, x, imagined):
        value = tf.get_static_value(x)
        return None if value is None else value.item()

    def cond(self, pred, true_fn, false_fn):
        return list(tf.cond(pred, true_fn, false_fn))

    def switch(self, index, branches):
        return list(tf.switch_case(index, list(branches)))

    def while_loop(self, test, step, leaves, limit):
        if tf.executing_eagerly():
            return super().while_loop(test, step, leaves, limit)
        return list(
            tf.while_loop(test, lambda *c: tuple(step(*c)), tuple(leaves), maximum_iterations=limit)
        )

    def fori_loop(self, lower, upper, step, leaves):
        if tf.executing_eagerly():
            return super().fori_loop(lower, upper, step, leaves)
        numbers = isinstance(lower, int) and isinstance(upper, int)
        looped = tf.while_loop(
            lambda i, *c: i < upper,
            lambda i, *c: (i + 1, *step(i, *c)),
            (tf.convert_to_tensor(lower), *leaves),
            maximum_iterations=max(upper - lower, 0) if numbers else None,
        )
        return list(looped[1:])

    def scan(self, step, carry, items, length, reverse, unroll):
        if tf.executing_eagerly():
            return super().scan(step, carry, items, length, reverse, unroll)
        if unroll is True and length is not None:
            items = [tf.ensure_shape(x, (length, *x.shape[1:])) for x in items]
            return super().scan(step, carry, items, length, reverse, unroll)
        return _scan(step, carry, items, length, reverse)

    def rows(self, x):
        return tf.unstack(x)

    def associative_scan(self, combine, leaves, axis):
        if leaves[0].shape[axis] is not None:
            return super().associative_scan(combine, leaves, axis)
        return _doubling_scan(self, combine, leaves, axis)


def _scan(step, carry, items, length, reverse):
    """A scan by `tf.while_loop`, its rows written into arrays of tensors."""
    size = tf.shape(items[0])[0] if length is None else length
    if not _has_lists.get():
        return _scan_by_updates(step, carry, items, size, reverse)
    arrays = [
        tf.TensorArray(y.dtype, size, element_shape=y.shape)
        for y in _results(step, carry, [x[0] for x in items])
    ]

    def turn(i, carry, arrays):
        place = size - 1 - i if reverse else i
        carry, ys = step(list(carry), [x[place] for x in items])
        return i + 1, carry, [a.write(place, y) for a, y in zip(arrays, ys, strict=True)]

    _, carry, arrays = tf.while_loop(
        lambda i, *_: i < size, turn, (0, list(carry), arrays), maximum_iterations=length
    )
    return list(carry), [_stacked(a, length) for a in arrays]


# Whether programs may have lists of tensors, which LiteRT takes of known sizes alone.
_has_lists: ContextVar[bool] = ContextVar("has_lists", default=True)


@contextmanager
def without_lists():
    """A context in which programs are traced without lists of tensors."""
    token = _has_lists.set(False)
    try:
        yield
    finally:
        _has_lists.reset(token)


def _scan_by_updates(step, carry, items, size, reverse):
    """A scan whose results are tensors from the start, a row of which is replaced in each turn."""
    first = step(list(carry), [x[0] for x in items])[1]
    wholes = [tf.zeros(tf.concat([[size], tf.shape(y)], 0), y.dtype) for y in first]
    wholes = [tf.ensure_shape(w, (None, *y.shape)) for w, y in zip(wholes, first, strict=True)]

    def turn(i, carry, wholes):
        place = size - 1 - i if reverse else i
        carry, ys = step(list(carry), [x[place] for x in items])
        pairs = zip(wholes, ys, strict=True)
        return i + 1, carry, [tf.tensor_scatter_nd_update(w, [[place]], y[None]) for w, y in pairs]

    _, carry, wholes = tf.while_loop(lambda i, *_: i < size, turn, (0, list(carry), wholes))
    if isinstance(size, int):
        wholes = [tf.ensure_shape(w, (size, *w.shape[1:])) for w in wholes]
    return list(carry), wholes


def _stacked(array, length):
    y = array.stack()
    return y if length is None else tf.ensure_shape(y, (length, *y.shape[1:]))


def _results(step, carry, rows):
    """Specs of what a step gives beside its carry, from a graph that never runs."""
    graph = tf.__internal__.FuncGraph("scan_results")
    with graph.as_default():
        return [tf.TensorSpec(y.shape, y.dtype) for y in step(list(carry), list(rows))[1]]


def _doubling_scan(backend, combine, leaves, axis):
    """An associative scan along an axis of unknown size: by Hillis and Steele, log2(n) rounds."""
    size = tf.shape(leaves[0])[axis]
    lead = (slice(None),) * axis

    def turn(reach, *xs):
        joined = combine(
            [x[(*lead, slice(None, size - reach))] for x in xs],
            [x[(*lead, slice(reach, None))] for x in xs],
        )
        pairs = zip(xs, joined, strict=True)
        new = [tf.concat([x[(*lead, slice(None, reach))], y], axis) for x, y in pairs]
        return reach * 2, *(tf.ensure_shape(y, x.shape) for x, y in zip(xs, new, strict=True))

    return list(tf.while_loop(lambda reach, *_: reach < size, turn, (1, *leaves))[1:])
