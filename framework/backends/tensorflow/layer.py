"""What makes a layer created on TensorFlow trackable: checkpoints and SavedModel find it."""

import tensorflow as tf


class TensorflowLayer(tf.__internal__.tracking.AutoTrackable):
    """Mixed into the class of every layer that is created on TensorFlow.

    TensorFlow sees the weights by their paths, so `tf.train.Checkpoint(model=layer)` and
    `tf.saved_model.save(layer, folder, signatures=tf.function(...))` work on it.
    """

    @tf.autograph.experimental.do_not_convert
    def __call__(self, *args, **kwargs):
        # AutoGraph would rewrite every layer's Python, which needs none of it.
        return self._invoke(*args, **kwargs)

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        boxes = {path: variable.box for path, variable in self.named_variables()}
        functions = {
            name: value
            for name, value in vars(self).items()
            if not name.startswith("_")
            and isinstance(value, tf.types.experimental.PolymorphicFunction)
        }
        return {**{path: box for path, box in boxes.items() if box is not None}, **functions}

    def _lookup_dependency(self, name, cached_dependencies=None):
        return self._trackable_children().get(name)
