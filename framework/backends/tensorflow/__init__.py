"""TensorFlow: eager kernels and `tf.function` graphs."""

from .quiet import held_banner

with held_banner():
    import tensorflow as tf

    # Looking for devices is the second thing that TensorFlow is loud about.
    tf.config.list_physical_devices()

from .backend import TensorflowBackend  # noqa: E402

BACKEND = TensorflowBackend()
