"""TensorFlow's kernels for windows, channels last, and statistics over replicas."""

import tensorflow as tf


def conv_transpose(backend, x, kernel, strides, crops, dilation):
    """Transposed convolution with a kernel of (*size, out, in), without the elements in `crops`."""
    rank = len(kernel.shape) - 2
    kernel = _spread(kernel, dilation)
    # By the definition: TensorFlow's own takes no output of another size than its two paddings'.
    sizes = backend.shape(x)
    reach = kernel.shape.as_list()[:rank]
    whole = [(n - 1) * s + k for n, s, k in zip(sizes[1:-1], strides, reach, strict=True)]
    output = tf.stack([sizes[0], *whole, kernel.shape[-2]])
    y = tf.nn.conv_transpose(x, kernel, output, strides, "VALID")
    return backend.cropped(y, crops)


def _spread(kernel, dilation):
    """A kernel with zeros between its elements: TensorFlow has no dilated transpose on CPU."""
    for axis, step in enumerate(dilation):
        if step > 1:
            shape = kernel.shape.as_list()
            kernel = tf.expand_dims(kernel, axis + 1)
            pads = [(0, 0)] * len(kernel.shape)
            pads[axis + 1] = (0, step - 1)
            shape[axis] *= step
            kernel = tf.reshape(tf.pad(kernel, pads), shape)
            kernel = kernel[(*(slice(None),) * axis, slice(1 - step))]
    return kernel


def across_replicas(x):
    """The mean over the replicas of a tf.distribute strategy; `x` outside of one."""
    context = tf.distribute.get_replica_context()
    return x if context is None else context.all_reduce(tf.distribute.ReduceOp.MEAN, x)
