"""TensorFlow: eager kernels and `tf.function` graphs."""

from .backend import TensorflowBackend

BACKEND = TensorflowBackend()
