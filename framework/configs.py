"""Configs: the arguments that an object was made with, as plain JSON, and the way back.

Keras's form: an object inside a config is `{"module", "class_name", "config", "registered_name"}`.
A name in a file is looked up in tables of ours and of the user's (`register_keras_serializable`,
`custom_object_scope`); nothing is imported by it.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from types import FunctionType
from typing import Any

import numpy as np

# "module" of a config -> a function that gives the namespace with the public names of that module.
NAMESPACES: dict[str, Callable[[], Any]] = {}
# What users registered: name -> object, and back.
_registered: dict[str, Any] = {}
_names: dict[Any, str] = {}
_custom: ContextVar[dict[str, Any] | None] = ContextVar("custom_objects", default=None)

_PLAIN = (str, int, float, bool, type(None))


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


def plain_class(cls: type) -> type:
    """Returns the class that was written, of one that a backend's flavour was mixed into."""
    return cls.__dict__.get("_plain_class", cls)


def described_arguments(made: Configurable) -> dict[str, Any]:
    """Returns `bound_arguments` in the form that JSON holds. Raises NotImplementedError."""
    found: dict[str, Any] = {}
    for name, value in bound_arguments(made).items():
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


# Objects inside configs ------------------------------------------------------------------------


def serialize(x: Any) -> Any:
    """Returns `x` in the form in which a config holds it.

    Raises:
        TypeError: an object that has no config and no registered name.
    """
    if isinstance(x, np.bool_ | np.integer | np.floating):
        return x.item()
    if isinstance(x, _PLAIN):
        return x
    if isinstance(x, dict):
        return {key: serialize(value) for key, value in x.items()}
    if isinstance(x, list):
        return [serialize(value) for value in x]
    if isinstance(x, tuple):
        return tuple(serialize(value) for value in x)
    if isinstance(x, np.ndarray):
        return {
            "class_name": "__numpy__",
            "config": {"value": x.tolist(), "dtype": x.dtype.name},
        }
    if isinstance(x, type) and issubclass(x, np.generic):
        return np.dtype(x).name
    if isinstance(x, FunctionType):
        return _serialized_function(x)
    if hasattr(x, "get_config"):
        return serialize_object(x)
    raise TypeError(f"{x!r} has no config: define `get_config`, or register it.")


def _serialized_function(function: Any) -> Any:
    module, name = _public_name(function)
    if module is None and name is None:
        raise TypeError(
            f"The function {function.__name__!r} has no registered name: decorate it with "
            "register_keras_serializable()."
        )
    if module == "keras.activations":
        return name
    return {
        "module": module or "builtins",
        "class_name": "function",
        "config": name,
        "registered_name": name if module is None else "function",
    }


def serialize_object(x: Any) -> dict[str, Any]:
    """Returns `{"module", "class_name", "config", "registered_name"}` of a configurable object."""
    cls = plain_class(type(x))
    module, name = _public_name(cls)
    made: dict[str, Any] = {
        "module": module or cls.__module__,
        "class_name": cls.__name__ if module is None else name,
        "config": x.get_config(),
        "registered_name": None if module else (name or cls.__name__),
    }
    build_config = getattr(x, "get_build_config", None)
    shapes = build_config() if build_config is not None and getattr(x, "built", False) else None
    if shapes:
        made["build_config"] = shapes
    return made


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Returns what `serialize` described: objects are made, everything else stays.

    Raises:
        ValueError: a name that is neither public in the library nor registered.
    """
    if custom_objects:
        with custom_object_scope(custom_objects):
            return deserialize(config)
    if isinstance(config, list | tuple):
        return type(config)(deserialize(value) for value in config)
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: deserialize(value) for key, value in config.items()}
    if config["class_name"] == "__numpy__":
        return np.array(config["config"]["value"], config["config"]["dtype"])
    if config["class_name"] == "__tuple__":
        return tuple(deserialize(value) for value in config["config"]["value"])
    found = _look_up(config)
    if config["class_name"] == "function":
        return found
    made = found.from_config(config["config"])
    shapes = config.get("build_config")
    if shapes and hasattr(made, "build_from_config") and not made.built:
        made.build_from_config(shapes)
    return made


def _look_up(config: dict[str, Any]) -> Any:
    """The class or function that a config names."""
    module, kind = config.get("module"), config["class_name"]
    name = config["config"] if kind == "function" else kind
    registered = config.get("registered_name")
    for key in (registered, name):
        found = get_registered_object(key) if isinstance(key, str) else None
        if found is not None:
            return found
    namespace = NAMESPACES.get(module) if isinstance(module, str) else None
    if namespace is not None and isinstance(name, str) and not name.startswith("_"):
        found = getattr(namespace(), name, None)
        fits = isinstance(found, type) and issubclass(found, Configurable)
        if fits if kind != "function" else callable(found):
            return found
    raise ValueError(
        f"The config names {registered or name!r} of {module!r}, which is unknown here. Decorate "
        "it with `register_keras_serializable()` before loading, or pass it in `custom_objects`."
    )


def _public_name(x: Any) -> tuple[str | None, str | None]:
    """(module, name) under which an object is public, (None, name) if a user registered it."""
    if x in _names:
        return None, _names[x]
    name = getattr(x, "__name__", None)
    for module, namespace in NAMESPACES.items():
        if name is not None and getattr(namespace(), name, None) is x:
            return module, name
    for key, value in (_custom.get() or {}).items():
        if value is x:
            return None, key
    return None, None


# The user's names -------------------------------------------------------------------------------


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Any:
    """Returns a decorator that registers a class or function as `package>name` for configs.

    Raises ValueError for a class without `get_config`.
    """

    def decorate(x: Any) -> Any:
        if isinstance(x, type) and not hasattr(x, "get_config"):
            raise ValueError(
                f"Cannot register {x.__name__}: a class that does not have a `get_config()` "
                "method has no config to be made from."
            )
        full = f"{package}>{name or x.__name__}"
        _registered[full] = x
        _names[x] = full
        return x

    return decorate


def get_registered_name(obj: Any) -> str:
    """Returns the name under which a class or function is registered, else its own name."""
    return _names.get(obj) or obj.__name__


def get_registered_object(
    name: str, custom_objects: dict[str, Any] | None = None, module_objects: Any = None
) -> Any:
    """Returns what is registered as `name`, or None. The scope's own objects come first."""
    for table in (_custom.get(), custom_objects, _registered, module_objects):
        if table is not None and name in table:
            return table[name]
    return None


@contextmanager
def custom_object_scope(custom_objects: dict[str, Any] | None) -> Iterator[None]:
    """Lets configs name these classes and functions, too, within the ``with`` block."""
    before = _custom.get()
    _custom.set({**(before or {}), **(custom_objects or {})})
    try:
        yield
    finally:
        _custom.set(before)


def get_custom_objects() -> dict[str, Any]:
    """Returns the table of what users registered; changing it registers."""
    return _registered
