"""Names of classes, as a config.json gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Classified(NamedTuple):
    """One class that a classifier named: its number, its name, and its probability."""

    index: int  # pyright: ignore[reportIncompatibleMethodOverride]
    label: str
    probability: float


def most_probable(logits: np.ndarray, top: int, labels: Sequence[str] | None) -> list[Classified]:
    """Returns the `top` most probable classes, the most probable first.

    Args:
        logits: scores before softmax, (num_classes,).
        top: how many classes.
        labels: the names of the classes; None for "class 0", "class 1", …

    Raises:
        ValueError: `top` is not in 1 … num_classes.
    """
    if not 1 <= top <= len(logits):
        raise ValueError(f"`top` must lie between 1 and {len(logits)}; got {top}.")
    power = np.exp(logits.astype(np.float64) - logits.max())
    share = power / power.sum()
    order = np.argsort(-share, kind="stable")[:top]
    names: list[str] = [*(labels or map("class {}".format, range(len(logits))))]
    return [Classified(i, names[i], float(share[i])) for i in order.tolist()]


def count_classes(config: Mapping[str, Any], default: int) -> int:
    """Returns the number of classes by a config.json of transformers or timm.

    Args:
        config: the parsed file.
        default: the number where the file tells none.

    Raises:
        ValueError: what it tells is no positive number.
    """
    labels = config.get("id2label")
    found = len(labels) if isinstance(labels, Mapping) else None
    found = found or config.get("num_labels") or config.get("num_classes") or default
    if not isinstance(found, int) or found < 1:
        raise ValueError(f"config.json gives {found!r} as its number of classes.")
    return found


def head_classes(
    files: Mapping[str, Any], settings: Mapping[str, Any], default: int
) -> dict[str, Any]:
    """Returns `num_classes` as an argument of a head, from a preset's settings or its config.json.

    Args:
        files: name -> parsed JSON file.
        settings: of the preset.
        default: the number where neither tells one.

    Raises:
        ValueError: what config.json tells is no positive number.
    """
    config = files["config.json"] if "config.json" in files else {}
    return {"num_classes": settings.get("num_classes") or count_classes(config, default)}


def class_names(config: Mapping[str, Any], num_classes: int) -> tuple[str, ...] | None:
    """Returns the names that a config.json gives its classes; None where it gives none.

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
    return None


def label_entries(labels: Sequence[str] | None, num_classes: int) -> dict[str, Any]:
    """Returns the classes by number and by name, as transformers writes them to config.json."""
    names = labels or [f"LABEL_{number}" for number in range(num_classes)]
    return {
        "id2label": {str(number): name for number, name in enumerate(names)},
        "label2id": {name: number for number, name in enumerate(names)},
    }


class NamesClasses:
    """Names of classes, kept by the preprocessor; mixed into classifiers."""

    preprocessor: Any
    num_classes: int

    @property
    def labels(self) -> Sequence[str] | None:
        """The names of the classes, in the order of their numbers; None where they have none."""
        return getattr(self.preprocessor, "labels", None)

    @labels.setter
    def labels(self, labels: Sequence[str] | None) -> None:
        """Names the classes. ValueError for another number of names than of classes, or one twice,
        and where there is no preprocessor to keep them."""
        if labels is not None and len(set(labels)) != self.num_classes:
            raise ValueError(
                f"{self.num_classes} different names of classes are needed; got {list(labels)!r}."
            )
        if self.preprocessor is None:
            raise ValueError("The model has no preprocessor to keep names of classes in.")
        self.preprocessor.labels = None if labels is None else tuple(labels)
