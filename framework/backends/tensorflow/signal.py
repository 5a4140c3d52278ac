"""Frames and segments on TensorFlow."""

import tensorflow as tf

_UNSIGNED = {tf.uint16: tf.int32, tf.uint32: tf.int64, tf.uint64: tf.int64}


class TensorflowSignal:
    """Kernels of signals and segments."""

    def erfinv(self, x):
        # In float32 TensorFlow is off by 20 roundings; half precisions it does not have.
        y = tf.math.erfinv(tf.cast(x, tf.float64))
        return tf.cast(y, x.dtype)

    # TensorFlow cuts what is too long, but fails to differentiate then.

    def rfft(self, x, length):
        return tf.signal.rfft(x[..., :length], [length])

    def irfft(self, x, length):
        return tf.signal.irfft(x[..., : length // 2 + 1], [length])

    def countable(self, ids):
        return True  # a graph's sizes may depend on values

    def extract_sequences(self, x, length, stride):
        count = tf.maximum(tf.shape(x)[-1] - length + 1, 0)
        if x.shape[-1] is not None:
            count = max(x.shape[-1] - length + 1, 0)
        starts = tf.range(0, count, stride)
        return tf.gather(x, starts[:, None] + tf.range(length), axis=-1)

    def overlap_add(self, frames, stride):
        return tf.signal.overlap_and_add(frames, stride)

    def count_segments(self, ids):
        return tf.maximum(tf.reduce_max(tf.cast(ids, tf.int64)) + 1, 0)

    def segment_reduce(self, kind, data, ids, number, sorted):
        if data.dtype in _UNSIGNED:
            wide, turn = tf.cast(data, _UNSIGNED[data.dtype]), 0
            if kind in ("max", "min") and data.dtype == tf.uint64:
                turn = tf.int64.min  # the highest bit turned over puts them in order
                wide = tf.bitwise.bitwise_xor(wide, tf.constant(turn, tf.int64))
            found = self.segment_reduce(kind, wide, ids, number, sorted)
            if turn:
                found = tf.bitwise.bitwise_xor(found, tf.constant(turn, tf.int64))
            elif kind in ("max", "min"):
                found = tf.clip_by_value(found, 0, data.dtype.max)
            return tf.cast(found, data.dtype)
        ids = tf.cast(ids, tf.int64)
        ids = tf.where(ids < tf.cast(number, tf.int64), ids, -1)  # negative ones are left out
        if kind in ("max", "min") and data.dtype.is_floating:
            return _extremum(kind, data, ids, number)
        return _REDUCTIONS[kind](data, ids, number)


_REDUCTIONS = {
    "sum": tf.math.unsorted_segment_sum,
    "prod": tf.math.unsorted_segment_prod,
    "max": tf.math.unsorted_segment_max,
    "min": tf.math.unsorted_segment_min,
}


def _extremum(kind, data, ids, number):
    """TensorFlow starts from the last finite number, and overlooks infinities behind it and NaN."""
    worst = tf.constant(float("-inf") if kind == "max" else float("inf"), data.dtype)
    found = tf.math.unsorted_segment_sum(tf.cast(data != worst, tf.int32), ids, number)
    best = tf.where(found == 0, worst, _REDUCTIONS[kind](data, ids, number))
    nan = tf.math.unsorted_segment_sum(tf.cast(tf.math.is_nan(data), tf.int32), ids, number)
    return tf.where(nan > 0, tf.constant(float("nan"), data.dtype), best)
