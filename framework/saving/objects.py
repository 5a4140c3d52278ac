"""Objects as plain values in Keras's form, under Keras's names."""

from typing import Any

from ..registered import custom_object_scope
from ..serialization import deserialize, serialize


def serialize_keras_object(obj: Any) -> Any:
    """Returns an object as plain values that JSON holds.

    Args:
        obj: a layer, model, optimizer, or anything else with `get_config`; a function; a plain
            value, array or tensor; or a container of such.

    Raises:
        TypeError: an object without `get_config`.
        ValueError: a lambda.
    """
    return serialize(obj)


def deserialize_keras_object(
    config: Any, custom_objects: Any = None, safe_mode: bool | None = True, **kwargs: Any
) -> Any:
    """Returns what `serialize_keras_object` described.

    Args:
        config: what it gave, or JSON of it.
        custom_objects: classes and functions that it may name, too.
        safe_mode: taken for the sake of Keras's programs; code is refused whatever it says.
        **kwargs: `module_objects`, more classes and functions by name, of which `config` may be
            the name; `printable_module_name`, without effect.

    Raises:
        TypeError: a name that is not known, or a part of another type than expected.
        ValueError: code.
    """
    named = kwargs.pop("module_objects", None)
    kwargs.pop("printable_module_name", None)
    if kwargs:
        raise TypeError(f"deserialize_keras_object takes no arguments {list(kwargs)}")
    if named:
        with custom_object_scope({**named, **(custom_objects or {})}):
            if isinstance(config, str) and config in named:
                found = named[config]
                return found() if isinstance(found, type) else found
            return deserialize(config)
    return deserialize(config, custom_objects)
