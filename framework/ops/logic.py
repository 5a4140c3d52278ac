"""Comparisons, logic and bits, element by element, as NumPy defines them."""

from .dispatch import Tensor, floating, promoted, tensor
from .op import op


@op
def equal(x1, x2) -> Tensor:
    """x1 == x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.equal(x1, x2)


@op
def not_equal(x1, x2) -> Tensor:
    """x1 != x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.not_equal(x1, x2)


@op
def less(x1, x2) -> Tensor:
    """x1 < x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.less(x1, x2)


@op
def less_equal(x1, x2) -> Tensor:
    """x1 <= x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.less_equal(x1, x2)


@op
def greater(x1, x2) -> Tensor:
    """x1 > x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.greater(x1, x2)


@op
def greater_equal(x1, x2) -> Tensor:
    """x1 >= x2, as booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.greater_equal(x1, x2)


def _boolean(x) -> tuple:
    backend, x = tensor(x)
    return backend, x if backend.dtype(x) == "bool" else backend.cast(x, "bool")


@op
def logical_and(x1, x2) -> Tensor:
    """Whether both are true (not zero)."""
    backend, x1, x2 = _booleans(x1, x2)
    return backend.logical_and(x1, x2)


@op
def logical_or(x1, x2) -> Tensor:
    """Whether either is true (not zero)."""
    backend, x1, x2 = _booleans(x1, x2)
    return backend.logical_or(x1, x2)


@op
def logical_xor(x1, x2) -> Tensor:
    """Whether exactly one is true (not zero)."""
    backend, x1, x2 = _booleans(x1, x2)
    return backend.logical_xor(x1, x2)


def _booleans(x1, x2) -> tuple:
    backend, x1, x2 = promoted(x1, x2)
    return backend, *(_as_boolean(backend, x) for x in (x1, x2))


def _as_boolean(backend, x):
    if isinstance(x, bool | int | float | complex):
        return backend.asarray(bool(x), "bool")
    return x if backend.dtype(x) == "bool" else backend.cast(x, "bool")


@op
def logical_not(x) -> Tensor:
    """Whether x is false (zero)."""
    backend, x = _boolean(x)
    return backend.logical_not(x)


@op
def bitwise_and(x1, x2) -> Tensor:
    """Bits set in both, of integers or booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.bitwise_and(x1, x2)


@op
def bitwise_or(x1, x2) -> Tensor:
    """Bits set in either, of integers or booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.bitwise_or(x1, x2)


@op
def bitwise_xor(x1, x2) -> Tensor:
    """Bits set in exactly one, of integers or booleans."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.bitwise_xor(x1, x2)


@op
def bitwise_not(x) -> Tensor:
    """All bits turned over, of integers or booleans."""
    backend, x = tensor(x)
    return backend.bitwise_not(x)


@op
def left_shift(x1, x2) -> Tensor:
    """x1 with its bits moved up by x2 places."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.left_shift(x1, x2)


@op
def right_shift(x1, x2) -> Tensor:
    """x1 with its bits moved down by x2 places; the sign is kept."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.right_shift(x1, x2)


@op
def isnan(x) -> Tensor:
    """Whether x is NaN."""
    backend, x = floating(x)
    return backend.isnan(x)


@op
def isinf(x) -> Tensor:
    """Whether x is positive or negative infinity."""
    backend, x = floating(x)
    return backend.isinf(x)


@op
def isfinite(x) -> Tensor:
    """Whether x is neither infinite nor NaN."""
    backend, x = floating(x)
    return backend.isfinite(x)
