"""Objects as plain JSON, and the way back, in Keras's form.

An object is `{"module", "class_name", "config", "registered_name"}`, and perhaps "build_config"
(the shapes for which it was built), "compile_config" and "shared_object_id" (a number, where the
same object stands in several places). Definition: keras/src/saving/serialization_lib.py. Unlike
there, a name is looked up in tables alone (`registered`), and code is neither written nor read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import EllipsisType, FunctionType
from typing import Any

import numpy as np

from .registered import (
    custom_object_scope,
    get_registered_object,
    name_in_scope,
    plain_class,
    public_class,
    public_function,
    public_name,
    registered_name,
)

_PLAIN = (str, int, float, bool, type(None))
_CODE = (
    "Requested the deserialization of a Python lambda. This carries a potential risk of arbitrary "
    "code execution, so code in a file is never run, whatever `safe_mode` says. Write a named "
    "function, register it with `register_keras_serializable()`, and save the model anew."
)
_LAMBDA = (
    "A `lambda` has no name by which a file could refer to it, and reading its code from one would "
    "be arbitrary code execution. Write a named function, and register it with "
    "`register_keras_serializable()`."
)
# Modules of forms of things that live above this one: each has `encode(x)` and `decode(config)`,
# which give NotImplemented for what is none of theirs.
FORMS: list[Any] = []


# Writing ----------------------------------------------------------------------------------------


def serialize(x: Any) -> Any:
    """Returns `x` in the form in which a config holds it.

    Args:
        x: a plain value, a container of them, a function, or an object with `get_config`.

    Raises:
        TypeError: an object without `get_config`.
        ValueError: a lambda.
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
    if isinstance(x, FunctionType):
        return _serialized_function(x)
    if type(x).__name__ == "TensorShape":  # TensorFlow's; no framework is imported to ask
        return x.as_list() if x.rank is not None else None
    if type(x).__name__ == "DType" and hasattr(x, "as_numpy_dtype"):  # TensorFlow's, likewise
        return x.name
    made = _serialized_value(x)
    if made is not NotImplemented:
        return made
    if hasattr(x, "get_config"):
        return serialize_object(x)
    raise TypeError(
        f"Cannot serialize object {x!r} of type {type(x)}: it has no config. To be serializable, a "
        "class must implement the `get_config()` method."
    )


def _serialized_value(x: Any) -> Any:
    """The form of what is neither plain nor an object with a config; else NotImplemented."""
    if isinstance(x, np.ndarray):
        if x.ndim == 0:
            return x.item()
        return {
            "class_name": "__numpy__",
            "config": {"value": x.tolist(), "dtype": x.dtype.name},
        }
    if isinstance(x, type) and issubclass(x, np.generic):
        return np.dtype(x).name
    if isinstance(x, bytes):
        return {"class_name": "__bytes__", "config": {"value": x.decode("utf-8")}}
    if isinstance(x, slice):
        parts = {name: serialize(getattr(x, name)) for name in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": parts}
    if isinstance(x, EllipsisType):
        return {"class_name": "__ellipsis__", "config": {}}
    for form in FORMS:
        made = form().encode(x)
        if made is not NotImplemented:
            return made
    return NotImplemented


def _serialized_function(function: Any) -> Any:
    if function.__name__ == "<lambda>":
        raise ValueError(_LAMBDA)
    name = registered_name(function) or name_in_scope(function)
    if name is None:
        module, public = public_name(function)
        if module == "keras.activations":
            return public
        if module is not None:
            return {
                "module": module,
                "class_name": "function",
                "config": public,
                "registered_name": "function",
            }
    name = name or function.__name__
    return {
        "module": "builtins",
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }


def serialize_object(x: Any) -> dict[str, Any]:
    """Returns `{"module", "class_name", "config", "registered_name"}` of an object with a config.

    Raises TypeError if its `get_config` gives no dict.
    """
    config = x.get_config()
    if not isinstance(config, dict):
        raise TypeError(
            f"The `get_config()` method of {x} should return a dict. It returned: {config!r}"
        )
    made = {**_named(plain_class(type(x))), "config": serialize(config)}
    made = {key: made[key] for key in ("module", "class_name", "config", "registered_name")}
    for key, method in _EXTRAS:
        give = getattr(x, method, None)
        found = give() if give is not None else None
        if found:
            made[key] = serialize(found)
    _note_written(x, made)
    return made


_EXTRAS = (("build_config", "get_build_config"), ("compile_config", "get_compile_config"))


def _named(cls: type) -> dict[str, Any]:
    """What a config says of a class."""
    name = registered_name(cls) or name_in_scope(cls)
    module, public = (None, None) if name else public_name(cls)
    if public == "Functional":
        # It is public here alone: Keras names it by the place in its source.
        return _named_as("keras.src.models.functional", public, public)
    if module is not None:
        return _named_as(module, public, None)
    module = None if cls.__module__ == "__main__" else cls.__module__
    return _named_as(module, cls.__name__, name or cls.__name__)


def _named_as(module: Any, class_name: Any, registered: Any) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "registered_name": registered}


