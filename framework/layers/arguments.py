"""Arguments that layers of several kinds take, and their checks."""

from typing import Any


def positive(value: Any, name: str) -> int:
    """Returns a positive integer. TypeError for another type, ValueError below 1."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"Expected an integer value for `{name}`, got {type(value)}.")
    if value < 1:
        raise ValueError(
            f"Argument `{name}` should be a positive integer. Received: {name}={value}"
        )
    return value


def first_spatial_axis(data_format: str) -> int:
    """Returns where the spatial axes begin: behind the batch, or behind the channels."""
    return 2 if data_format == "channels_first" else 1
