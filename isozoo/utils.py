"""Keras's namespace `utils`: what stands in `framework.utils`, and what stands above it."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .framework import utils as _below
from .framework.saving import legacy as legacy

# public name -> module below this package
_NAMES = {
    "CustomObjectScope": ".framework.saving",
    "custom_object_scope": ".framework.saving",
    "deserialize_keras_object": ".framework.saving",
    "get_custom_objects": ".framework.saving",
    "get_file": ".hub.files",
    "get_registered_name": ".framework.saving",
    "get_registered_object": ".framework.saving",
    "model_to_dot": ".framework.models.dot",
    "plot_model": ".framework.models.plotting",
    "register_keras_serializable": ".framework.saving",
    "serialize_keras_object": ".framework.saving",
}

__path__: list[str] = []  # its namespaces are modules of their own
sys.modules[f"{__name__}.legacy"] = legacy
sys.modules[f"{__name__}.bounding_boxes"] = _below.bounding_boxes

if TYPE_CHECKING:
    from .framework.models.dot import model_to_dot as model_to_dot
    from .framework.models.plotting import plot_model as plot_model
    from .framework.saving import CustomObjectScope as CustomObjectScope
    from .framework.saving import custom_object_scope as custom_object_scope
    from .framework.saving import deserialize_keras_object as deserialize_keras_object
    from .framework.saving import get_custom_objects as get_custom_objects
    from .framework.saving import get_registered_name as get_registered_name
    from .framework.saving import get_registered_object as get_registered_object
    from .framework.saving import register_keras_serializable as register_keras_serializable
    from .framework.saving import serialize_keras_object as serialize_keras_object
    from .framework.utils import *  # noqa: F403
    from .hub.files import get_file as get_file


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(_NAMES[name], __package__), name)
    return getattr(_below, name)


def __dir__() -> list[str]:
    public = [name for name in dir(_below) if not name.startswith("_")]
    return sorted({*public, *_NAMES, "legacy"})
