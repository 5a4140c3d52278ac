"""A step of training, testing or prediction as the backend's program."""

import inspect
from collections.abc import Callable
from typing import Any

from .. import config
from ..context import entered
from ..core.scopes import StatelessScope
from ..core.trackable import Settings
from ..nested import flatten


def is_stateless(train_step: Callable[..., Any]) -> bool:
    """Returns whether a user's step has Keras's form for JAX: `(state, data) -> (logs, state)`."""
    names = [
        p.name
        for p in inspect.signature(train_step).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return len(names) == 2


def step_function(model: Any, step: Callable[..., Any], kind: str) -> Callable[[list[Any]], Any]:
    """Returns `run(batches)`, which takes a list of batches through `step` in one program.

    The result is that of the last batch; for "predict" a list of all. The program reads and
    assigns the variables of the model, its optimizer and its metrics.

    Args:
        model: the model.
        step: a method `(data) -> result` of it, or one in Keras's form for JAX.
        kind: "train", "test" or "predict".
    """
    backend = model._backend
    setup = model._training_setup
    stateless = backend.functional and is_stateless(step)

    def steps(batches: list[Any]) -> Any:
        results = []
        # Losses that layers add belong to the step, and not to the layers that would keep them.
        with entered(backend=backend, device=model._native_device()):
            for data in batches:
                results.append(_by_state(model, step, kind, data) if stateless else step(data))
        model._clear_losses()
        return results if kind == "predict" else results[-1]

    eager = setup is not None and setup.run_eagerly
    variables = _variables(model, kind)
    if eager:
        run = steps
    else:
        compiled = setup.jit_compile if setup is not None else backend.compiles_steps()
        run = backend.step(
            model._native_compiled(steps) if compiled else steps, variables, compiled
        )
        if not compiled and _is_own(model, step):
            settings = Settings(_parts(model))
            run = backend.recorded_step(run, variables, model, settings.changed)
    if kind == "train":
        return run

    def without_gradients(batches: list[Any]) -> Any:
        with backend.unrecorded():
            return run(batches)

    return without_gradients


_PACKAGE = __name__.partition(".")[0]
# Attributes in which losses, metrics and layers keep what a user may have written.
_FUNCTIONS = ("fn", "_fn", "function", "activation", "module")


def _is_own(model: Any, step: Callable[..., Any]) -> bool:
    """Whether all of a step is isozoo's: nothing in it has effects that nobody here knows of."""
    setup = model._training_setup
    if setup is None or not getattr(step, "_is_default", False) or config.distribution():
        return False
    parts = _parts(model)
    if setup.loss is not None:
        parts += [part for part in flatten(setup.loss.given) if not isinstance(part, str)]
    functions = [getattr(part, name, None) for part in parts for name in _FUNCTIONS]
    homes = {getattr(part, "__module__", "") for part in (*parts, *functions) if part is not None}
    return all(home.partition(".")[0] == _PACKAGE for home in homes)


def _parts(model: Any) -> list[Any]:
    """What a step of a compiled model is made of: the model, its layers, optimizer and metrics."""
    measures = [m for part in model.metrics for m in getattr(part, "metrics", [part])]
    optimizer = model.optimizer
    others = [] if optimizer is None else [optimizer]
    return [model, *others, *measures, *model._flatten_layers()]


def _variables(model: Any, kind: str) -> list[Any]:
    """What a step may read or assign, each once."""
    found = {id(v): v for v in model.variables}
    if kind != "predict":
        found.update((id(v), v) for v in model._measuring_variables())
    if kind == "train" and model.optimizer is not None:
        found.update((id(v), v) for v in model.optimizer.variables)
    return list(found.values())


def _groups(model: Any, kind: str) -> list[list[Any]]:
    """The variables that make up a state in Keras's form for JAX."""
    found = [model.trainable_variables, model.non_trainable_variables]
    if kind == "train":
        found.append(model.optimizer.variables)
    if kind != "predict":
        found.append(model.metrics_variables)
    return found


def _by_state(model: Any, step: Callable[..., Any], kind: str, data: Any) -> Any:
    """A step in Keras's form for JAX, with the variables' values as its state."""
    groups = _groups(model, kind)
    result, state = step(tuple([v.value for v in group] for group in groups), data)
    for group, values in zip(groups, state, strict=False):
        for variable, value in zip(group, values, strict=True):
            variable.assign(value)
    return result


def with_state(model: Any, step: Callable[..., Any], kind: str, state: Any, data: Any) -> Any:
    """Returns (result, new state) of a step of data, as a pure function of the variables' values.

    Args:
        model: the model.
        step: a function of the data, which reads and assigns the model's variables.
        kind: "train", "test" or "predict".
        state: lists of values: of the trainable variables, the others, the optimizer's (for
            "train") and the metrics' (but for "predict").
        data: of the batch.
    """
    groups = _groups(model, kind)
    pairs = [
        pair
        for group, values in zip(groups, state, strict=True)
        for pair in zip(group, values, strict=True)
    ]
    with StatelessScope(pairs) as scope:
        result = step(data)
    return result, tuple([scope.get_current_value(v) for v in group] for group in groups)
