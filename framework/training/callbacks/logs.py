"""Metrics in the form that callbacks get."""

from typing import Any

import numpy as np

from ...backends import registry
from ...ops.conversion import convert_to_numpy


def python_logs(logs: Any) -> Any:
    """Returns logs with Python numbers for scalars; None becomes an empty dict.

    A subclass of dict stays as it is, for it may fetch its numbers when they are looked at; so does
    what is no dict.

    Args:
        logs: name -> number, scalar tensor, array, or a dict of them.
    """
    if logs is None:
        return {}
    if type(logs) is not dict or all(type(value) in (float, int) for value in logs.values()):
        return logs
    return {name: _plain(value) for name, value in logs.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return python_logs(value)
    owner = registry.owner_of(value)
    if isinstance(value, np.generic | np.ndarray) or not isinstance(owner, registry.Kind):
        array = np.asarray(convert_to_numpy(value))
        return array.item() if array.size == 1 else array
    return value
