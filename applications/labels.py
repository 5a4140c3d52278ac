"""Names of the classes that classifiers are trained on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def imagenet_classes() -> tuple[str, ...]:
    """Returns the WordNet names of the 1,000 classes of ILSVRC 2012, in the order of their numbers.

    Two pairs share a name: 134 and 517 are a crane (bird, machine), 638 and 639 a maillot.
    """
    text = files(__package__ or "").joinpath("imagenet_classes.txt").read_text("utf-8")
    return tuple(text.splitlines())


def count_classes(config: Mapping[str, Any]) -> int:
    """Returns the number of classes by a config.json of transformers or timm; 1,000 if it has none.

    Raises ValueError when what it tells is no positive number.
    """
    labels = config.get("id2label")
    found = len(labels) if isinstance(labels, Mapping) else None
    found = found or config.get("num_labels") or config.get("num_classes") or 1000
    if not isinstance(found, int) or found < 1:
        raise ValueError(f"config.json gives {found!r} as its number of classes.")
    return found


def class_names(config: Mapping[str, Any], num_classes: int) -> tuple[str, ...] | None:
    """Returns the names that a config.json gives its classes, else ImageNet's for 1,000, else None.

    `id2label` of transformers and `label_names` of timm are known; a list that does not name each
    of the `num_classes` exactly once, or only as LABEL_0, LABEL_1, …, is passed over.
    """
    found = config.get("id2label")
    if isinstance(found, Mapping):
        named = [found.get(str(index)) for index in range(num_classes)]
        given = len(found) == num_classes and all(isinstance(name, str) for name in named)
        if given and not str(named[0]).startswith("LABEL_"):
            return tuple(str(name) for name in named)
    found = config.get("label_names")
    if isinstance(found, list) and len(found) == num_classes:
        return tuple(str(name) for name in found)
    return imagenet_classes() if num_classes == 1000 else None
