"""ExportArchive: a SavedModel of TensorFlow with endpoints of the user's choice."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .. import nested
from ..backends import registry
from ..config import is_interactive_logging_enabled
from ..core.layer import Layer
from ..core.variable import Variable
from ..folders import new_folder
from .signatures import spec_of


class ExportArchive:
    """Collects endpoints, and writes them as a SavedModel that runs without this package.

        archive = isozoo.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint("serve", model.call, [isozoo.InputSpec("float32", (None, 3))])
        archive.write_out("folder")

    Layers of other backends are copied to TensorFlow; their methods can be endpoints. A function
    of the user's own is traced as it is: on TensorFlow over TensorFlow's tensors, on JAX by JAX's
    own bridge.

    Args:
        format: "saved_model", the one there is.

    Raises:
        ValueError: another format.
        ImportError: TensorFlow is not installed.
    """

    def __init__(self, format: str = "saved_model") -> None:
        if format != "saved_model":
            raise ValueError(f"Unsupported format: {format}")
        self._tensorflow = registry.get("tensorflow")
        self._native: Any = self._tensorflow.exporter().Archive()
        self._copies: dict[int, tuple[Layer, Layer]] = {}

    @property
    def variables(self) -> list[Any]:
        """TensorFlow's variables of what is tracked."""
        return list(self._native.variables)

    @property
    def trainable_variables(self) -> list[Any]:
        """Those of `variables` that train."""
        return list(self._native.trainable_variables)

    @property
    def non_trainable_variables(self) -> list[Any]:
        """Those of `variables` that do not."""
        return list(self._native.non_trainable_variables)

    def track(self, resource: Any) -> None:
        """Has the archive hold the variables and tables of a layer, or a resource of TensorFlow.

        Raises:
            ValueError: a layer that is not built, or what can be no part of a SavedModel.
        """
        if isinstance(resource, Layer):
            if not resource.built:
                raise ValueError(
                    "The layer provided has not yet been built. It must be built before export."
                )
            self._native.track_layer(self._on_tensorflow(resource))
        else:
            self._native.track_resource(resource)

    def add_endpoint(
        self, name: str, fn: Callable[..., Any], input_signature: Any = None, **kwargs: Any
    ) -> Any:
        """Adds an endpoint of a name.

        Args:
            name: of the endpoint: the reloaded object's attribute, and a signature for serving.
            fn: a function of tensors, a method of a layer, or a layer.
            input_signature: a list with the specification of each positional argument of `fn`.
                None for a `tf.function` that was called, whose own it is then.
            **kwargs: on JAX, for a function: `jax2tf_kwargs` and `is_static`.

        Returns:
            The `tf.function` that was added.

        Raises:
            ValueError: the name is taken, there is no signature, or the function belongs to a
                backend that cannot be traced into a SavedModel.
        """
        if name in self._native.names:
            raise ValueError(f"Endpoint name '{name}' is already taken.")
        if input_signature is None:
            added = self._native.add_called(name, fn)
        else:
            if not isinstance(input_signature, list | tuple):
                raise ValueError(
                    "If the input_signature is provided, it must be a list or tuple. "
                    f"Received: input_signature={input_signature}"
                )
            specs = [nested.map_structure(spec_of, one) for one in input_signature]
            added = self._native.add(name, self._traceable(fn, specs, kwargs), specs)
        return added

    def track_and_add_endpoint(
        self, name: str, resource: Any, input_signature: Any, **kwargs: Any
    ) -> Any:
        """Tracks a layer and adds its call as an endpoint; see `add_endpoint`."""
        self.track(resource)
        return self.add_endpoint(name, resource.__call__, input_signature, **kwargs)

    def add_variable_collection(self, name: str, variables: Iterable[Any]) -> None:
        """Has the reloaded object hold variables as a list of a name.

        Raises:
            ValueError: these are no variables, no list of them, or not of TensorFlow.
        """
        if not isinstance(variables, list | tuple | set):
            raise ValueError(
                "Expected `variables` to be a list/tuple/set. "
                f"Received instead object of type '{type(variables)}'."
            )
        if not all(isinstance(v, Variable) or self._native.is_variable(v) for v in variables):
            raise ValueError(
                "Expected all elements in `variables` to be `tf.Variable` instances. Found "
                f"instead the following types: {list({type(v) for v in variables})}"
            )
        self._native.collect(name, [self._native_variable(v) for v in variables])

    def write_out(
        self, filepath: str | os.PathLike[str], options: Any = None, verbose: bool | None = True
    ) -> None:
        """Writes the SavedModel; the folder appears whole or not at all.

        The first endpoint is also the one that TensorFlow Serving calls by default.

        Args:
            filepath: the folder; what was there is replaced.
            options: a `tf.saved_model.SaveOptions`.
            verbose: whether the endpoints are listed; not where logging is switched off.

        Raises:
            ValueError: there is no endpoint.
            OSError: it cannot be written.
        """
        if not self._native.names:
            raise ValueError("No endpoints have been set yet. Call add_endpoint().")
        with new_folder(Path(filepath), "replace") as place:
            self._native.write(str(place), options)
        if verbose and is_interactive_logging_enabled():
            names = ", ".join(self._native.names)
            print(f"Saved artifact at '{os.fspath(filepath)}', with the endpoints: {names}.")

    def _on_tensorflow(self, layer: Layer) -> Layer:
        if layer.backend == "tensorflow":
            return layer
        if id(layer) not in self._copies:
            self._copies[id(layer)] = (layer, layer.to_backend("tensorflow"))
        return self._copies[id(layer)][1]

    def _traceable(self, fn: Any, specs: list[Any], kwargs: dict[str, Any]) -> Any:
        owner = fn if isinstance(fn, Layer) else getattr(fn, "__self__", None)
        if isinstance(owner, Layer):
            copy = self._on_tensorflow(owner)
            self._native.track_layer(copy)
            return copy if owner is fn else getattr(copy, getattr(fn, "__name__", "call"))
        current = registry.current()
        if current.name == "tensorflow":
            return fn
        return current.function_for_tensorflow(fn, specs, kwargs)

    def _native_variable(self, variable: Any) -> Any:
        if not isinstance(variable, Variable):
            return variable
        for original, copy in self._copies.values():
            for path, held in original.named_variables():
                if held is variable:
                    return dict(copy.named_variables())[path].native
        if self._native.is_variable(variable.native):
            return variable.native
        return self._native.variable_of(variable.numpy(), variable.path)
