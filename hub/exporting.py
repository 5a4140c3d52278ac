"""Exporting variables to safetensors under foreign names: a weight map read backward."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import WeightsError
from .readers.base import numpy_dtype
from .tensors import PendingTensor, pending, write_safetensors
from .transforms import Parts
from .weight_map import Row, WeightMap, group_paths


def export(
    variables: Mapping[str, Any],
    weight_map: WeightMap,
    path: str | os.PathLike[str],
    *,
    prefix: str | None = None,
    metadata: Mapping[str, str] | None = None,
    max_shard_bytes: int = 5_000_000_000,
    dtype: str | None = None,
) -> list[Path]:
    """Writes variables to safetensors under the map's foreign names: the table read backward.

    Tied and dropped keys are left out, of alternatives the first is written. For files, shards and
    memory see `tensors.write_safetensors`.

    Args:
        variables: path -> array, variable with `shape`, `dtype` and `numpy()`, or pending tensor.
        weight_map: the table for the layout to write.
        path: the file to write, ending in `.safetensors`.
        prefix: the prefix for the map's prefixed rows; the map's first when None.
        metadata: free text for the header.
        max_shard_bytes: the most bytes of tensors in one file.
        dtype: of the tensors of floats, such as "bfloat16"; the variables' own when None.

    Returns:
        The files written.

    Raises:
        WeightsError: variables without a row, or a row that lacks some of its variables.
    """
    tensors = foreign_tensors(variables, weight_map, prefix, dtype)
    return write_safetensors(path, tensors, metadata, max_shard_bytes)


def foreign_tensors(
    variables: Mapping[str, Any],
    weight_map: WeightMap,
    prefix: str | None = None,
    dtype: str | None = None,
) -> dict[str, PendingTensor]:
    """Returns foreign name -> tensor, each read and rearranged when it is wanted; see `export`."""
    prefix = weight_map.prefixes[0] if prefix is None else prefix
    wanted = None if dtype is None else numpy_dtype(dtype)
    problems: dict[str, list[str]] = {}
    found: dict[str, PendingTensor] = {}
    for row, binding, held in group_paths(variables, weight_map):
        if row is None:
            problems.setdefault("no row of the weight map has them", []).append(held[0])
            continue
        paths = row.paths(binding)
        absent = [p for at, p in enumerate(paths) if p is not None and at not in held]
        if absent:
            line = f"{', '.join(absent)} besides {', '.join(held.values())}"
            problems.setdefault("needed to undo a split, and missing", []).append(line)
        elif not problems:  # else it will be an error: spare the work
            parts = [pending(variables[p]) if p is not None else None for p in paths]
            found.update(_of_row(row, weight_map.keys_of(row, binding, prefix), parts))
    if problems:
        raise WeightsError("the export", problems, "Add rows for them to the weight map.")
    if wanted is None:
        return found
    return {key: _cast(tensor, wanted) for key, tensor in found.items()}


def _cast(tensor: PendingTensor, dtype: np.dtype[Any]) -> PendingTensor:
    # NumPy counts those of ml_dtypes among no kind.
    return tensor.cast(dtype) if "float" in tensor.dtype.name else tensor


def _of_row(
    row: Row, keys: list[str], parts: list[PendingTensor | None]
) -> dict[str, PendingTensor]:
    keys = keys[: None if row.joins else 1]
    # The steps know no sizes backward: arrays without memory tell them.
    shapes: Parts = [
        None if part is None else np.broadcast_to(np.zeros((), part.dtype), part.shape)
        for part in parts
    ]

    def release() -> None:
        for part in parts:
            if part is not None:
                part.release()

    def read(index: int) -> np.ndarray:
        arrays: Parts = [None if part is None else part.read() for part in parts]
        return np.asarray(row.steps.inverse(arrays, len(keys))[index])

    found = {}
    for index, (key, made) in enumerate(
        zip(keys, row.steps.inverse(shapes, len(keys)), strict=True)
    ):
        made = np.asarray(made)
        found[key] = PendingTensor(made.shape, made.dtype, lambda index=index: read(index), release)
    return found
