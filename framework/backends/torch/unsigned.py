"""Kernels on uint16, uint32 and uint64, most of which torch lacks: through wider signed integers.

Numbers of 64 bits keep their bits: sums and products are right modulo 2^64, and comparisons see
them with the highest bit turned over, which puts them in order. Quotients, remainders and right
shifts of uint64 see numbers of 2^63 and more as negative ones.
"""

import torch

_WIDER = {torch.uint16: torch.int32, torch.uint32: torch.int64, torch.uint64: torch.int64}
_TOP = -(2**63)

# Kernels that follow from the bits, and kernels that compare.
_BY_VALUE = (
    "add subtract multiply negative absolute square power floor_divide mod fmod gcd lcm sum prod "
    "cumsum cumprod matmul einsum left_shift right_shift logical_and logical_or logical_not flip "
    "take_along_axis sign"
).split()
_BOOLEAN = {**_WIDER, torch.bool: torch.int32}
_OF_BOOLEANS = ("matmul", "einsum")
_BY_ORDER = "maximum minimum less less_equal greater greater_equal clip".split()
_EXTREMES = "max min argmax argmin".split()  # by order, too; their numbers are axes


def extend(cls: type) -> None:
    """Give the kernels of a backend class the unsigned dtypes."""
    for names, ordered in ((_BY_VALUE, False), (_BY_ORDER, True), (_EXTREMES, True)):
        for name in names:
            wider = _BOOLEAN if name in _OF_BOOLEANS else _WIDER
            kernel, operands = vars(cls)[name], name not in _EXTREMES
            if isinstance(kernel, staticmethod):
                made = _through(kernel.__func__, wider, ordered, operands)
                setattr(cls, name, staticmethod(made))
            else:
                setattr(cls, name, _through(kernel, wider, ordered, operands))


def _through(function, wider, ordered, operands):
    def kernel(*args, **kwargs):
        for x in args:
            if isinstance(x, torch.Tensor):
                if x.dtype in wider:
                    break
                return function(*args, **kwargs)
        else:
            return function(*args, **kwargs)
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
