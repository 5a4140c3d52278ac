"""Configs: the arguments that an object was made with, as plain JSON, and the way back.

Keras's form: an object inside a config is `{"module", "class_name", "config", "registered_name"}`.
The forms stand in `serialization`, the names that a config may use in `registered`.
"""

import inspect
from functools import lru_cache
from typing import Any

from .registered import NAMESPACES as NAMESPACES
from .registered import CustomObjectScope as CustomObjectScope
from .registered import custom_object_scope as custom_object_scope
from .registered import get_custom_objects as get_custom_objects
from .registered import get_registered_name as get_registered_name
from .registered import get_registered_object as get_registered_object
from .registered import plain_class as plain_class
from .registered import register_keras_serializable as register_keras_serializable
from .serialization import deserialize as deserialize
from .serialization import serialize as serialize
from .serialization import serialize_object as serialize_object


class Configurable:
    """Base of objects that a config describes: it remembers the arguments of their creation.

    `get_config` and `from_config` need not be written by subclasses whose arguments are plain
    values (numbers, strings, None, lists, tuples and dicts of them, dtypes, arrays), functions of
    the library, or Configurables.
    """

    _arguments: tuple[tuple[Any, ...], dict[str, Any]]
    _config_base: type | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = object.__new__(cls)
        vars(made)["_arguments"] = (args, kwargs)
        return made

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same object again, by name, defaults included.

        Raises:
            NotImplementedError: an argument that JSON cannot hold; the subclass then needs a
                `get_config` of its own.
        """
        if getattr(type(self).get_config, "_is_default", False):
            return described_arguments(self)
        return {}

    get_config._is_default = True  # pyright: ignore[reportFunctionMemberAccess]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes an object from what `get_config` gives."""
        return cls(**{name: deserialize(value) for name, value in config.items()})


def bound_arguments(made: Configurable) -> dict[str, Any]:
    """Returns the arguments of an object's creation by name, with the defaults of all its classes.

    An `__init__` that hands `**kwargs` on has the parameters of the next class's, too; those of
    the class `_config_base` and above are left to its `get_config`.
    """
    args, kwargs = made._arguments
    parameters = parameters_of(plain_class(type(made)), made._config_base)
    names = [name for name, (positional, _) in parameters.items() if positional]
    found = dict(zip(names, args, strict=False))
    if len(args) > len(names):
        rest = inspect.signature(plain_class(type(made)).__init__).parameters.values()
        name = next((p.name for p in rest if p.kind is p.VAR_POSITIONAL), "args")
        raise _no_config(made, f"`{name}` has no name that a config could use")
    found.update(kwargs)
    for name, (_, default) in parameters.items():
        if name not in found and default is not inspect.Parameter.empty:
            found[name] = default
    ordered = {name: found[name] for name in parameters if name in found}
    return {**ordered, **found}


@lru_cache(maxsize=1024)
def parameters_of(cls: type, stop: type | None) -> dict[str, tuple[bool, Any]]:
    """Returns name -> (whether it can be given by position, default) of a class's constructor."""
    found: dict[str, tuple[bool, Any]] = {}
    for number, base in enumerate(b for b in cls.__mro__ if "__init__" in vars(b)):
        if base is object or base is stop or base.__module__.partition(".")[0] == "torch":
            break
        rest = False
        for parameter in list(inspect.signature(base.__init__).parameters.values())[1:]:
            if parameter.kind is parameter.VAR_KEYWORD:
                rest = True
            elif parameter.kind is not parameter.VAR_POSITIONAL:
                positional = number == 0 and parameter.kind is not parameter.KEYWORD_ONLY
                found.setdefault(parameter.name, (positional, parameter.default))
        if not rest:
            break
    return found


def described_arguments(made: Configurable) -> dict[str, Any]:
    """Returns `bound_arguments` in the form that JSON holds. Raises NotImplementedError."""
    return described_values(made, bound_arguments(made))


def described_values(made: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns arguments of `made` in the form that JSON holds. Raises NotImplementedError."""
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        try:
            found[name] = serialize(value)
        except TypeError as error:
            raise _no_config(made, f"`{name}` is {value!r}, which is no plain value") from error
    return found


def _no_config(made: Any, reason: str) -> NotImplementedError:
    return NotImplementedError(
        f"{plain_class(type(made)).__name__} cannot be described by its constructor's arguments: "
        f"{reason}. Define `get_config`, which returns them as plain values, and `from_config`, "
        "which takes them."
    )
