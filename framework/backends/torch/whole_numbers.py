"""Products of integers where torch has none: on CUDA, through exact products of floats."""

from typing import Any

# Bits of the parts that numbers of more bytes are cut into: float64 holds the sum of 2^21 products
# of two of them.
_BITS = 16
_PARTS = {1: 1, 2: 1, 4: 2, 8: 4}


def matmul(x: Any, y: Any) -> Any:
    """Returns x @ y of tensors of one integer dtype, modulo 2^bits, as torch gives it on the CPU.

    The sums may have up to 2^21 terms.
    """
    count = _PARTS[x.dtype.itemsize]
    total: Any = 0
    first, second = _cut(x, count), _cut(y, count)
    for i in range(count):
        for j in range(count - i):
            total = total + ((first[i] @ second[j]).long() << (_BITS * (i + j)))
    return total.to(x.dtype)


def _cut(x: Any, count: int) -> list[Any]:
    """float64 tensors p with x = sum of p[i] * 2^(16 i); the last one has the sign."""
    x = x.long()
    low = [(x >> (_BITS * i)) & (2**_BITS - 1) for i in range(count - 1)]
    return [part.double() for part in (*low, x >> (_BITS * (count - 1)))]
