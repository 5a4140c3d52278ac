"""What a framework makes of a layer: how it is called, and where its parts are registered.

`core.layer.Layer` derives from `NativeLayer`; a backend whose framework has a class of its own for
layers gives a subclass as `layer_base`, which is mixed into the class of each layer that is made
on it. Since Layer defines none of these methods, the subclass's win, and what a user's class
overrides (`__call__`, `__setattr__`) stays the user's.
"""

from collections.abc import Callable
from typing import Any


class NativeLayer:
    """The hooks of a layer on frameworks that have no class for layers."""

    _call_nested: Any

    def _native_init(self) -> None:
        """Called before `__init__`."""

    def _native_call(self, *args: Any, **kwargs: Any) -> Any:
        """The call as the framework sees it."""
        return self._call_nested(*args, **kwargs)

    def _native_training(self) -> bool:
        """Whether the framework's own mode of the layer is to train."""
        return False

    def _native_mode(self, training: bool) -> None:
        """Set the framework's own mode of the layer, and of all in it."""

    def _native_compiling(self) -> bool:
        """Whether the framework's compiler is following this very call."""
        return False

    def _native_device(self) -> Any:
        """Where the layer's weights lie, if new tensors do not go there by themselves."""
        return None

    def _native_compiled(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """`step`, with the layer's call in it compiled where a framework compiles no whole step."""
        return step

    def _native_attribute(self, name: str, value: Any) -> bool:
        """Keep a value that is the framework's own kind of part; returns whether it was."""
        return False

    def _native_part(self, name: str, item: Any) -> None:
        """A variable, layer or container stands under `name` now, or (None) nothing."""

    def _native_state(self) -> dict[str, Any]:
        """Attributes of the framework's own that copies take along, such as hooks.

        Parts of the framework's own are among them, as "part NAME".
        """
        return {}

    def _native_hooks(self) -> bool:
        """Whether the framework would run anything of the user's around the call."""
        return False

    def _restore_part(self, name: str, value: Any) -> None:
        """Keep the copy of a part of the framework's own."""

    def _foreign_slots(self) -> Any:
        """Yield (path, table, key) of the tensors in parts of the framework's own."""
        return ()

    def _native_container(self, value: Any) -> Any:
        """The class of containers to use for one of class `value`; a tuple as a part."""
        return value
