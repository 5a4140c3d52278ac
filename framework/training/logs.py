"""Metrics in the form that users and callbacks get."""

from typing import Any

import numpy as np

from ..backends import registry
from ..ops.conversion import convert_to_numpy


def python_logs(logs: Any) -> Any:
    """Returns logs with Python numbers for scalars; None becomes an empty dict.

    A dict inside, such as the result of all metrics of `compile`, gives its entries. A subclass of
    dict stays as it is, for it may fetch its numbers when they are looked at; so does what is no
    dict.

    Args:
        logs: name -> number, scalar tensor, array, or a dict of them.
    """
    if logs is None:
        return {}
    if type(logs) is not dict or all(type(value) in (float, int) for value in logs.values()):
        return logs
    return {name: python_value(value) for name, value in spread_out(logs).items()}


def spread_out(logs: dict[str, Any]) -> dict[str, Any]:
    """Returns logs with the entries of a dict inside in its place."""
    found: dict[str, Any] = {}
    for name, value in logs.items():
        found.update(spread_out(value) if isinstance(value, dict) else {name: value})
    return found


def python_value(value: Any) -> Any:
    """Returns a scalar tensor as a Python number, another one as an array."""
    owner = registry.owner_of(value)
    if isinstance(value, np.generic | np.ndarray) or not isinstance(owner, registry.Kind):
        array = np.asarray(convert_to_numpy(value))
        return array.item() if array.size == 1 else array
    return value


def by_name(logs: Any) -> Any:
    """Returns logs in the order of their names, which is Keras's; what is no dict as it is.

    A dict inside gives its entries.
    """
    return dict(sorted(spread_out(logs).items())) if type(logs) is dict else logs


class Logs(dict):
    """The logs of a batch, whose numbers are fetched from the device when somebody looks.

    They are in the order of their names, as in Keras.

    Args:
        logs: name -> scalar tensor.
    """

    __slots__ = ("_fetched",)

    def __init__(self, logs: dict[str, Any]) -> None:
        super().__init__(by_name(logs))
        self._fetched = False

    def _fetch(self) -> None:
        if not self._fetched:
            self._fetched = True
            for name, value in list(dict.items(self)):
                dict.__setitem__(self, name, python_value(value))

    def __iter__(self) -> Any:
        # With it `dict(logs)` and `{**logs}` ask for each number, and copy no tensors.
        return super().__iter__()

    def __getitem__(self, key: Any) -> Any:
        self._fetch()
        return super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """Returns the number called `key`."""
        self._fetch()
        return super().get(key, default)

    def items(self) -> Any:
        """Returns the pairs (name, number)."""
        self._fetch()
        return super().items()

    def values(self) -> Any:
        """Returns the numbers."""
        self._fetch()
        return super().values()

    def copy(self) -> dict[str, Any]:
        """Returns a dict of the numbers."""
        return dict(self.items())
