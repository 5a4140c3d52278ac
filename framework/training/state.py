"""All that a training run changes, as named arrays: what a run that was killed goes on from."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..backends import host_random


def held_state(model: Any) -> dict[str, tuple[Any, Any]]:
    """Returns what `training_state` returns with native tensors in the place of arrays.

    Args:
        model: a compiled model whose variables are made.

    Returns:
        name -> (backend, native tensor), or (None, array) for what is none.
    """
    found = {name: (v.backend, v.backend.read(v.native)) for name, v in _named(model)}
    return found | {name: (None, x) for name, x in _place(model).items()}


def _place(model: Any) -> dict[str, np.ndarray]:
    """The place in the data while `fit` runs."""
    batches = vars(model).get("_batches")
    place = {} if batches is None else batches.state()
    return {f"data/{key}": np.array(value, np.int64) for key, value in place.items()}


def _named(model: Any) -> Iterator[tuple[str, Any]]:
    """Pairs (name, variable) of the model, its optimizer, its metrics and the global draws."""
    for path, variable in model.named_variables():
        yield f"model/{path}", variable
    if model.optimizer is not None:
        for path, variable in model.optimizer.named_variables():
            yield f"optimizer/{path}", variable
    for number, metric in enumerate(model.metrics):
        for path, variable in metric.named_variables():
            yield f"metrics/{number}.{path}", variable
    generator = host_random.generators.get(model.backend)
    if generator is not None:
        yield "random/global", generator.state


def training_state(model: Any) -> dict[str, np.ndarray]:
    """Returns the values of all variables that training changes, by name.

    They are those of the model (states of seed generators included), its optimizer and its metrics,
    the state of the backend's global draws, and while `fit` runs its place in the data.

    Args:
        model: a compiled model whose variables are made.
    """
    found = {name: variable.numpy() for name, variable in _named(model)}
    return found | _place(model)


def restore_training_state(model: Any, state: Mapping[str, Any]) -> None:
    """Sets the variables to what `training_state` returned. All fit, or nothing changes.

    A `fit` that is about to begin goes on at the place in the data.

    Args:
        model: a model of the same architecture, compiled alike, whose variables are made.
        state: name -> values, as an array or as what `Variable.assign_parts` takes.

    Raises:
        ValueError: names or shapes that are not those of this model; the error lists them.
    """
    place = {
        k.removeprefix("data/"): int(np.asarray(v))
        for k, v in state.items()
        if k.startswith("data/")
    }
    state = {name: value for name, value in state.items() if not name.startswith("data/")}
    held = dict(_named(model))
    # The global draws may not have begun here or there.
    optional = {"random/global"}
    missing = sorted(held.keys() - state.keys() - optional)
    surplus = sorted(state.keys() - held.keys() - optional)
    shapes = [
        f"{name}: {tuple(state[name].shape)} in the place of {tuple(variable.shape)}"
        for name, variable in held.items()
        if name in state and tuple(state[name].shape) != tuple(variable.shape)
    ]
    if missing or surplus or shapes:
        raise ValueError(
            f"The saved state is that of another run than {model.name!r}: missing {missing[:9]}, "
            f"left over {surplus[:9]}, of other shapes {shapes[:9]}. Use the model, optimizer and "
            "metrics of the run that was saved, or remove its file to begin anew."
        )
    for name, variable in held.items():
        if name in state:
            value = state[name]
            if isinstance(value, np.ndarray):
                variable.assign(value)
            else:
                variable.assign_parts(value)
    if place:
        vars(model)["_place_in_data"] = place
