"""Folders of pictures: found, classified in batches, and given as a table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..hub.labels import most_probable
from .images import ImageError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")


def picture_paths(inputs: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Returns the paths of pictures: files as they are named, and those in folders, in order.

    A folder stands for all files at any depth in it whose names end as those of pictures do
    (`ENDINGS`); links to folders are not followed.

    Raises:
        ImageError: a folder has no such file.
    """
    found: list[str] = []
    for given in (os.fspath(one) for one in inputs):
        if not os.path.isdir(given):
            found.append(given)
            continue
        inside = [
            os.path.join(folder, name)
            for folder, _, names in os.walk(given)
            for name in names
            if name.lower().endswith(ENDINGS)
        ]
        if not inside:
            raise ImageError(f"{given}: no file in it ends in {', '.join(ENDINGS)}.")
        found += sorted(inside)
    return found


def classify_files(
    model: Any,
    inputs: Sequence[str | os.PathLike[str]],
    top: int | None = None,
    batch_size: int = 16,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict[str, Any]]:
    """Returns the classes of many pictures; one that cannot be read does not stop the rest.

    Args:
        model: an `ImageClassifier` with a preprocessor.
        inputs: files, and folders of files; see `picture_paths`.
        top: how many classes of each; 5, or all of fewer, if None.
        batch_size: how many pictures are computed at a time.
        tell: called with (how many are done, how many there are).

    Returns:
        For each picture a dict of `input`, its path, and either `classes`, dicts as of `Classified`
        with the most probable first, or `error`, what is wrong with the file.

    Raises:
        ImageError: a folder without pictures.
        ValueError: `top` is out of range.
    """
    top = min(5, model.num_classes) if top is None else top
    if not 1 <= top <= model.num_classes:
        raise ValueError(f"`top` must lie between 1 and {model.num_classes}; got {top}.")
    paths = picture_paths(inputs)
    results: list[dict[str, Any]] = []
    for start in range(0, len(paths), batch_size):
        results += _batch(model, paths[start : start + batch_size], top)
        tell(len(results), len(paths))
    return results


def _batch(model: Any, paths: list[str], top: int) -> Iterator[dict[str, Any]]:
    import numpy as np

    preprocess = model.checked_preprocessor()
    ready, errors = [], {}
    for path in paths:
        try:
            ready.append(preprocess(path))
        except ImageError as error:
            text = str(error)
            errors[path] = text if path in text else f"{path}: {text}"
    scores = iter(model.predict(np.concatenate(ready), verbose=0) if ready else ())
    for path in paths:
        if path in errors:
            yield {"input": path, "error": errors[path]}
        else:
            found = most_probable(next(scores), top, preprocess.labels)
            yield {"input": path, "classes": [one._asdict() for one in found]}


def rows(results: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Returns results of `classify_files` as rows of a table, the names of its columns first."""
    found = [["file", "rank", "index", "label", "probability", "error"]]
    for result in results:
        path = str(Path(result["input"]))
        if "error" in result:
            found.append([path, "", "", "", "", result["error"]])
            continue
        for rank, one in enumerate(result["classes"], 1):
            share = f"{one['probability']:.6f}"
            found.append([path, str(rank), str(one["index"]), one["label"], share, ""])
    return found
