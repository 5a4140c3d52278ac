"""Errors that say in which layer they came up, and what the layer got."""

import traceback
from typing import Any


def name_layer(error: BaseException, kind: type) -> None:
    """Adds to an error's message the path of the innermost layer under way, and what it got.

    Errors of other classes than ValueError, TypeError and RuntimeError stay what they are, and so
    do messages that name the layer already.

    Args:
        error: as it was caught, on its way out of the outermost layer.
        kind: the class of layers.
    """
    plain = type(error) in (ValueError, TypeError, RuntimeError)
    ours = type(error).__name__ == "InvalidArgumentError"
    if not (plain or ours) or not error.args or not isinstance(error.args[0], str):
        return
    layer, given = None, {}
    for frame, _ in traceback.walk_tb(error.__traceback__):
        owner = frame.f_locals.get("self")
        if not isinstance(owner, kind):
            continue
        if owner is not layer:
            layer, given = owner, {}
        code = frame.f_code
        if code.co_name == "call":
            names = code.co_varnames[1 : code.co_argcount]
            given = {name: frame.f_locals.get(name) for name in names}
    if layer is None:
        return
    path, message = _path_of(layer), error.args[0]
    if f"layer '{path}'" in message or f'layer "{path}"' in message or "\nIn the layer " in message:
        return
    got = [f"{name} {text}" for name, x in given.items() if (text := _described(x))]
    which = f", which got {', '.join(got)}" if got else ""
    told = f"{message}\nIn the layer '{path}' ({type(layer).__name__}){which}."
    error.args = (told, *error.args[1:])


def _path_of(layer: Any) -> str:
    """The layer's path; the name where it has no owner, or is not made to its end."""
    try:
        return layer.path
    except AttributeError:
        return type(layer).__name__


def _described(x: Any, depth: int = 0) -> str | None:
    """The shape of a tensor, or those of a few of them; None for what is none."""
    shape = getattr(x, "shape", None)
    if shape is not None:
        try:
            return f"({', '.join(str(n) for n in shape)}{',' if len(shape) == 1 else ''})"
        except (TypeError, ValueError):
            return None  # unknown even in its number of axes
    if depth < 2 and isinstance(x, list | tuple) and 0 < len(x) <= 8:
        parts = [_described(part, depth + 1) for part in x]
        return None if None in parts else f"[{', '.join(str(part) for part in parts)}]"
    return None
