"""Arguments of layers that move a window over spatial axes, in one form."""

from typing import Any

from .. import config

_FORMATS = ("channels_first", "channels_last")


def sizes(value: Any, rank: int, name: str, least: int = 1) -> tuple[int, ...]:
    """Returns a number for each of `rank` spatial axes, of one for all or of several.

    Raises:
        ValueError: another count, or what is no integer of at least `least` (0 or 1).
    """
    try:
        found = (value,) * rank if isinstance(value, int) else tuple(int(v) for v in value)
    except (TypeError, ValueError):
        found = ()
    wanted = f"The `{name}` argument must be a tuple of {rank} integers. Received {name}={value}"
    if len(found) != rank:
        raise ValueError(f"{wanted}. Give one number for all spatial axes, or {rank} of them.")
    wrong = {n for n in found if n < least}
    if wrong:
        rule = "value > 0" if least else "value >= 0"
        raise ValueError(f"{wanted}, including values {wrong} that do not satisfy `{rule}`")
    return found


def padding_of(value: Any, words: tuple[str, ...] = ("valid", "same")) -> Any:
    """Returns one of `words` in small letters, or pairs (before, behind), one for each axis.

    Raises:
        ValueError: another word.
    """
    if isinstance(value, list | tuple):
        return tuple((n, n) if isinstance(n, int) else tuple(n) for n in value)
    if not isinstance(value, str) or value.lower() not in words:
        raise ValueError(
            f"The `padding` argument must be a list/tuple or one of {words}. Received: {value}"
        )
    return value.lower()


def data_format_of(value: Any) -> str:
    """Returns where the channels stand: what was given, or the configured format for None.

    Raises:
        ValueError: another word.
    """
    found = config.image_data_format() if value is None else str(value).lower()
    if found not in _FORMATS:
        raise ValueError(
            "The `data_format` argument must be one of "
            f"{{'channels_first', 'channels_last'}}. Received: {value}"
        )
    return found


def channel_axis(data_format: str) -> int:
    """Returns the axis of the channels."""
    return -1 if data_format == "channels_last" else 1


def moved_over(
    shape: Any, axes: Any, kernel: Any, strides: Any, padding: Any, dilation: Any = None
) -> list[int | None] | None:
    """Returns how many places a window has along each of the `axes` of inputs of `shape`.

    None for an axis of unknown size; None for all where a window does not fit.

    Args:
        shape: the inputs' shape.
        axes: the axes that the window moves over.
        kernel: size of the window along each.
        strides: its step along each.
        padding: "valid", "same", or a pair (before, behind) for each axis.
        dilation: distance of neighbours in the window along each; 1 if None.
    """
    found: list[int | None] = []
    for i, axis in enumerate(axes):
        size = shape[axis]
        if size is None:
            found.append(None)
            continue
        if padding == "same":
            places = -(-size // strides[i])
        else:
            around = 0 if padding == "valid" else sum(padding[i])
            reach = (kernel[i] - 1) * (dilation[i] if dilation else 1) + 1
            places = (size + around - reach) // strides[i] + 1
        if places < 1:
            return None
        found.append(places)
    return found
