"""Inference by the backend's compiled way, and how a model gets all its weights."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import config
from ..config import float32_precision
from ..context import entered, state
from ..core.keras_tensor import KerasTensor
from ..core.scopes import deferred_initialization
from ..nested import map_structure

if TYPE_CHECKING:
    from ..core.layer import Layer as Mixed
else:
    Mixed = object


class Inference(Mixed):
    """`infer`, and the building of all layers inside; mixed into Model."""

    def prepare_inputs(self, x: Any) -> Any:
        """Returns `x` as the model's call takes it. A model for texts or files overrides it.

        `fit`, `evaluate`, `predict` and the methods for one batch ask it for their inputs.
        """
        return x

    def ensure_built(self, args: tuple, kwargs: dict[str, Any]) -> None:
        """Makes the weights of every layer inside, by tracing the call where that is needed.

        The trace computes nothing: variables get their values after it.
        """
        if self._cache.get("all built"):
            return
        if not all(layer.built for layer in self._flatten_layers()):

            def symbol(x):
                if not hasattr(x, "dtype"):
                    return x
                return KerasTensor(self._backend.static_shape(x), self._backend.dtype(x))

            symbols = map_structure(symbol, args), map_structure(symbol, kwargs)
            self._build_by_trace(lambda: self(*symbols[0], **symbols[1]))
        self._cache["all built"] = True

    def _build_by_trace(self, trace: Callable[[], Any]) -> None:
        """Build what a symbolic call reaches; values follow, unless initialization is put off."""
        before = {id(v) for v in self.variables}
        with deferred_initialization():
            trace()
        if not state.deferred:
            for variable in self.variables:
                if id(variable) not in before and not variable.initialized:
                    variable.initialize()

    def check_inputs(self, *args: Any, **kwargs: Any) -> None:
        """Raises for inputs whose values compiled code could not refuse; takes what `call` takes.

        `infer` and `predict` ask it before they run. Here nothing is refused.
        """

    # Inference --------------------------------------------------------------------------------

    def infer(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the outputs as native tensors, by the backend's compiled way.

        No gradients are recorded, and nothing trains. jax and tensorflow compile the call with XLA
        for each new set of input shapes.
        """
        return self._run_compiled(None, args, kwargs)

    def compiled_method(self, method: str, consumed: Sequence[int] = ()) -> Any:
        """Returns a method of the model compiled like `infer`.

        Args:
            method: its name.
            consumed: places of arguments that the caller does not use again: results may take
                their memory, as a cache does that is given back one token longer.
        """
        places = tuple(consumed)
        return lambda *args, **kwargs: self._run_compiled(method, args, kwargs, places)

    def _run_compiled(
        self,
        method: Any,
        args: tuple,
        kwargs: dict[str, Any],
        consumed: tuple[int, ...] = (),
    ) -> Any:
        backend = self._backend
        if method is None:
            self.check_inputs(*args, **kwargs)
        with entered(backend=backend, training=False):
            with entered(device=self._native_device()):
                args = map_structure(self._native_input, args)
                kwargs = map_structure(self._native_input, kwargs)
            self.ensure_built(args, kwargs)
            # A program is compiled for one precision.
            precision = self.float32_precision or float32_precision()
            key = ("compiled", method, precision, consumed)
            function = self._cache.get(key)
            if function is None:
                if (distribution := config.distribution()) is not None:
                    distribution.place_variables(self.variables)
                function = backend.inference_function(MethodTarget(self, method, consumed))
                self._cache[key] = function
            return function(*args, **kwargs)


class MethodTarget:
    """Presents the model's call, or `model.<method>`, as a callable with weights.

    A backend compiles it like the model itself. It may use the memory of the arguments at the
    places `consumed` for results. A method may also be a function of the model and its arguments.
    """

    def __init__(self, model: Any, method: Any = None, consumed: tuple[int, ...] = ()) -> None:
        self.model = model
        self.method = method
        self.consumed = consumed

    @property
    def variables(self) -> list[Any]:
        """The model's variables."""
        return self.model.variables

    @property
    def records_on_cpus(self) -> bool:
        """Whether calls are worth recording on CPUs: many small kernels, little on the way.

        Such are the steps of decoders, and graphs from outside, whose nodes an interpreter runs.
        """
        parts = getattr(self.model, "_flatten_layers", list)()
        return bool(self.consumed) or any(getattr(x, "records_on_cpus", False) for x in parts)

    def state_values(self) -> tuple[list[Any], list[Any]]:
        """Returns the native tensors of the model's trainable and other variables."""
        return self.model.state_values()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        model = self.model
        if self.method is None:
            return model(*args, **kwargs)
        named = isinstance(self.method, str)
        method = getattr(model, self.method) if named else partial(self.method, model)
        return model.run_inside(method, args, kwargs)

    def stateless_call(self, trainable: Any, others: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls the target as a pure function of the model's variables."""
        return self.model.stateless_method(self, trainable, others, args, kwargs)
