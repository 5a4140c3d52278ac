"""Operation: a computation without weights that users may define, and the base of layers."""

import inspect
from collections.abc import Callable
from typing import Any

from ..backends import registry
from ..configs import Configurable, described_arguments, plain_class
from ..context import state
from . import naming, remat, symbolic, tracebacks
from .graph import Node, inbound_nodes
from .keras_tensor import KerasTensor


class Computed:
    """A read-only property that instance attributes may shadow, so that a layer may still define a
    sublayer called `output`."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read
        self.__doc__ = read.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else self._read(instance)


class Operation(Configurable):
    """A computation that can be called on tensors and on symbolic tensors.

    Subclasses define `call`, and may define `compute_output_spec` where `call` cannot be evaluated
    abstractly. A call with a symbolic tensor among its arguments gives symbolic tensors, of which
    `Function` and `Model` can be made.

    Args:
        name: its name; made from the class's name if None. ValueError if it contains "/".
    """

    _inbound: list[Any]
    # The RematMode of the scope in which it was made.
    _remat: Any = None
    name: str

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = Configurable.__new__(cls, *args, **kwargs)
        vars(made)["_inbound"] = []
        if state.remat is not None:
            vars(made)["_remat"] = state.remat
        return made

    def __init__(self, name: str | None = None) -> None:
        self.name = naming.checked(name or naming.auto_name(naming.snake_case(type(self).__name__)))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if symbolic.among(args) or symbolic.among(kwargs):
                return self.symbolic_call(*args, **kwargs)
            if self._remat is not None:
                return remat.call_operation(self, args, kwargs)
            return self.computation()(*args, **kwargs)
        except Exception as error:
            tracebacks.trim(error)
            raise

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the outputs from native tensors. A subclass defines it.

        Raises:
            NotImplementedError: the class does not, as in Keras.
        """
        name = type(self).__name__
        raise NotImplementedError(
            f"{name} does not have a `call()` method implemented. {name} must define `call`, which "
            "takes tensors and computes the outputs by `isozoo.ops`."
        )

    def computation(self) -> Callable[..., Any]:
        """Returns the method that a call runs: `quantized_call`, which a subclass may define,
        where an attribute `quantization_mode` is not None; else `call`.
        """
        mode = vars(self).get("quantization_mode")
        return self.call if mode is None else self.quantized_call  # pyright: ignore

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the symbolic tensors that the call gives, which remember it."""
        return symbolic.link(self, args, kwargs, self.compute_output_spec(*args, **kwargs))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the shapes and dtypes that `call` gives for symbolic tensors, as symbolic
        tensors.
        """
        return symbolic.infer(registry.current(), self.call, args, kwargs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the shape, or nested shapes, that `call` gives for inputs of the shapes given.

        Pass a shape tuple wherever `call` expects a tensor; tensors are assumed to have the default
        float dtype.
        """
        spec = self.compute_output_spec(
            *(_symbols(x) for x in args), **{key: _symbols(x) for key, x in kwargs.items()}
        )
        return symbolic.map_structure(lambda x: getattr(x, "shape", None), spec)

    # Configs ----------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same Operation again, by name.

        An `__init__` with plain arguments, or with objects that have a config, needs no more. One
        with others needs a `get_config` of its own, for which this one gives the name.

        Raises:
            NotImplementedError: an argument that JSON cannot hold.
        """
        if not getattr(type(self).get_config, "_is_default", False):
            return {"name": self.name}
        found = described_arguments(self)
        if "name" in found or self._takes_name():
            found["name"] = self.name
        return found

    get_config._is_default = True  # pyright: ignore[reportFunctionMemberAccess]

    def _takes_name(self) -> bool:
        parameters = inspect.signature(plain_class(type(self)).__init__).parameters
        return "name" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())

    # The graph --------------------------------------------------------------------------------

    @Computed
    def input(self) -> Any:
        """The symbolic tensor, or list of them, that the first symbolic call took."""
        return _one(self._first_node("input").inputs)

    @Computed
    def output(self) -> Any:
        """The symbolic tensor, or list of them, that the first symbolic call gave."""
        return _one(symbolic.flatten(self._first_node("output").outputs))

    def _first_node(self, what: str) -> Any:
        nodes = inbound_nodes(self)
        if not nodes:
            raise AttributeError(
                f"{self.name!r} has no {what}: it was never called on a symbolic tensor. Call it "
                "on `isozoo.Input(...)` or a KerasTensor first."
            )
        return nodes[0]

    @property
    def _inbound_nodes(self) -> list[Node]:
        # The name by which programs written for Keras read the calls.
        return inbound_nodes(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class OpCall(Operation):
    """A public op as an Operation, as it stands in the list of a graph's operations."""

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        super().__init__(name or function.__name__)
        self.function = function

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the op itself."""
        return self.function(*args, **kwargs)


def _one(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _symbols(x: Any) -> Any:
    """Nested shapes as symbolic tensors of the default float."""
    if isinstance(x, list | tuple) and all(n is None or isinstance(n, int) for n in x):
        return KerasTensor(x, dtype=None)
    if isinstance(x, dict):
        return {key: _symbols(value) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return type(x)(_symbols(value) for value in x)
    return x
