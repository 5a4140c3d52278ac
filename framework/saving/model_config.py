"""From a config to a model that waits for its weights, and what follows when they are there."""

from __future__ import annotations

import math
import os
from typing import Any

from ..core.scopes import deferred_initialization
from ..core.variable import Variable
from ..registered import custom_object_scope
from ..serialization import deserialize, object_sharing, reading_a_file
from .errors import FileError
from .layout import has_state, parts_of_model
from .state import OPTIMIZER, Source, is_of_optimizer, read_state

MAX_DEPTH = 200


# Variables that a model may have beside those in its file: states that are not saved.
UNSAVED = 1 << 20


class Budget:
    """How many numbers the variables of a model may have that a file describes.

    A model's variables are counted when they are made, before anything is computed with them.

    Args:
        path: the file.
        held: how many numbers it holds.
    """

    def __init__(self, path: str | os.PathLike[str], held: int) -> None:
        self.path, self.held, self.used = path, held, 0

    def note(self, variable: Variable) -> None:
        """Counts a variable. FileError if there are more numbers than there can be."""
        self.used += math.prod(variable.shape)
        if self.used > 2 * self.held + UNSAVED:
            raise FileError(
                self.path,
                f"its config describes weights of {self.used} numbers and more, but it holds "
                f"{self.held}: the two do not fit",
            )


def built_from(
    config: dict[str, Any], custom_objects: Any = None, budget: Budget | None = None
) -> Any:
    """Returns the model of a config, without values, and not compiled.

    No initializer runs and nothing is allocated: the sizes in a config are nobody's promise.

    Args:
        config: what `serialize_object` gave.
        custom_objects: classes and functions that it may name, too.
        budget: what counts the variables.

    Raises:
        ValueError: it is nested too deeply, holds code, or has more variables than the file.
        TypeError: it names what is not known here.
    """
    if _depth(config) > MAX_DEPTH:
        raise ValueError(f"The config is nested deeper than {MAX_DEPTH}, which no model needs.")
    with reading_a_file(), object_sharing(), deferred_initialization(budget):
        model = deserialize(config, custom_objects)
    if not has_state(model):
        raise TypeError(f"The config describes no model or layer, but {type(model).__name__}.")
    return model


def _depth(x: Any) -> int:
    depth, level = 0, [x]
    while level and depth <= MAX_DEPTH + 1:
        depth += 1
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list | tuple):
                below += item
        level = below
    return depth


def initialize_rest(model: Any) -> None:
    """Gives variables their initial values that no file gave any."""
    for part in parts_of_model(model):
        for variable in getattr(part.owner, "variables", ()):
            if isinstance(variable, Variable) and not variable.initialized:
                variable.initialize()


def finished(model: Any, config: Any, custom_objects: Any, source: Source) -> None:
    """Initializes what the file has no values of, compiles the model, reads its optimizer's state.

    Args:
        model: with its weights.
        config: the model's "compile_config"; None or empty if it shall not be compiled.
        custom_objects: classes and functions that the config may name, too.
        source: the file.
    """
    initialize_rest(model)
    if not compiled_as(model, config, custom_objects):
        return
    optimizer = getattr(model, OPTIMIZER, None)
    if optimizer is not None and optimizer.built and source.part(OPTIMIZER):
        read_state(model, source, strict=False, only=is_of_optimizer)


def compiled_as(model: Any, config: Any, custom_objects: Any) -> bool:
    """Compiles a model as a "compile_config" says, if there is one; returns whether it did."""
    if not config or not hasattr(model, "compile_from_config"):
        return False
    if not isinstance(config, dict):
        raise ValueError(f"The config of `compile` is no object, but {type(config).__name__}.")
    with custom_object_scope(custom_objects):
        model.compile_from_config(config)
    return True
