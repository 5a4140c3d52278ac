"""What identifies a run of `verify`: a hash of its inputs, and numbers of its reference."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..framework.dtypes import is_float
from ..framework.nested import flatten, map_structure


def inputs_hash(inputs: Any) -> str:
    """Returns a sha256 over nested inputs: texts, numbers, arrays, and the content of paths."""
    digest = hashlib.sha256()
    _feed(digest, inputs)
    return digest.hexdigest()


def sample_of(reference: Mapping[str, np.ndarray], count: int = 16) -> dict[str, list[float]]:
    """Returns of each output its root mean square, and at most `count` elements spread over it."""
    found = {}
    for name, array in reference.items():
        flat = np.asarray(array, np.float64).reshape(-1)
        if not flat.size:
            found[name] = []
            continue
        places = np.unique(np.linspace(0, flat.size - 1, count).astype(int))
        found[name] = [float(np.sqrt(np.mean(flat**2))), *flat[places].tolist()]
    return found


def drawn_inputs(model: Any) -> Any:
    """Returns draws for the symbolic inputs of a model, 4 of each, nested as it takes them.

    They are uniform in [0, 1), the same each time. None where the model has no such inputs, or one
    is not of floats, or has a size that is not known.
    """
    try:
        inputs = model.input
    except (AttributeError, ValueError):
        return None
    specs = flatten(inputs)
    if not specs or not all(
        hasattr(x, "shape") and x.shape and None not in x.shape[1:] and is_float(x.dtype)
        for x in specs
    ):
        return None
    draws = np.random.default_rng(0)
    return map_structure(lambda x: draws.random((4, *x.shape[1:]), np.float32), inputs)


def _feed(digest: Any, value: Any) -> None:
    if isinstance(value, dict):
        for key in sorted(value, key=str):
            digest.update(f"key {key}\n".encode())
            _feed(digest, value[key])
    elif isinstance(value, list | tuple):
        digest.update(f"list {len(value)}\n".encode())
        for item in value:
            _feed(digest, item)
    elif isinstance(value, os.PathLike) or (isinstance(value, str) and os.path.isfile(value)):
        digest.update(Path(value).read_bytes())
    elif isinstance(value, str | bytes):
        digest.update(value.encode() if isinstance(value, str) else value)
    elif value is None or isinstance(value, bool | int | float):
        digest.update(repr(value).encode())
    else:
        array = np.asarray(value)
        digest.update(f"{array.dtype.name} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
