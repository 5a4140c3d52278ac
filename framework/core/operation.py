"""Operation: a computation without weights that users may define, and the base of layers."""

import inspect
from collections.abc import Callable
from typing import Any

from ..backends import registry
from . import naming, symbolic, tracebacks
from .keras_tensor import KerasTensor

# What a config made from the arguments of a constructor may hold.
_PLAIN = (str, int, float, bool, type(None))


class Computed:
    """A property that an attribute of the instance hides: a layer may have a part `output`."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read
        self.__doc__ = read.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else self._read(instance)


class Operation:
    """A computation that can be called on tensors and on symbolic tensors.

    Subclasses define `call`, and may define `compute_output_spec` where `call` cannot be evaluated
    abstractly. A call with a symbolic tensor among its arguments gives symbolic tensors, of which
    `Function` and `Model` can be made.

    Args:
        name: its name; made from the class's name if None. ValueError if it contains "/".
    """

    _arguments: tuple[tuple[Any, ...], dict[str, Any]]
    _inbound_nodes: list[Any]
    name: str

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = object.__new__(cls)
        vars(made).update(_arguments=(args, kwargs), _inbound_nodes=[])
        return made

    def __init__(self, name: str | None = None) -> None:
        self.name = naming.checked(name or naming.auto_name(naming.snake_case(type(self).__name__)))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if symbolic.among(args) or symbolic.among(kwargs):
                return self.symbolic_call(*args, **kwargs)
            return self.call(*args, **kwargs)
        except Exception as error:
            tracebacks.trim(error)
            raise

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation, on tensors. Subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} must define `call`.")

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic tensors that the call gives, which remember it."""
        return symbolic.link(self, args, kwargs, self.compute_output_spec(*args, **kwargs))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The shapes and dtypes that `call` gives for symbolic tensors, as symbolic tensors."""
        return symbolic.infer(registry.current(), self.call, args, kwargs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape, or nested shapes, that `call` gives for inputs of the shapes given.

        Where the call takes a tensor in the default float, here its shape stands: a tuple of ints
        and None.
        """
        spec = self.compute_output_spec(
            *(_symbols(x) for x in args), **{key: _symbols(x) for key, x in kwargs.items()}
        )
        return symbolic.map_structure(lambda x: getattr(x, "shape", None), spec)

    # Configs ----------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The arguments to make the same Operation again, by name.

        An `__init__` with plain arguments (numbers, strings, None, and lists and dicts of them)
        needs no more. One with others needs a `get_config` of its own, for which this one gives
        the name; NotImplementedError otherwise.
        """
        if type(self).get_config is not Operation.get_config:
            return {"name": self.name}
        arguments = self._plain_arguments()
        parameters = inspect.signature(type(self).__init__).parameters
        takes_rest = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        named = {"name": self.name} if "name" in parameters or takes_rest else {}
        return {**arguments, **named}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new Operation from what `get_config` gives."""
        return cls(**config)

    def _plain_arguments(self) -> dict[str, Any]:
        """The constructor's arguments but for the name, defaults included."""
        args, kwargs = self._arguments
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        bound.apply_defaults()
        found: dict[str, Any] = {}
        for name, value in list(bound.arguments.items())[1:]:
            kind = bound.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                found.update(value)
            elif kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY):
                if value != ():
                    raise self._no_config(f"`{name}` has no name that a config could use")
            else:
                found[name] = value
        found.pop("name", None)
        for name, value in found.items():
            if not all(isinstance(x, _PLAIN) for x in symbolic.flatten(value)):
                raise self._no_config(f"`{name}` is {value!r}, which is no plain value")
        return found

    def _no_config(self, reason: str) -> NotImplementedError:
        return NotImplementedError(
            f"{type(self).__name__} cannot be described by its constructor's arguments: {reason}. "
            "Define `get_config`, which returns them as plain values, and `from_config`, which "
            "takes them."
        )

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
        if not self._inbound_nodes:
            raise AttributeError(
                f"{self.name!r} has no {what}: it was never called on a symbolic tensor. Call it "
                "on `isozoo.Input(...)` or a KerasTensor first."
            )
        return self._inbound_nodes[0]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class OpCall(Operation):
    """A public op as an Operation, as it stands in the list of a graph's operations."""

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        super().__init__(name or function.__name__)
        self.function = function

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The op itself."""
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
