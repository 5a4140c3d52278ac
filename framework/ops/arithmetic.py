"""Arithmetic of one and of two operands, element by element, as NumPy defines it.

Operands broadcast and meet in the dtype of the promotion table (`framework.dtypes`). Functions
with real values answer integers in the default float.
"""

from .dispatch import Tensor, float_promoted, floating, numeric, operands, promoted, tensor
from .op import op


@op
def add(x1, x2) -> Tensor:
    """x1 + x2. Broadcasts; booleans add as "or"."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.add(x1, x2)


@op
def subtract(x1, x2) -> Tensor:
    """x1 - x2. Broadcasts."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.subtract(x1, x2)


@op
def multiply(x1, x2) -> Tensor:
    """x1 * x2. Broadcasts."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.multiply(x1, x2)


@op
def divide(x1, x2) -> Tensor:
    """x1 / x2 in a float dtype; a zero divisor gives infinity or NaN."""
    backend, x1, x2 = float_promoted(x1, x2)
    return backend.divide(x1, x2)


true_divide = divide


@op
def floor_divide(x1, x2) -> Tensor:
    """The largest integer not above x1 / x2, in the operands' dtype.

    An integer divided by zero is an error or any number, as the backend has it.
    """
    backend, x1, x2 = promoted(x1, x2)
    return backend.floor_divide(x1, x2)


@op
def mod(x1, x2) -> Tensor:
    """x1 - floor(x1 / x2) * x2: the remainder with the divisor's sign."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.mod(x1, x2)


@op
def power(x1, x2) -> Tensor:
    """x1 to the power of x2."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.power(x1, x2)


@op
def maximum(x1, x2) -> Tensor:
    """The larger of both; NaN where either is NaN."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.maximum(x1, x2)


@op
def minimum(x1, x2) -> Tensor:
    """The smaller of both; NaN where either is NaN."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.minimum(x1, x2)


@op
def arctan2(x1, x2) -> Tensor:
    """The angle of the point (x2, x1), in radians from -pi to pi."""
    backend, x1, x2 = float_promoted(x1, x2)
    return backend.arctan2(x1, x2)


@op
def negative(x) -> Tensor:
    """-x."""
    backend, x = tensor(x)
    return backend.negative(x)


@op
def absolute(x) -> Tensor:
    """|x|; the modulus of a complex number."""
    backend, x = tensor(x)
    return x if backend.dtype(x) == "bool" else backend.absolute(x)


abs = absolute


@op
def sign(x) -> Tensor:
    """-1, 0 or 1 by the sign of x; NaN stays NaN."""
    backend, x = tensor(x)
    return backend.sign(x)


@op
def square(x) -> Tensor:
    """x * x. Booleans count as int32."""
    backend, x = numeric(x)
    return backend.square(x)


@op
def reciprocal(x) -> Tensor:
    """1 / x in a float dtype."""
    backend, x = floating(x)
    return backend.reciprocal(x)


@op
def clip(x, x_min, x_max) -> Tensor:
    """x, no lower than x_min and no higher than x_max, which broadcast. Booleans count as int32."""
    backend, x = numeric(x)
    if type(x_min) is type(x_max) is float and x.dtype in backend.float_types:
        return backend.clip(x, x_min, x_max)  # nothing to promote
    backend, (x, x_min, x_max) = operands(x, x_min, x_max)
    return backend.clip(x, x_min, x_max)
