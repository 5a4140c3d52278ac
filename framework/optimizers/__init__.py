"""Optimizers: what turns gradients into steps of a model's variables."""

from __future__ import annotations

from typing import Any

from .. import configs
from . import legacy as legacy
from . import schedules as schedules
from .adadelta import Adadelta
from .adafactor import Adafactor
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .ftrl import Ftrl
from .lamb import Lamb
from .lion import Lion
from .loss_scale_optimizer import LossScaleOptimizer
from .multi_optimizer import MultiOptimizer, OptimizerMap
from .muon import Muon
from .nadam import Nadam
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .schedule_free_adamw import ScheduleFreeAdamW
from .sgd import SGD

__all__ = [
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "SGD",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "legacy",
    "schedules",
    "serialize",
]

# Name in lower case -> class.
_CLASSES: dict[str, type] = {n.lower(): globals()[n] for n in __all__ if n[0].isupper()}


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Returns the config of an optimizer, with its class."""
    return configs.serialize_object(optimizer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """Makes the optimizer that a config describes.

    Args:
        config: what `serialize` gives; the name of an optimizer of ours may be in lower case, and
            needs no "module".
        custom_objects: classes and functions that the config names, by name.

    Raises:
        ValueError: a class that is neither an optimizer of ours nor registered.
    """
    name = str(config.get("class_name"))
    ours = _CLASSES.get(name.lower())
    known = configs.get_registered_object(name, custom_objects)
    if ours is not None and known is None and config.get("registered_name") in (None, name):
        config = {**config, "module": "keras.optimizers", "class_name": ours.__name__}
    return configs.deserialize(config, custom_objects)


def get(identifier: Any) -> Any:
    """Returns the optimizer that a name or config stands for; an optimizer or None as it is.

    Raises:
        ValueError: anything else.
    """
    if isinstance(identifier, str):
        if identifier.lower() not in _CLASSES:
            names = ", ".join(sorted(_CLASSES))
            raise ValueError(
                f"Could not interpret optimizer identifier: {identifier!r}. The names are: {names}."
            )
        identifier = {"class_name": identifier, "config": {}}
    found = deserialize(identifier) if isinstance(identifier, dict) else identifier
    if found is None or isinstance(found, Optimizer):
        return found
    raise ValueError(
        f"Could not interpret optimizer identifier: {identifier!r}. Give an optimizer, its name "
        "or its config."
    )
