"""Which arithmetic TensorFlow's products use for float32 on GPUs.

TensorFlow has one switch for it, of the whole process, which its kernels read when they run. It
belongs to the user; isozoo sets it for as long as its own compiled inference or training step runs.
Ops that a program of the user's calls by itself follow the user's switch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import tensorflow as tf

from ... import config


@lru_cache(maxsize=1)
def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


@contextmanager
def arithmetic() -> Iterator[None]:
    """Within the ``with`` block, TensorFlow computes float32 as isozoo's setting says."""
    wanted = config.float32_precision() == "tf32"
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    if not has_gpu() or before == wanted:
        yield
        return
    tf.config.experimental.enable_tensor_float_32_execution(wanted)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
