"""Arithmetic of one and of two operands, element by element, as NumPy defines it.

Operands broadcast and meet in the dtype of the promotion table (`framework.dtypes`). Functions
with real values answer integers in the default float.
"""

import math
from typing import Any

from .. import dtypes
from ..typing import TensorLike
from .checks import of_integers
from .dispatch import (
    Tensor,
    float_promoted,
    floating,
    numeric,
    operands,
    promoted,
    tensor,
    together,
)
from .errors import is_scalar, wrong
from .op import op


def _counted(x1: Any, x2: Any) -> tuple[Any, Tensor, Tensor]:
    """Like `promoted`, with booleans made int32."""
    backend, x1, x2 = promoted(x1, x2)
    if backend.dtype(x2 if is_scalar(x1) else x1) == "bool":
        x1, x2 = (x if is_scalar(x) else backend.cast(x, "int32") for x in (x1, x2))
    return backend, x1, x2


def _tensors(backend: Any, x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """Promoted operands, of which none stays a Python number."""
    if is_scalar(x1):
        return backend.asarray(x1, backend.dtype(x2)), x2
    return x1, backend.asarray(x2, backend.dtype(x1)) if is_scalar(x2) else x2


def _real_tensors(x1: Any, x2: Any) -> tuple[Any, Tensor, Tensor]:
    """The backend, and both operands as tensors of one float dtype that is not complex."""
    backend, x1, x2 = float_promoted(x1, x2)
    x1, x2 = _tensors(backend, x1, x2)
    if backend.dtype(x1) in dtypes.COMPLEX:
        raise wrong("x1", x1, "real numbers, as x2")
    return backend, x1, x2


@op
def add(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 + x2. Broadcasts; booleans add as "or"."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.add(x1, x2)


@op
def subtract(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 - x2. Broadcasts."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.subtract(x1, x2)


@op
def multiply(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 * x2. Broadcasts."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.multiply(x1, x2)


@op
def divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 / x2 in a float dtype; a zero divisor gives infinity or NaN."""
    backend, x1, x2 = float_promoted(x1, x2)
    return backend.divide(x1, x2)


true_divide = divide


@op
def floor_divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the largest integer not above x1 / x2, in the operands' dtype.

    An integer divided by zero is 0, as in NumPy. Booleans count as int32.
    """
    backend, x1, x2 = _counted(x1, x2)
    return backend.divided(backend.floor_divide, x1, x2)


@op
def mod(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 - floor(x1 / x2) * x2: the remainder with the divisor's sign.

    An integer modulo zero is 0, as in NumPy. Booleans count as int32.
    """
    backend, x1, x2 = _counted(x1, x2)
    return backend.divided(backend.mod, x1, x2)


@op
def fmod(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 - trunc(x1 / x2) * x2: the remainder with the sign of x1.

    An integer modulo zero is 0, as in NumPy. Booleans count as int32.
    """
    backend, x1, x2 = _counted(x1, x2)
    return backend.divided(backend.fmod, *_tensors(backend, x1, x2))


@op
def divide_no_nan(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 / x2 in a float dtype, and 0 where x2 is 0. As in Keras."""
    backend, x1, x2 = float_promoted(x1, x2)
    x1, x2 = _tensors(backend, x1, x2)
    none = backend.equal(x2, 0)
    # The divisor is replaced too, so that no NaN comes into the gradient.
    y = backend.divide(x1, backend.where(none, 1.0, x2))
    return backend.where(none, 0.0, y)


@op
def power(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 to the power of x2. Booleans count as int32.

    An integer to a negative integer power is 1 / x, truncated; that of 0 is 0.
    """
    backend, x1, x2 = _counted(x1, x2)
    if (x2 if is_scalar(x1) else x1).dtype in backend.float_types:
        return backend.power(x1, x2)
    return backend.integer_power(x1, x2)


@op
def maximum(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the larger of both; NaN where either is NaN. Equal operands share the gradient."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.maximum(x1, x2)


@op
def minimum(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the smaller of both; NaN where either is NaN. Equal operands share the gradient."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.minimum(x1, x2)


@op
def fmax(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the larger of both; where one is NaN, the other."""
    backend, x1, x2 = promoted(x1, x2)
    return _without_nan(backend, backend.maximum, x1, x2)


@op
def fmin(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the smaller of both; where one is NaN, the other."""
    backend, x1, x2 = promoted(x1, x2)
    return _without_nan(backend, backend.minimum, x1, x2)


def _without_nan(backend: Any, extremum: Any, x1: Any, x2: Any) -> Tensor:
    x1, x2 = _tensors(backend, x1, x2)
    if x1.dtype not in backend.float_types:
        return extremum(x1, x2)
    first = backend.where(backend.isnan(x1), x2, x1)
    second = backend.where(backend.isnan(x2), x1, x2)
    return extremum(first, second)


@op
def hypot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes sqrt(x1^2 + x2^2) in a float dtype, without overflow of the squares."""
    backend, x1, x2 = _real_tensors(x1, x2)
    return backend.hypot(x1, x2)


@op
def logaddexp(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes log(exp(x1) + exp(x2)) in a float dtype, without overflow."""
    backend, x1, x2 = _real_tensors(x1, x2)
    return backend.logaddexp(x1, x2)


@op
def logaddexp2(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes log2(2^x1 + 2^x2) in a float dtype, without overflow."""
    backend, x1, x2 = _real_tensors(x1, x2)
    return backend.logaddexp2(x1, x2)


@op
def heaviside(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns 0 for negative x1, 1 for positive x1, x2 where x1 is 0; NaN stays NaN.

    In a float dtype.
    """
    backend, x1, x2 = _real_tensors(x1, x2)
    zero, one = (backend.asarray(n, backend.dtype(x1)) for n in (0, 1))
    side = backend.where(backend.less(x1, zero), zero, one)
    y = backend.where(backend.equal(x1, zero), x2, side)
    return backend.where(backend.isnan(x1), x1, y)


@op
def nextafter(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the number of the (float) dtype that comes next to x1 on the way to x2."""
    backend, x1, x2 = _real_tensors(x1, x2)
    return backend.nextafter(x1, x2)


@op
def ldexp(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes x1 * 2^x2, x2 integers; in the float dtype of x1."""
    backend, (x1, x2) = together(x1, x2)
    backend, x1 = floating(x1)
    of_integers(backend, x2, "x2")
    if backend.dtype(x2) in ("int64", "uint32", "uint64"):
        x2 = backend.clip(x2, *((0, 9999) if backend.dtype(x2)[0] == "u" else (-9999, 9999)))
    return backend.ldexp(x1, backend.cast(x2, "int32"))


def _whole(x1: Any, x2: Any) -> tuple[Any, Tensor, Tensor]:
    backend, x1, x2 = _counted(x1, x2)
    x1, x2 = _tensors(backend, x1, x2)
    of_integers(backend, x1, "x1")
    return backend, x1, x2


@op
def gcd(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the greatest common divisor of integers; gcd(0, 0) is 0. Booleans count as int32."""
    backend, x1, x2 = _whole(x1, x2)
    return backend.gcd(x1, x2)


@op
def lcm(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the least common multiple of integers, 0 if one is 0. Booleans count as int32."""
    backend, x1, x2 = _whole(x1, x2)
    return backend.lcm(x1, x2)


@op
def arctan2(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the angle of the point (x2, x1), in radians from -pi to pi."""
    backend, x1, x2 = _real_tensors(x1, x2)
    return backend.arctan2(x1, x2)


@op
def negative(x: TensorLike) -> Tensor:
    """Computes -x."""
    backend, x = tensor(x)
    return backend.negative(x)


@op
def absolute(x: TensorLike) -> Tensor:
    """Computes |x|; the modulus of a complex number."""
    backend, x = tensor(x)
    return x if backend.dtype(x) == "bool" else backend.absolute(x)


abs = absolute


@op
def fabs(x: TensorLike) -> Tensor:
    """Computes |x| in a float dtype."""
    backend, x = floating(x)
    return backend.absolute(x)


@op
def nan_to_num(
    x: TensorLike, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Returns x with `nan` for NaN, `posinf` and `neginf` for infinities.

    By default infinities become the largest and the smallest number of the dtype. Integers stay.
    """
    backend, x = tensor(x)
    dtype = backend.dtype(x)
    if dtype in dtypes.COMPLEX:
        parts = (
            _finite(backend, part(x), nan, posinf, neginf) for part in (backend.real, backend.imag)
        )
        first, second = (backend.cast(part, dtype) for part in parts)
        return backend.add(first, backend.multiply(second, backend.asarray(1j, dtype)))
    return _finite(backend, x, nan, posinf, neginf) if x.dtype in backend.float_types else x


def _finite(backend: Any, x: Tensor, nan: Any, posinf: Any, neginf: Any) -> Tensor:
    dtype = backend.dtype(x)
    most = dtypes.LARGEST[dtype]
    for found, value in (
        (backend.isnan(x), nan),
        (backend.equal(x, math.inf), most if posinf is None else posinf),
        (backend.equal(x, -math.inf), -most if neginf is None else neginf),
    ):
        x = backend.where(found, backend.asarray(value, dtype), x)
    return x


@op
def sign(x: TensorLike) -> Tensor:
    """Returns -1, 0 or 1 by the sign of x; NaN stays NaN. Booleans have none: an error."""
    backend, x = tensor(x)
    if backend.dtype(x) == "bool":
        raise wrong("x", x, "numbers")
    return backend.sign(x)


@op
def square(x: TensorLike) -> Tensor:
    """Computes x * x. Booleans count as int32."""
    backend, x = numeric(x)
    return backend.square(x)


@op
def reciprocal(x: TensorLike) -> Tensor:
    """Computes 1 / x in a float dtype."""
    backend, x = floating(x)
    return backend.reciprocal(x)


@op
def clip(x: TensorLike, x_min: TensorLike, x_max: TensorLike) -> Tensor:
    """Returns x, no lower than x_min and no higher than x_max, which broadcast.

    Booleans count as int32.
    """
    backend, x = numeric(x)
    if type(x_min) is type(x_max) is float and x.dtype in backend.float_types:
        return backend.clip(x, x_min, x_max)  # nothing to promote
    backend, (x, x_min, x_max) = operands(x, x_min, x_max)
    return backend.clip(x, x_min, x_max)
