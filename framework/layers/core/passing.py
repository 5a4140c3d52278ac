"""Layers that hand their inputs on: as they are, with a mask, or through a function."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import configs, ops
from ...core.keras_tensor import KerasTensor
from ...nested import flatten, map_structure
from ...typing import Tensor
from ..described import Described


class Identity(Described):
    """The inputs, nested in any way, as they are."""

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Returns the inputs."""
        return inputs


class Masking(Described):
    """Leaves out time steps all of whose features are `mask_value`: they are 0, and masked.

    Args:
        mask_value: a number, or values that broadcast to (batch, steps, features).
        **kwargs: see Layer.
    """

    supports_masking = True

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        mask_value = configs.deserialize(mask_value)
        if hasattr(mask_value, "shape") and not isinstance(mask_value, np.ndarray):
            mask_value = ops.convert_to_numpy(mask_value)
        self.mask_value = mask_value

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the inputs, (batch, steps, features), with zeros in the steps left out."""
        counts = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return ops.where(counts, inputs, 0)

    def compute_mask(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, inputs: Any, mask: Any = None
    ) -> Any:
        """Returns which steps count, (batch, steps)."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)


class Lambda(Described):
    """A function of the user's as a layer.

    A config names the function, which must be registered (`register_keras_serializable`) to be
    found there again; a `lambda` has no name and no config. No code is read from a config.

    Args:
        function: called with the inputs, with `arguments`, and with `mask` and `training` if it
            takes them.
        output_shape: the shape of the outputs without the batch, or a function of the inputs' shape
            that gives the whole shape. Inferred if None.
        mask: the mask of the outputs, or a function of (inputs, mask) that gives it; without one
            the outputs have none.
        arguments: keyword arguments for the function.
        **kwargs: see Layer.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        self._takes = frozenset(inspect.signature(function).parameters) & {"mask", "training"}

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Returns what the function gives."""
        known = {"mask": mask, "training": training}
        given = {name: value for name, value in known.items() if name in self._takes}
        return self.function(inputs, **self.arguments, **given)

    def compute_mask(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, inputs: Any, mask: Any = None
    ) -> Any:
        """Returns the mask that was given at construction, or what that function gives."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Returns the shape of the outputs for inputs of a shape.

        Raises:
            NotImplementedError: a function that cannot be evaluated without values, where no
                `output_shape` was given.
        """
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        if self._output_shape is not None:
            batch = flatten(input_shape)[0]
            return _map_shapes(lambda shape: (batch, *shape), self._output_shape)
        try:
            return super().compute_output_shape(input_shape)
        except Exception as error:
            raise NotImplementedError(
                "We could not automatically infer the shape of the Lambda's output. Please specify "
                "the `output_shape` argument for this Lambda layer."
            ) from error

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the symbolic outputs: inferred, or of the shape given at construction."""
        if self._output_shape is None:
            return super().compute_output_spec(*args, **kwargs)
        inputs = args[0] if args else kwargs["inputs"]
        shapes = self.compute_output_shape(map_structure(lambda x: x.shape, inputs))
        return _map_shapes(lambda shape: KerasTensor(shape, self.compute_dtype), shapes)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: bool | None = None
    ) -> Any:
        """Makes a layer from what `get_config` gives, with functions that the user registered.

        Raises:
            ValueError: a function that is not among them, or code, whatever `safe_mode` says.
        """
        found = dict(config)
        for name in ("function", "output_shape", "mask"):
            if isinstance(found.get(name), dict | str):
                found[name] = _registered(found[name], custom_objects)
        return super().from_config(found)


def _registered(config: Any, custom_objects: Any) -> Any:
    """What a config says, where it is no function; else the function, which a user registered."""
    kind = config.get("class_name") if isinstance(config, dict) else "function"
    if kind == "__lambda__":
        raise ValueError(
            "Requested the deserialization of a `Lambda` layer whose `function` is a Python "
            "lambda. This carries a potential risk of arbitrary code execution and thus it is "
            "disallowed. Define the function with a name, decorate it with "
            "`register_keras_serializable()`, and write the model again."
        )
    if kind != "function":
        return configs.deserialize(config)
    names = [config]
    if isinstance(config, dict):
        names = [config.get("registered_name"), config.get("config")]
    for name in names:
        found = configs.get_registered_object(name, custom_objects) if name else None
        if found is not None:
            return found
    raise ValueError(
        f"The config of a Lambda layer names the function {names[-1]!r}, which is not registered. "
        "Decorate it with `register_keras_serializable()` before loading, or pass it in "
        "`custom_objects`."
    )


def _map_shapes(function: Callable[[Any], Any], shapes: Any) -> Any:
    """`function(shape)` in the place of each shape in nested dicts, lists and tuples."""
    if isinstance(shapes, dict):
        return {key: _map_shapes(function, value) for key, value in shapes.items()}
    if all(n is None or isinstance(n, int) for n in shapes):
        return function(tuple(shapes))
    return type(shapes)(_map_shapes(function, value) for value in shapes)
