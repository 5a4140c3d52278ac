"""Options of `isozoo run` that some tasks alone know."""

from __future__ import annotations

from typing import Any

# Option -> (type, or None where it may be given repeatedly; what stands for its value; its help).
OPTIONS: dict[str, tuple[Any, str, str]] = {
    "label": (None, "TEXT", "a text to name a picture by; may be given repeatedly"),
    "negative": (str, "TEXT", "what is not to be seen in the picture"),
    "steps": (int, "N", "how many times noise is taken away; 50"),
    "guidance": (float, "X", "how much more the text counts than what is not wanted; 7.5"),
    "seed": (int, "N", "of the noise that a picture begins as; a new one if absent"),
    "width": (int, "N", "of the picture in pixels"),
    "height": (int, "N", "of the picture in pixels"),
    "scheduler": (str, "NAME", "pndm, ddim, euler, euler_ancestral or dpm_solver"),
    "image": (str, "FILE", "a picture to go on from"),
    "mask": (str, "FILE", "where that picture is painted anew, in white"),
    "strength": (float, "X", "how much of that picture is lost, 0 to 1"),
}


def add(run: Any) -> None:
    """Declares the options."""
    for name, (kind, value, told) in OPTIONS.items():
        form = {"action": "append"} if kind is None else {"type": kind}
        run.add_argument(f"--{name}", metavar=value, help=told, **form)


def chosen(arguments: Any, adapter: Any) -> dict[str, Any]:
    """Returns the options that were given.

    Raises:
        ValueError: one that the model has no use for.
    """
    given = {name: getattr(arguments, name) for name in OPTIONS}
    found = {name: value for name, value in given.items() if value is not None}
    for name in found:
        if name not in adapter.options:
            known = ", ".join(f"--{one}" for one in adapter.options) or "none"
            raise ValueError(f"--{name} is nothing to {arguments.name}; its own options: {known}")
    return found
