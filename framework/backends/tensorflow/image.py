"""Image kernels in TensorFlow: its own where they mean the same."""

from typing import Any

import tensorflow as tf

from ..derived import image, resampling


class TensorflowImages(image.Images):
    """Resizing by TensorFlow's bilinear kernel, where its places in float32 are exact."""

    def resize(self: Any, x, axes, size, method, antialias):
        shape = x.shape.as_list()
        if (
            method != "bilinear"
            or x.dtype != tf.float32
            or any(shape[a] is None for a in axes)
            or resampling.smoothes(shape, axes, size, antialias)
            or not resampling.are_exact(shape, axes, size)
        ):
            return image.Images.resize(self, x, axes, size, method, antialias)
        last = len(shape) - 1 not in (a % len(shape) for a in axes)
        batch = x if len(shape) == 4 else x[None]
        batch = batch if last else tf.transpose(batch, (0, 2, 3, 1))
        y = tf.raw_ops.ResizeBilinear(images=batch, size=size, half_pixel_centers=True)
        y = y if last else tf.transpose(y, (0, 3, 1, 2))
        return y if len(shape) == 4 else y[0]
