"""What tests of preprocessing share: values on the host, and a layer in a tf.data pipeline."""

from __future__ import annotations

import numpy as np

import isozoo


def host(x) -> np.ndarray:
    """A tensor, array or list as an array."""
    return np.asarray(x) if isinstance(x, list | np.ndarray) else isozoo.ops.convert_to_numpy(x)


def mapped(layer, *parts) -> np.ndarray:
    """What a layer gives for a batch inside a tf.data pipeline."""
    import tensorflow as tf

    data = tf.data.Dataset.from_tensors(parts if len(parts) > 1 else parts[0])
    if len(parts) > 1:
        data = data.map(lambda *x: layer(x))
    else:
        data = data.map(layer)
    return next(iter(data)).numpy()
