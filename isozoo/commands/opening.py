"""The model that `isozoo run` is asked for."""

from __future__ import annotations

from typing import Any


def model_of(arguments: Any) -> Any:
    """Returns the model of a preset, folder or repository, as the options of the command say."""
    from ..catalog import from_preset

    return from_preset(
        arguments.name,
        backend=arguments.backend,
        folder=arguments.folder,
        offline=arguments.offline,
        file=arguments.file,
    )


def task_of(arguments: Any) -> Any:
    """Returns the model, which does something by itself. ValueError for another."""
    from ..hub.bases import Task

    model = model_of(arguments)
    if not isinstance(model, Task):
        raise ValueError(
            f"{arguments.name} is a {type(model).__name__}, which does nothing by itself"
        )
    return model
