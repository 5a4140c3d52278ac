"""What layers have in common that compute on tensors, in `tf.data` too."""

from typing import Any

from ... import nested
from ...backends import registry
from ...backends.registry import Kind, owner_of
from ..described import Described
from .graphs import in_pipeline, of_pipeline


class DataLayer(Described):
    """Base of layers that transform data before a model sees them, or in the model.

    Such a layer may be mapped over a `tf.data.Dataset` on each backend: a tensor of TensorFlow in
    a graph is computed with TensorFlow, and stays one. Other tensors of another backend become such
    of the layer's. Its `call` is written over ops, and reads its constants through `_constant`.
    """

    # AutoGraph would rewrite the layer's Python inside `tf.data`, which needs none of it.
    autograph_info__: dict[str, Any] = {}

    def _call_outer(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        backend = of_pipeline(self._backend, (args, kwargs))
        if backend is None:
            return super()._call_outer(args, kwargs)

        def convert(x: Any) -> Any:
            return self._pipeline_input(backend, x)

        if not self.built:
            self._build_for(args, kwargs)
        with in_pipeline(backend):
            args = nested.map_structure(convert, args)
            return self._call_training(args, nested.map_structure(convert, kwargs))

    def _native_input(self, x: Any) -> Any:
        return super()._native_input(self._brought_here(x))

    def _brought_here(self, x: Any) -> Any:
        """`x`, through the host if it is a tensor of another backend."""
        owner = owner_of(x)
        if owner is None or isinstance(owner, Kind) or owner.symbolic:
            return x
        return x if (owner.full_backend or owner) is self._backend else owner.to_numpy(x)

    def _pipeline_input(self, backend: Any, x: Any) -> Any:
        """An input of a data pipeline as a tensor of its backend, floats in the compute dtype."""
        if owner_of(x) is not backend or not self.autocast:
            return x
        name, wanted = backend.dtype(x), self._policy.compute_dtype
        return backend.cast(x, wanted) if name != wanted and name.startswith(_FLOATS) else x

    def _shape_of(self, x: Any) -> Any:
        owner = owner_of(x)
        if isinstance(owner, Kind) or owner is self._backend:
            return super()._shape_of(x)
        return (owner.full_backend or owner).static_shape(x)

    def _constant(self, x: Any) -> Any:
        """A tensor of the layer's, in `call`, as one of the backend that computes."""
        backend = registry.current()
        if backend is self._backend or x is None:
            return x
        native = x.value if hasattr(x, "value") and hasattr(x, "assign") else x
        return backend.asarray(self._backend.to_numpy(native))


class TrainingByDefault(DataLayer):
    """Base of layers that act as in training where nobody says, as Keras's of this kind do."""

    def _native_init(self) -> None:
        super()._native_init()
        if "training" in vars(self):  # the mode of a torch module
            vars(self)["training"] = True

    def _native_training(self) -> bool:
        return vars(self).get("training", True)


_FLOATS = ("float", "bfloat")