# Reading ----------------------------------------------------------------------------------------


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Returns what `serialize` described: objects are made, everything else stays.

    Args:
        config: what `serialize` gave, or JSON of it.
        custom_objects: classes and functions that the config may name, too.

    Raises:
        TypeError: a name that is neither public in the library nor registered; a class that cannot
            be made from its config; a part of another type than expected.
        ValueError: code; a name of a user's class for one of the library's.
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
    name = config["class_name"]
    if isinstance(name, str) and name.startswith("__"):
        return _value(name, config)
    if name == "function":
        return _function(config)
    return _object(config)


def _value(name: str, config: dict[str, Any]) -> Any:
    """What a form that is no object stands for."""
    inner = config["config"]
    if name == "__lambda__":
        raise ValueError(_CODE)
    if name == "__typespec__" and not isinstance(inner, list | tuple):
        raise TypeError(
            "Expected 'config' to be a list or a tuple for a __typespec__ class name; got "
            f"{type(inner)}."
        )
    if name == "__ellipsis__":
        return Ellipsis
    if isinstance(inner, dict):
        if name == "__numpy__":
            return array_of(inner)
        if name == "__tuple__":
            return tuple(deserialize(value) for value in inner["value"])
        if name == "__bytes__":
            return str(inner["value"]).encode("utf-8")
        if name == "__slice__":
            return slice(*(deserialize(inner.get(key)) for key in ("start", "stop", "step")))
    for form in FORMS:
        made = form().decode(config)
        if made is not NotImplemented:
            return made
    raise TypeError(f"Could not parse config: {name!r} is not a form that is known here.")


def array_of(inner: dict[str, Any]) -> np.ndarray:
    """Returns the array of a "__numpy__" or "__tensor__"; TypeError if it is not one of numbers."""
    dtype = inner["dtype"]
    if dtype == "bfloat16" or (isinstance(dtype, str) and dtype.startswith("float8")):
        import ml_dtypes

        return np.array(inner["value"], np.float32).astype(getattr(ml_dtypes, dtype))
    found = np.dtype(dtype)
    if found.kind not in "biufcSU":
        raise TypeError(f"An array of a config has dtype {dtype!r}, which is not one of numbers.")
    return np.array(inner["value"], found)


def _function(config: dict[str, Any]) -> Any:
    name = config["config"]
    if not isinstance(name, str):
        raise TypeError(
            "Expected 'config' to be a non-null str for a function classname, instead got "
            f"{type(name)}. Full config: {_shown(config)}"
        )
    found = get_registered_object(name)
    if found is not None:
        return found
    found = public_function(config.get("module"), name)
    if found is not None:
        _refuse_other_name(config, name)
        return found
    if config.get("module") == "builtins" and ">" not in name:
        # Keras up to 3.6 wrote the name without the package.
        found = get_registered_object(_full_name(name))
        if found is not None:
            return found
    raise _unknown("function", name, config)


def _full_name(name: str) -> str | None:
    from .registered import get_custom_objects

    return next((key for key in get_custom_objects() if key.endswith(f">{name}")), None)


def class_of(config: dict[str, Any]) -> Any:
    """Returns the class (or what is registered in the place of one) that a config names.

    Raises:
        TypeError: there is none of that name.
        ValueError: the name of a user's class, for one of the library's.
    """
    module, name = config.get("module"), config["class_name"]
    registered = config.get("registered_name", name)
    if isinstance(registered, str):
        found = get_registered_object(registered)
        if found is not None:
            return found
    found = public_class(module, name)
    if found is not None:
        _refuse_other_name(config, name)
        return found
    found = get_registered_object(name) if isinstance(name, str) else None
    if found is None:
        raise _unknown("class", name, config)
    return found


def _object(config: dict[str, Any]) -> Any:
    inner = config["config"] if config["config"] is not None else {}
    name = config["class_name"]
    if not isinstance(inner, dict):
        raise TypeError(
            f"Expected 'config' to be a dict for {name}, instead got {type(inner)}. Full config: "
            f"{_shown(config)}"
        )
    number = config.get("shared_object_id")
    held = _shared_objects.get()
    if held is not None and isinstance(number, int) and number in held:
        return held[number]
    found = class_of(config)
    if isinstance(found, FunctionType):
        return found
    with _told_of(name, inner):
        made = _from_config(found, name, inner, config)
        shapes = config.get("build_config")
        if shapes and hasattr(made, "build_from_config") and not made.built:
            made.build_from_config(shapes)
    # A model from a file is compiled when it has its weights; those inside it are its layers.
    compiled = None if is_reading_a_file() else config.get("compile_config")
    if compiled and hasattr(made, "compile_from_config"):
        made.compile_from_config(compiled)
    if held is not None and isinstance(number, int):
        held[number] = made
    return made


class ConfigError(ValueError):
    """The config of an object in a file has values from which the object cannot be made."""


