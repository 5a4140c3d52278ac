"""Objects as plain values in the form of Keras 2: a class's name and its config, nothing more."""

import inspect
from types import FunctionType
from typing import Any

from ..registered import (
    custom_object_scope,
    get_registered_name,
    get_registered_object,
    plain_class,
)
from .legacy_config import modernized
from .objects import deserialize_keras_object as deserialize_modern


def serialize_keras_object(instance: Any) -> Any:
    """Returns an object as `{"class_name", "config"}`, or the name of a function or class.

    Args:
        instance: an object with `get_config`, a function, or None, which stays None.

    Raises:
        ValueError: anything else.
    """
    if instance is None:
        return None
    if not isinstance(instance, type) and hasattr(instance, "get_config"):
        config = {key: _inner(value) for key, value in instance.get_config().items()}
        return {"class_name": get_registered_name(plain_class(type(instance))), "config": config}
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ValueError(
        f"Cannot serialize {instance} because it doesn't implement `get_config()`, and is no "
        "function either."
    )


def _inner(value: Any) -> Any:
    """An object in a config marked as Keras 2 marks it; anything else as it is."""
    if isinstance(value, str | type) or not (hasattr(value, "get_config") or callable(value)):
        return value
    made = serialize_keras_object(value)
    return {**made, "__passive_serialization__": True} if isinstance(made, dict) else made


def deserialize_keras_object(
    identifier: Any,
    module_objects: Any = None,
    custom_objects: Any = None,
    printable_module_name: str = "object",
) -> Any:
    """Returns what a config in the form of Keras 2 describes.

    Args:
        identifier: `{"class_name", "config"}`; a name, of which a class is made without arguments
            and a function returned; a function or None, which stay what they are.
        module_objects: classes and functions by the names that `identifier` may use.
        custom_objects: more of them, which come first.
        printable_module_name: what errors call the object.

    Raises:
        ValueError: an unknown name, or another form.
    """
    if identifier is None or isinstance(identifier, FunctionType):
        return identifier
    if isinstance(identifier, str):
        found = _named(identifier, module_objects, custom_objects, printable_module_name)
        return found() if isinstance(found, type) else found
    if not isinstance(identifier, dict):
        raise ValueError(f"Could not interpret serialized {printable_module_name}: {identifier}")
    if "class_name" not in identifier or "config" not in identifier:
        raise ValueError(
            f"Improper config format for {identifier}. Expected `class_name` and `config`."
        )
    if "module" in identifier:
        return deserialize_modern(identifier, custom_objects)
    kind = _named(identifier["class_name"], module_objects, custom_objects, printable_module_name)
    known = {**(module_objects or {}), **(custom_objects or {})}
    config = {
        key: deserialize_keras_object(value, known)
        if isinstance(value, dict) and value.get("__passive_serialization__")
        else modernized(value)
        for key, value in identifier["config"].items()
    }
    with custom_object_scope(custom_objects or {}):
        if not hasattr(kind, "from_config"):
            return kind(**config)
        if "custom_objects" in inspect.signature(kind.from_config).parameters:
            return kind.from_config(config, custom_objects=custom_objects or {})
        return kind.from_config(config)


def _named(name: Any, module_objects: Any, custom_objects: Any, what: str) -> Any:
    found = get_registered_object(name, custom_objects, module_objects)
    if found is None:
        raise ValueError(
            f"Unknown {what}: '{name}'. Please ensure you are using a "
            "`isozoo.utils.custom_object_scope` and that this object is included in the scope, or "
            "give it among `custom_objects`."
        )
    return found
