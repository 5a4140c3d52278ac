"""Kernels on uint16, uint32 and uint64, most of which torch lacks: through wider signed integers.

Numbers of 64 bits keep their bits: sums and products are right modulo 2^64, and comparisons see
them with the highest bit turned over, which puts them in order.
"""

from functools import wraps

import torch

from .placing import number

WIDER = {torch.uint16: torch.int32, torch.uint32: torch.int64, torch.uint64: torch.int64}
_TOP = -(2**63)

_COMPLEX = {torch.complex64: torch.float32, torch.complex128: torch.float64}
_BOOLEAN = {**WIDER, torch.bool: torch.int32}


def by_value(function):
    """Returns a kernel whose results follow from the bits, for the unsigned dtypes, too."""
    return _through(function, WIDER, False, True)


def by_value_and_boolean(function):
    """Returns a kernel like `by_value`, which computes booleans as integers."""
    return _through(function, _BOOLEAN, False, True)


def by_value_and_part(function):
    """Returns a kernel like `by_value`, which computes the parts of complex numbers apart.

    torch multiplies the second operand by a complex 1 before it adds, and an infinite part then
    makes the other one NaN.
    """
    return _through(function, {**WIDER, **_COMPLEX}, False, True)


def by_order(function):
    """Returns a kernel that compares its operands, for the unsigned dtypes, too."""
    return _through(function, WIDER, True, True)


def by_order_along(function):
    """Returns a kernel like `by_order`, whose numbers are axes and no operands."""
    return _through(function, WIDER, True, False)


def _right_shift(x, y):
    wide = WIDER[x.dtype]
    y = y.to(wide) if isinstance(y, torch.Tensor) else y
    moved = x.to(wide) >> y
    if x.dtype == torch.uint64:  # where the sign comes in, no bits do
        moved = moved & ~((torch.full_like(moved, _TOP) >> y) << 1)
    return moved.to(x.dtype)


def right_shift(function):
    """Returns a kernel that moves no sign into unsigned numbers."""
    return _own(function, _right_shift)


def absolute(function):
    """Returns a kernel that leaves unsigned numbers as they are."""
    return _own(function, lambda x: x)


def quotient(function):
    """Returns a kernel like `by_value`, which divides."""
    return _dividing(function, 0)


def remainder(function):
    """Returns a kernel like `by_value`, which gives the rest of a division."""
    return _dividing(function, 1)


def _dividing(function, place):
    narrow = by_value(function)

    @wraps(function)
    def kernel(x1, x2):
        tensor = x1 if isinstance(x1, torch.Tensor) else x2
        if tensor.dtype != torch.uint64:
            return narrow(x1, x2)
        x1, x2 = _bits(x1, tensor.device), _bits(x2, tensor.device)
        return _divmod(x1, x2)[place].to(torch.uint64)

    return kernel


def _bits(x, device):
    """A tensor of uint64, or a number, as the int64 of the same bits."""
    return x.to(torch.int64) if isinstance(x, torch.Tensor) else number(_signed(x), None, device)


def _divmod(x, y):
    """Quotient and rest of 64 bits without a sign that lie in int64; y is not 0."""
    half = (x >> 1) & ~_TOP
    y_is_large = y < 0
    quotient = torch.where(y_is_large, 0, half // torch.where(y_is_large, 1, y) << 1)
    rest = x - quotient * y
    more = (rest ^ _TOP) >= (y ^ _TOP)
    return quotient + more, rest - more * y


def gcd(x1, x2):
    """The greatest common divisor. torch's own gives negative ones next to the least integers."""
    return _common(*_sizes(x1, x2)).to(x1.dtype)


def lcm(x1, x2):
    """The least common multiple, 0 where an operand is 0."""
    x, y = _sizes(x1, x2)
    common = _common(x, y)
    return (_divmod(x, torch.where(common == 0, 1, common))[0] * y).to(x1.dtype)


def _sizes(*xs):
    """The sizes of integers as 64 bits without a sign, which lie in int64."""
    return [x.to(torch.int64) if x.dtype in WIDER else x.to(torch.int64).abs() for x in xs]


def _common(x, y):
    # Two steps of Euclid, after which torch sees no number as a negative one.
    x, y = torch.where((x ^ _TOP) < (y ^ _TOP), y, x), torch.where((x ^ _TOP) < (y ^ _TOP), x, y)
    for _ in range(2):
        none = y == 0
        x, y = torch.where(none, 0, y), torch.where(none, x, _divmod(x, torch.where(none, 1, y))[1])
    return torch.where(x == 0, y, torch.where(y == 0, x, torch.gcd(x & ~_TOP, y & ~_TOP)))


def _own(function, of_unsigned):
    @wraps(function)
    def kernel(x, *others):
        if isinstance(x, torch.Tensor) and x.dtype in WIDER:
            return of_unsigned(x, *others)
        return function(x, *others)

    return kernel


def _through(function, wider, ordered, operands):
    @wraps(function)
    def kernel(*args, **kwargs):
        for x in args:
            if isinstance(x, torch.Tensor):
                if x.dtype in wider:
                    break
                return function(*args, **kwargs)
        else:
            return function(*args, **kwargs)
        if x.dtype in _COMPLEX:
            parts = zip(*((x.real, x.imag) for x in args), strict=True)
            return torch.complex(*(function(*part) for part in parts))
        return _widely(function, wider[x.dtype], ordered, x.dtype, operands, args, kwargs)

    return kernel


def _widely(function, wide, ordered, dtype, operands, args, kwargs):
    turn = ordered and dtype == torch.uint64
    args = [_in(x, dtype, wide, turn, operands) for x in args]
    y = function(*args, **kwargs)
    if y.dtype != wide or (ordered and function.__name__.startswith("arg")):
        return y
    return (y ^ _TOP if turn else y).to(dtype)


def _in(x, dtype, wide, turn, operands):
    if not isinstance(x, torch.Tensor):
        return _signed(x ^ 2**63) if turn and operands and type(x) is int else x
    if x.dtype != dtype:
        return x
    return x.to(wide) ^ _TOP if turn else x.to(wide)


def _signed(number):
    """The 64 bits of a number, read as a signed one."""
    return number - 2**64 if number >= 2**63 else number
