"""Options of `isozoo run` that some tasks alone know."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple


def _numbers(*counts: int) -> Callable[[str], list[float]]:
    """Returns what reads an option of so many numbers, with commas between them."""

    def read(text: str) -> list[float]:
        found = [float(part) for part in text.split(",")]
        if len(found) not in counts:
            raise ValueError(text)
        return found

    read.__name__ = f"list of {' or '.join(map(str, counts))} numbers"
    return read


class Option(NamedTuple):
    """An option: what reads its value (None for a switch), what stands for the value, its help.

    One that is `repeated` may be given several times, and gives a list.
    """

    read: Any
    value: str
    told: str
    repeated: bool = False


OPTIONS = {
    "truncate": Option(None, "", "cut texts that are longer than the model takes"),
    "top": Option(int, "N", "how many classes of a picture"),
    "score": Option(float, "X", "the least score of an object, 0 to 1"),
    "point": Option(_numbers(2, 3), "X,Y", "of the object to segment; X,Y,0 outside of it", True),
    "box": Option(_numbers(4), "L,T,R,B", "around the object to segment", True),
    "label": Option(str, "TEXT", "a text to name a picture by", True),
    "negative": Option(str, "TEXT", "what is not to be seen in the picture"),
    "steps": Option(int, "N", "how many times noise is taken away; 50"),
    "guidance": Option(float, "X", "how much more the text counts than what is not wanted; 7.5"),
    "seed": Option(
        int,
        "N",
        "of drawn tokens (0 if absent), or of a picture's noise (a new one)",
    ),
    "width": Option(int, "N", "of the picture in pixels"),
    "height": Option(int, "N", "of the picture in pixels"),
    "scheduler": Option(str, "NAME", "pndm, ddim, euler, euler_ancestral or dpm_solver"),
    "image": Option(str, "FILE", "a picture to go on from"),
    "mask": Option(str, "FILE", "where that picture is painted anew, in white"),
    "strength": Option(float, "X", "how much of that picture is lost, 0 to 1"),
    "max_new_tokens": Option(int, "N", "the most tokens that are written; 64"),
    "temperature": Option(
        float, "X", "draws tokens: 1 as they are likely, less for the likelier ones"
    ),
    "top_k": Option(int, "N", "draws among so many of the likeliest tokens"),
    "top_p": Option(float, "X", "draws among the likeliest that have this probability together"),
    "num_beams": Option(int, "N", "how many texts a beam search follows"),
    "stop": Option(str, "TEXT", "a text at which writing ends", True),
}


def add(run: Any) -> None:
    """Declares the options."""
    for name, (read, value, told, repeated) in OPTIONS.items():
        if read is None:
            run.add_argument(_flag(name), action="store_true", default=None, help=told)
        elif repeated:
            told += "; may be given repeatedly"
            run.add_argument(_flag(name), metavar=value, type=read, action="append", help=told)
        else:
            run.add_argument(_flag(name), metavar=value, type=read, help=told)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def written(arguments: Any) -> list[str]:
    """Returns the options that were given as another command takes them."""
    found = []
    for name, option in OPTIONS.items():
        value = getattr(arguments, name)
        for one in value if isinstance(value, list) else [] if value is None else [value]:
            found.append(_flag(name))
            if option.read is not None:
                found.append(",".join(map(str, one)) if isinstance(one, list) else str(one))
    return found


def chosen(arguments: Any, adapter: Any) -> dict[str, Any]:
    """Returns the options that were given.

    Raises:
        ValueError: one that the model has no use for.
    """
    given = {name: getattr(arguments, name) for name in OPTIONS}
    found = {name: value for name, value in given.items() if value is not None}
    # A task without an adapter of its own names its options as parameters.
    own = {*adapter.options, *inspect.signature(adapter.model.run).parameters}
    for name in found:
        if name not in own:
            known = ", ".join(_flag(one) for one in OPTIONS if one in own) or "none"
            raise ValueError(
                f"{_flag(name)} is nothing to {arguments.name}; its own options: {known}"
            )
    return found
