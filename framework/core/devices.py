"""Where new tensors go."""

import re
from contextlib import AbstractContextManager

from ..backends import registry


def device(device_name: str) -> AbstractContextManager:
    """Returns a context in which the current backend makes new tensors on the device named.

    A name is "cpu", "gpu" or what else the backend knows, with ":" and a number behind it for one
    of several: "gpu:1". Layers stay where they were made. ValueError for a device that there is
    not.
    """
    backend = registry.current()
    match = re.fullmatch(r"([a-z]+)(?::(\d+))?", str(device_name).lower())
    if match is None:
        raise ValueError(
            f'device: expected a name such as "cpu", "gpu" or "gpu:1"; got {device_name!r}.'
        )
    kind, index = match.groups()
    try:
        return backend.device(kind, None if index is None else int(index))
    except (RuntimeError, ValueError, IndexError) as error:
        raise ValueError(
            f"device: the backend {backend.name} has no device {device_name!r}: {error}"
        ) from error