@contextmanager
def _told_of(name: Any, config: dict[str, Any]) -> Iterator[None]:
    """Says which object of a file has the values that Python, or its class, stumbles over."""
    try:
        yield
    except (ValueError, LookupError, ArithmeticError, AttributeError) as error:
        # An error of a class of its own says where it is, or was told of inside.
        named = isinstance(error, ValueError) and type(error) is not ValueError
        if named or not is_reading_a_file():
            raise
        raise ConfigError(
            f"{name} {str(config.get('name', ''))[:40]!r} cannot be made as the file's config "
            f"says: {type(error).__name__}: {error}"
        ) from error


def _from_config(found: Any, name: Any, inner: dict[str, Any], config: dict[str, Any]) -> Any:
    if not hasattr(found, "from_config"):
        raise TypeError(
            f"Unable to reconstruct an instance of '{name}' because the class is missing a "
            f"`from_config()` method. Full object config: {_shown(config)}"
        )
    try:
        return found.from_config(inner)
    except TypeError as error:
        raise TypeError(
            f"{found} could not be deserialized properly. Please ensure that components that are "
            "Python object instances (layers, models, etc.) returned by `get_config()` are "
            f"explicitly deserialized in the model's `from_config()` method.\n\nconfig="
            f"{_shown(config)}\n\nException encountered: {error}"
        ) from error


def _refuse_other_name(config: dict[str, Any], name: str) -> None:
    given = config.get("registered_name")
    if given and given not in (name, config["class_name"]):
        raise ValueError(
            f"`registered_name={given!r}` was provided in the config, but {name!r} resolved to a "
            "Keras built-in, which has no registered name. Remove `registered_name` from the "
            "config, or register a class of that name."
        )


_CALLS_TENSORFLOW = (
    "It calls a function of TensorFlow's by its name, which no Keras 3 reads: where Keras 2 opens "
    "the model, `python -m tf2onnx.convert --keras FILE --output model.onnx` makes an ONNX file of "
    "it, which `isozoo.from_onnx` opens"
)
_GONE = {
    "TFOpLambda": _CALLS_TENSORFLOW,
    "SlicingOpLambda": _CALLS_TENSORFLOW,
    "TensorFlowOpLayer": _CALLS_TENSORFLOW,
    "Merge": "Keras 2.2 has Add, Multiply, Concatenate and so on in its place: save the model anew "
    "there, or pass a class for it in `custom_objects`",
    "CuDNNLSTM": "Keras 2 keeps its weights in another order than LSTM's: make the model with LSTM "
    "in Keras 2, read the weights there by `load_weights`, and save it anew",
    "CuDNNGRU": "Keras 2 keeps its weights in another order than GRU's: make the model with "
    "GRU(reset_after=True) in Keras 2, read the weights there by `load_weights`, and save it anew",
}
"""Layers of Keras 2 that Keras 3 has not, and what to do about a file that names one."""


def _unknown(kind: str, name: Any, config: dict[str, Any]) -> TypeError:
    if isinstance(name, str) and name in _GONE:
        return TypeError(f"{name} is a layer of Keras 2 that Keras 3 has not. {_GONE[name]}.")
    return TypeError(
        f"Could not locate {kind} '{name}' of module {config.get('module')!r}, which is unknown "
        "here. Make sure custom classes and functions are decorated with "
        "`@register_keras_serializable()` before loading, or pass them in `custom_objects`. Full "
        f"object config: {_shown(config)}"
    )


def _shown(config: Any) -> str:
    text = repr(config)
    return text if len(text) <= 1000 else f"{text[:1000]}…"


# Objects that stand in several places -------------------------------------------------------------

_shared_objects: ContextVar[dict[int, Any] | None] = ContextVar("shared_objects", default=None)
_shared_configs: ContextVar[dict[int, Any] | None] = ContextVar("shared_configs", default=None)


@contextmanager
def object_sharing() -> Iterator[None]:
    """Within the ``with`` block, an object that is described twice is made once.

    Its configs get the same "shared_object_id", a number counted from 1.
    """
    before = _shared_objects.get(), _shared_configs.get()
    _shared_objects.set({})
    _shared_configs.set({})
    try:
        yield
    finally:
        _shared_objects.set(before[0])
        _shared_configs.set(before[1])


def _note_written(x: Any, made: dict[str, Any]) -> None:
    seen = _shared_configs.get()
    if seen is None:
        return
    if id(x) not in seen:
        seen[id(x)] = (x, made)  # the object, so that its identity is nobody else's
        return
    first = seen[id(x)][1]
    numbers = [config.get("shared_object_id", 0) for _, config in seen.values()]
    number = first.setdefault("shared_object_id", max(numbers) + 1)
    made["shared_object_id"] = number


# Files ------------------------------------------------------------------------------------------

_reading: ContextVar[bool] = ContextVar("reading_a_file", default=False)


@contextmanager
def reading_a_file() -> Iterator[None]:
    """Within the ``with`` block, what is made is described by a file, which nobody vouches for."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def is_reading_a_file() -> bool:
    """Returns whether objects are being made of what a file says.

    A class whose arguments may name files opens none then.
    """
    return _reading.get()
