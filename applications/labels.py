"""Names of the classes that classifiers are trained on."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def imagenet_classes() -> tuple[str, ...]:
    """Returns the WordNet names of the 1,000 classes of ILSVRC 2012, in the order of their numbers.

    Two pairs share a name: 134 and 517 are a crane (bird, machine), 638 and 639 a maillot.
    """
    text = files(__package__ or "").joinpath("imagenet_classes.txt").read_text("utf-8")
    return tuple(text.splitlines())
