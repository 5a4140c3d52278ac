"""The whole state of a model as nested dicts of values, and back."""

from typing import Any

from ..core.variable import Variable

_KINDS = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


def state_tree(model: Any, value_format: str) -> dict[str, Any]:
    """Returns the values of all variables; see `Model.get_state_tree`."""
    if value_format not in ("backend_tensor", "numpy_array", "variable"):
        raise ValueError(
            "Invalid `value_format` argument. Expected one of {'numpy_array', 'backend_tensor'}. "
            f"Received: value_format={value_format}"
        )
    found: dict[str, Any] = {kind: {} for kind in _KINDS}
    for kind, path, variable in _entries(model):
        if value_format == "variable":
            value: Any = variable
        else:
            value = variable.numpy() if value_format == "numpy_array" else variable.value
        at = found[kind]
        for name in path[:-1]:
            at = at.setdefault(name, {})
        if path[-1] in at:
            raise ValueError(
                "The following variable path is found twice in the model: "
                f"'{'/'.join(path)}'. `get_state_tree()` can only be called when all variable "
                "paths are unique. Make sure to give unique names to your layers (and other "
                "objects)."
            )
        at[path[-1]] = value
    return found


def assign_state_tree(model: Any, tree: dict[str, Any]) -> None:
    """Sets the variables that a tree names; see `Model.set_state_tree`."""
    unknown = sorted(set(tree) - set(_KINDS))
    if unknown:
        raise ValueError(f"Unknown variable name: {unknown[0]}; expected some of {_KINDS}.")
    known: dict[tuple[str, ...], Variable] = {
        (kind, *path): variable for kind, path, variable in _entries(model)
    }
    values: list[tuple[Variable, Any]] = []

    def walk(x: Any, path: tuple[str, ...]) -> None:
        if isinstance(x, dict):
            for name, value in x.items():
                walk(value, (*path, name))
        elif path in known:
            values.append((known[path], x))
        else:
            raise ValueError(
                f"The model {model.name!r} has no variable {'/'.join(path[1:])!r} among its "
                f"{path[0]}: {['/'.join(p[1:]) for p in known if p[0] == path[0]]}."
            )

    walk(tree, ())
    for variable, value in values:
        variable.assign(value)


def _entries(model: Any) -> list[tuple[str, list[str], Variable]]:
    """Triples (kind, names that lead to a variable, variable), by Keras's names.

    Keras's variables have the model's name before theirs, but for those of a functional model,
    whose layers were built outside of it.
    """
    outer = [] if getattr(model, "_is_functional", False) else [model.name]
    found = []
    for path, variable in model.named_variables():
        kind = "trainable_variables" if variable.trainable else "non_trainable_variables"
        found.append((kind, [*outer, *path.split(".")], variable))
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        for variable in optimizer.variables:
            names = variable.path.split(".")
            last = variable.name if len(names) < 3 else "_".join([*outer, variable.name])
            found.append(("optimizer_variables", [optimizer.name, last], variable))
    for metric in model.metrics:
        for inner in getattr(metric, "metrics", [metric]):
            for variable in inner.variables:
                found.append(("metrics_variables", [inner.name, variable.name], variable))
    return found
