"""Arguments that layers on images take, and their checks."""

from typing import Any

_RANGE = "The `value_range` argument should be a list of two numbers. "


def value_range(value: Any) -> list[Any]:
    """Returns the two ends of a range of pixels, the lower first. ValueError for other things."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ValueError(f"{_RANGE}Received: value_range={value}")
    return sorted(value)


def limits(
    value: Any,
    name: str,
    low: float,
    high: float,
    around_zero: bool = False,
    above: bool = False,
    names: str | None = None,
) -> tuple[float, float]:
    """Returns the limits of a random factor, of a number or of two.

    Args:
        value: one number f, which stands for (0, f), or (-|f|, |f|) `around_zero`; or both limits.
        name: of the argument.
        low, high: where factors must lie.
        above: whether `low` is out of reach.
        names: what an error calls the arguments; `name` if None.
    """
    pair = isinstance(value, tuple | list)
    numbers = list(value) if pair else [value]
    fits = all(
        isinstance(n, int | float) and (low < n if above else low <= n) and n <= high
        for n in numbers
    )
    if not fits or (pair and len(numbers) != 2):
        called = names or f"The `{name}` argument"
        raise ValueError(
            f"{called} should be a number (or a list of two numbers) in the range "
            f"{'(' if above else '['}{float(low)}, {float(high)}]. Received: {name}={value}"
        )
    if pair:
        first, second = sorted(numbers)
        return first, second
    return (-abs(value), abs(value)) if around_zero else (0, value)


def one_of(value: Any, name: str, known: tuple[str, ...]) -> Any:
    """Returns the value. NotImplementedError, as in Keras, for one that is not known."""
    if value not in known:
        raise NotImplementedError(f"Unknown `{name}` {value}. Expected of one {known}.")
    return value


FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")
