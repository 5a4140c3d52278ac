"""Numbers in blocks, as GGUF files hold them, and what they stand for.

Definition: ggml's `block_q4_0` and its like: 32 numbers have a scale in float16, some a least value
too, and each number is a few bits between. In blocks of 4 and 5 bits a byte holds the number of
its place and the one 16 places behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import super_blocks
from .super_blocks import half

SIZE = 32


class BlockForm(NamedTuple):
    """How numbers lie in a file.

    Attributes:
        name: as ggml calls it.
        numbers: how many are in a block.
        size: bytes of a block.
        read: uint8 (blocks, size) -> float32 (blocks, count); None where bytes are the numbers.
        dtype: NumPy's name, where bytes are the numbers.
    """

    name: str
    numbers: int
    size: int
    read: Callable[[np.ndarray], np.ndarray] | None = None
    dtype: str = "float32"


def _nibbles(raw: np.ndarray) -> np.ndarray:
    """The lower halves of bytes, then the upper ones."""
    return np.concatenate([raw & 15, raw >> 4], axis=1)


def _fifth_bits(raw: np.ndarray) -> np.ndarray:
    """The bits of four bytes, the lowest first, each at the place of the fifth bit."""
    return np.unpackbits(np.ascontiguousarray(raw), axis=1, bitorder="little") << 4


def _q4_0(raw: np.ndarray) -> np.ndarray:
    return half(raw[:, :2]) * (_nibbles(raw[:, 2:]).astype(np.float32) - 8)


def _q4_1(raw: np.ndarray) -> np.ndarray:
    return half(raw[:, :2]) * _nibbles(raw[:, 4:]) + half(raw[:, 2:4])


def _q5_0(raw: np.ndarray) -> np.ndarray:
    found = _nibbles(raw[:, 6:]) | _fifth_bits(raw[:, 2:6])
    return half(raw[:, :2]) * (found.astype(np.float32) - 16)


def _q5_1(raw: np.ndarray) -> np.ndarray:
    found = _nibbles(raw[:, 8:]) | _fifth_bits(raw[:, 4:8])
    return half(raw[:, :2]) * found + half(raw[:, 2:4])


def _q8_0(raw: np.ndarray) -> np.ndarray:
    return half(raw[:, :2]) * np.ascontiguousarray(raw[:, 2:]).view(np.int8)


# By ggml's number of the form.
FORMS = {
    0: BlockForm("F32", 1, 4),
    1: BlockForm("F16", 1, 2, dtype="float16"),
    2: BlockForm("Q4_0", SIZE, 18, _q4_0),
    3: BlockForm("Q4_1", SIZE, 20, _q4_1),
    6: BlockForm("Q5_0", SIZE, 22, _q5_0),
    7: BlockForm("Q5_1", SIZE, 24, _q5_1),
    8: BlockForm("Q8_0", SIZE, 34, _q8_0),
    10: BlockForm("Q2_K", super_blocks.SIZE, 84, super_blocks.q2_k),
    11: BlockForm("Q3_K", super_blocks.SIZE, 110, super_blocks.q3_k),
    12: BlockForm("Q4_K", super_blocks.SIZE, 144, super_blocks.q4_k),
    13: BlockForm("Q5_K", super_blocks.SIZE, 176, super_blocks.q5_k),
    14: BlockForm("Q6_K", super_blocks.SIZE, 210, super_blocks.q6_k),
    30: BlockForm("BF16", 1, 2, dtype="bfloat16"),
}
