"""What `get` of a namespace does: a string, a config or the object itself stands for an object.

`initializers`, `regularizers`, `constraints` and their like each have one `Names`.
"""

import re
from typing import Any

from . import configs


class Names:
    """The classes or functions of a namespace by their names.

    Args:
        kind: what they are called in errors, such as "initializer".
        table: name -> class or function; aliases are names as well.
    """

    def __init__(self, kind: str, table: dict[str, Any]) -> None:
        self.kind, self.table = kind, table

    def get(self, identifier: Any) -> Any:
        """Returns the object of a name or config; a callable as it is, a class as an object of it.

        Raises:
            ValueError: an unknown name, or what is neither a name, a config nor a callable.
        """
        if identifier is None:
            return None
        if isinstance(identifier, str | dict):
            identifier = self.deserialize(identifier)
        if isinstance(identifier, type):
            return identifier()
        if callable(identifier):
            return identifier
        raise ValueError(
            f"Could not interpret {self.kind} identifier: {identifier!r}. Give a name, a config "
            f"as `serialize` makes it, or a callable; the names are: {self._shown()}."
        )

    def deserialize(self, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """Returns the object that a config describes; of a name, the class or function."""
        if config is None:
            return None
        if custom_objects:
            with configs.custom_object_scope(custom_objects):
                return self.deserialize(config)
        if isinstance(config, str):
            return self._look_up(config)
        name = config.get("class_name") if isinstance(config, dict) else None
        if name is None:
            raise ValueError(
                f"The config of the {self.kind} has no `class_name`; got {config!r}. Give what "
                "`serialize` returned."
            )
        # Old configs name no module.
        if config.get("module") is None and isinstance(name, str) and name != "function":
            return self._look_up(name).from_config(config.get("config") or {})
        return configs.deserialize(config)

    def _look_up(self, name: str) -> Any:
        found = configs.get_registered_object(name) or self.table.get(name)
        if found is None:
            raise ValueError(
                f"Could not interpret {self.kind} identifier: {name!r}. Unknown {self.kind} "
                f"{name!r}; the names are: {self._shown()}."
            )
        return found

    def _shown(self) -> str:
        return ", ".join(name for name in self.table if name == name.lower())

    def name_of(self, x: Any) -> str | None:
        """Returns the first name of a class or function, or None."""
        return next((name for name, found in self.table.items() if found is x), None)


def under_both_names(*classes: type, **aliases: type) -> dict[str, Any]:
    """Returns a table of classes by their names, as written and in snake case, and of aliases."""
    table: dict[str, Any] = {cls.__name__: cls for cls in classes}
    table.update({snake_case(cls.__name__): cls for cls in classes})
    return {**table, **aliases}


def snake_case(name: str) -> str:
    """Returns a class's name in snake case: "MaxPooling2D" is "max_pooling2d"."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
