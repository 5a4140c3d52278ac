"""The names that configs may use: those that are public here, and those that a user registered.

A name in a file is looked up in these tables; nothing is imported by it.
"""

from collections.abc import Callable
from contextvars import ContextVar
from types import FunctionType
from typing import Any

# "module" of a config -> a function that gives the namespace with the public names of that module.
NAMESPACES: dict[str, Callable[[], Any]] = {}
# Where a function is looked for that a config names without a module.
BUILTINS = (
    "keras.activations",
    "keras.constraints",
    "keras.initializers",
    "keras.losses",
    "keras.metrics",
    "keras.optimizers",
    "keras.regularizers",
)
# Public functions that make objects of what they are given: no part of a computation.
_MAKERS = frozenset(("get", "serialize", "deserialize"))
# What users registered: name -> object, and back.
_registered: dict[str, Any] = {}
_names: dict[Any, str] = {}
_custom: ContextVar[dict[str, Any] | None] = ContextVar("custom_objects", default=None)


def plain_class(cls: type) -> type:
    """Returns the class that was written, of one that a backend's flavour was mixed into."""
    return cls.__dict__.get("_plain_class", cls)


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
    return registered_name(obj) or obj.__name__


def registered_name(x: Any) -> str | None:
    """Returns the name under which a class or function is registered; None if it is not."""
    try:
        return _names.get(x)
    except TypeError:  # it has no hash
        return None


def get_registered_object(
    name: Any, custom_objects: dict[str, Any] | None = None, module_objects: Any = None
) -> Any:
    """Returns what is registered as `name`, or None. The scope's own objects come first."""
    for table in (_custom.get(), _registered, custom_objects, module_objects):
        if table is not None and name in table:
            return table[name]
    return None


class CustomObjectScope:
    """Within the ``with`` block, configs may name these classes and functions, too.

    Scopes nest; of two objects of one name the inner scope's counts.

    Args:
        custom_objects: classes and functions by name; None stands for none.
    """

    def __init__(self, custom_objects: dict[str, Any] | None) -> None:
        self.custom_objects = dict(custom_objects or {})
        self._before: list[dict[str, Any] | None] = []

    def __enter__(self) -> "CustomObjectScope":
        before = _custom.get()
        self._before.append(before)
        _custom.set({**(before or {}), **self.custom_objects})
        return self

    def __exit__(self, *error: object) -> None:
        _custom.set(self._before.pop())


custom_object_scope = CustomObjectScope


def get_custom_objects() -> dict[str, Any]:
    """Returns the table of what users registered; changing it registers."""
    return _registered


def name_in_scope(x: Any) -> str | None:
    """Returns the name that an object has in the scopes around; None if it has none."""
    return next((key for key, value in (_custom.get() or {}).items() if value is x), None)


def public_name(x: Any) -> tuple[str | None, str | None]:
    """Returns the module and name under which a class or function of ours is public, or Nones."""
    name = getattr(x, "__name__", None)
    if name is not None:
        for module, namespace in NAMESPACES.items():
            if getattr(namespace(), name, None) is x:
                return module, name
    return None, None


def public_class(module: Any, name: Any) -> Any:
    """Returns the public class that a config names, or None."""
    found = _public(module, name)
    # Only what is described by configs is made from them.
    return found if isinstance(found, type) and hasattr(found, "_config_base") else None


def public_function(module: Any, name: Any) -> Any:
    """Returns the public function of ours that a config names, or None."""
    modules = BUILTINS if module == "builtins" else (module,)
    for candidate in modules:
        found = None if name in _MAKERS else _public(candidate, name)
        if isinstance(found, FunctionType) and found.__module__.startswith(f"{__package__}."):
            return found
    return None


def _public(module: Any, name: Any) -> Any:
    if not isinstance(module, str) or not isinstance(name, str) or name.startswith("_"):
        return None
    namespace = NAMESPACES.get(module)
    return None if namespace is None else getattr(namespace(), name, None)
