"""Parts of a tensor that lies on several devices, and processes that work together."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

# The most bytes that a process tells the others at a time.
MAX_TEXT = 1000
# Seconds that processes wait for each other when they meet, and after which a silent one is gone.
_MEETING, _SILENCE = 60.0, 30.0


def meeting_seconds() -> float:
    """Returns how long processes wait for each other when they meet."""
    return float(os.environ.get("ISOZOO_DISTRIBUTION_TIMEOUT", _MEETING))


def silence_seconds() -> float:
    """Returns how long a process may give no sign of life until it counts as gone."""
    return float(os.environ.get("ISOZOO_DISTRIBUTION_SILENCE", _SILENCE))


class Part(NamedTuple):
    """A part of a tensor, which one device holds or several hold alike.

    Attributes:
        starts: where it begins along each axis.
        sizes: how long it is along each axis.
        devices: the numbers of the devices that have it, ascending.
        reads: number of a device of this process -> what gives the part as NumPy's array.
    """

    starts: tuple[int, ...]
    sizes: tuple[int, ...]
    devices: tuple[int, ...]
    reads: Mapping[int, Callable[[], Any]]


# (starts, sizes, number of a device, what reads the part, or None where another process has it)
Held = tuple[tuple[int, ...], tuple[int, ...], int, Callable[[], Any] | None]


def parts(held: Iterable[Held]) -> list[Part]:
    """Returns the parts that devices hold, each once, in the order of their starts."""
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], dict[int, Any]] = {}
    for starts, sizes, device, read in held:
        if all(sizes):  # where a size is not divided some devices may have nothing
            found.setdefault((tuple(starts), tuple(sizes)), {})[device] = read
    return [
        Part(starts, sizes, tuple(sorted(reads)), {d: r for d, r in reads.items() if r is not None})
        for (starts, sizes), reads in sorted(found.items())
    ]


def lost(count: int, number: int, error: BaseException, silent: int | None = None) -> RuntimeError:
    """Returns the error of a process whose `count` - 1 others are not all there any more.

    Args:
        count: how many processes there are.
        number: of this one.
        error: what the framework said.
        silent: the number of a process that has given no sign of life, where that is known.
    """
    who = f"Another of the {count} processes is gone, or does not answer"
    if silent is not None:
        who = f"Process {silent} of the {count} has given no sign of life"
    return RuntimeError(
        f"{who}; this is process {number}. What trained since the last checkpoint is lost: start "
        "the processes again, as many as there are devices now, with the callback BackupAndRestore "
        f"or after loading the last checkpoint. ({str(error).splitlines()[0][:200]})"
    )


def elsewhere(shape: Iterable[int]) -> list[Part]:
    """Returns the one part of a tensor that the first process has for all."""
    sizes = tuple(shape)
    return [Part((0,) * len(sizes), sizes, (0,), {})]
