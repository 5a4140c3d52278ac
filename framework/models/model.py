"""Model: a layer that stands by itself and predicts."""

from contextlib import nullcontext
from typing import Any

import numpy as np

from ..core.layer import Layer
from ..core.symbolic import flatten, map_structure
from ..ops.conversion import convert_to_numpy


class Model(Layer):
    """A layer that stands by itself.

    Either subclass it, with layers made in `__init__` and used in `call`, or describe it by
    symbolic tensors: `Model(inputs, outputs)` gives a functional model.
    """

    @classmethod
    def _class_for(cls, args, kwargs) -> type:
        if cls is Model and (len(args) >= 2 or ("inputs" in kwargs and "outputs" in kwargs)):
            from .functional import Functional

            return Functional
        return cls

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside the model."""
        return self.sublayers()

    def get_layer(self, name: str) -> Layer:
        """The layer called `name`. ValueError with the names there are, if it is none of them."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No layer {name!r}; the layers are: {[x.name for x in self.layers]}.")

    @property
    def _inference(self) -> Any:
        found = self.__dict__.get("_compiled_inference")
        if found is None:
            found = self._backend.inference_function(self)
            vars(self)["_compiled_inference"] = found
        return found

    def infer(self, *args, **kwargs) -> Any:
        """The outputs as native tensors, by the backend's compiled way, without gradients.

        jax and tensorflow compile the call with XLA for each new set of input shapes.
        """
        return self._run_compiled(self._inference, args, kwargs)

    def compiled(self, method: str) -> Any:
        """A method of the model, compiled like `infer`; the same function each time."""
        key = f"_compiled_{method}"
        if key not in self.__dict__:
            vars(self)[key] = self._backend.inference_function(Bound(self, method))
        function = self.__dict__[key]
        return lambda *args, **kwargs: self._run_compiled(function, args, kwargs)

    def _run_compiled(self, function, args, kwargs):
        before = self._backend.activate()
        try:
            with self._backend.placement(self) or nullcontext():
                args = map_structure(self._native_input, args)
                kwargs = map_structure(self._native_input, kwargs)
            self.ensure_built(args, kwargs)
            return function(*args, **kwargs)
        finally:
            from ..backends.registry import state

            state.backend = before

    def ensure_built(self, args: tuple, kwargs: dict[str, Any]) -> None:
        """Make the weights of every layer inside, by tracing the call where that is needed."""
        if self.__dict__.get("_all_built"):
            return
        if not (self.built and all(layer.built for layer in _all(self))):
            from ..core.symbolic import KerasTensor

            def symbol(x):
                if not hasattr(x, "dtype"):
                    return x
                return KerasTensor(self._backend.static_shape(x), self._backend.dtype(x))

            self(*map_structure(symbol, args), **map_structure(symbol, kwargs))
        vars(self)["_all_built"] = True

    def predict_on_batch(self, x) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        return map_structure(lambda t: np.asarray(convert_to_numpy(t)), self.infer(x))

    def predict(self, x, batch_size: int | None = None) -> Any:
        """The outputs for `x` (an array, or a dict or list of arrays), as NumPy arrays.

        Computed `batch_size` (32 unless given) rows at a time. ValueError for no rows, or when
        the arrays differ in their number of rows.
        """
        batch_size = 32 if batch_size is None else batch_size
        counts = {len(array) for array in flatten(x)}
        if len(counts) != 1 or 0 in counts:
            raise ValueError(
                "predict needs arrays with one common, positive number of rows; "
                f"got {sorted(counts)}."
            )
        rows = counts.pop()
        parts = []
        for start in range(0, rows, batch_size):
            batch = map_structure(lambda a: a[start : start + batch_size], x)  # noqa: B023
            parts.append(self.predict_on_batch(batch))
        if len(parts) == 1:
            return parts[0]
        columns = [flatten(part) for part in parts]
        joined = iter([np.concatenate(column) for column in zip(*columns, strict=True)])
        return map_structure(lambda _: next(joined), parts[0])


class Bound:
    """A method of a model in the place of the model's own call, for compilation."""

    def __init__(self, model: Model, method: str) -> None:
        self.model = model
        self.method = method

    def state_values(self):
        """The model's weights."""
        return self.model.state_values()

    def __call__(self, *args, **kwargs):
        model = self.model
        return model.run_inside(getattr(model, self.method), args, kwargs)

    def stateless_call(self, trainable, others, *args, **kwargs):
        """The method as a pure function of the model's weights."""
        return self.model.stateless_method(self, trainable, others, args, kwargs)


def _all(layer: Layer):
    for child in layer.sublayers():
        yield child
        yield from _all(child)
