"""What makes a layer created on TensorFlow trackable: checkpoints and SavedModel find it."""

import tensorflow as tf

from ..native import NativeLayer


class TensorflowLayer(NativeLayer, tf.__internal__.tracking.AutoTrackable):
    """Mixed into the class of every layer that is created on TensorFlow.

    TensorFlow sees the weights by their paths, so `tf.train.Checkpoint(model=layer)` and
    `tf.saved_model.save(layer, folder, signatures=tf.function(...))` work on it.
    """

    @classmethod
    def methods_for(cls, plain):
        """Returns the methods that the flavoured class has itself."""
        return {}

    @tf.autograph.experimental.do_not_convert
    def _native_call(self, *args, **kwargs):
        # AutoGraph would rewrite every layer's Python, which needs none of it.
        return self._call_nested(*args, **kwargs)

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        natives = {path: variable.native for path, variable in self.named_variables()}
        functions = {
            name: value
            for name, value in vars(self).items()
            if not name.startswith("_")
            and isinstance(value, tf.types.experimental.PolymorphicFunction)
        }
        found = {path: x for path, x in natives.items() if x is not None}
        return {**found, **functions, **self._tables()}

    def _tables(self):
        """Tables of text that layers inside look things up in, which a SavedModel holds too."""
        made = (layer._cache.get("tables", {}).values() for layer in self._flatten_layers())
        held = [getattr(look_up, "__self__", None) for each in made for _, look_up in each]
        tables = [x for x in held if isinstance(x, tf.lookup.StaticHashTable)]
        return {f"table_{number}": table for number, table in enumerate(tables)}

    def _lookup_dependency(self, name, cached_dependencies=None):
        return self._trackable_children().get(name)
