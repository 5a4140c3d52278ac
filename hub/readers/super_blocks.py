"""Numbers in super-blocks of 256, as most GGUF files hold them, and what they stand for.

Definition: ggml's `block_q2_K` to `block_q6_K`. A super-block is cut into parts of 16 or 32
numbers; each part has a scale, and in three of the forms a least value, of a few bits, which are
multiplied by one float16 of the super-block. Numbers whose bits share a byte stand 32 or 64 places
apart.
"""

from __future__ import annotations

import numpy as np

SIZE = 256


def half(raw: np.ndarray) -> np.ndarray:
    """float16 numbers of two bytes each as float32, (blocks, 1)."""
    return np.ascontiguousarray(raw).view("<f2").astype(np.float32)


def _bits(raw: np.ndarray, width: int, group: int) -> np.ndarray:
    """Numbers of `width` bits, (blocks, count): the lowest bits of `group` bytes, the next ones of
    these bytes, …, then those of the next `group` bytes.
    """
    shifts = np.arange(0, 8, width, dtype=np.uint8)[:, None]
    parts = raw.reshape(len(raw), -1, 1, group) >> shifts & ((1 << width) - 1)
    return parts.reshape(len(raw), -1)


def _scaled(numbers: np.ndarray, scales: np.ndarray, least: np.ndarray | None = None) -> np.ndarray:
    """numbers * scale - least, for the scale and the least value of each part."""
    count = scales.shape[1]
    found = numbers.reshape(len(numbers), count, -1).astype(np.float32) * scales[:, :, None]
    if least is not None:
        found = found - least[:, :, None]
    return found.reshape(len(numbers), SIZE)


def q2_k(raw: np.ndarray) -> np.ndarray:
    """uint8 (blocks, 84) -> float32 (blocks, 256): 2 bits, 16 parts."""
    scales, numbers = raw[:, :16], _bits(raw[:, 16:80], 2, 32)
    large, least = half(raw[:, 80:82]), half(raw[:, 82:84])
    return _scaled(numbers, large * (scales & 15), least * (scales >> 4))


def q3_k(raw: np.ndarray) -> np.ndarray:
    """uint8 (blocks, 110) -> float32 (blocks, 256): 3 bits, 16 parts, no least values."""
    high, low = _bits(raw[:, :32], 1, 32), _bits(raw[:, 32:96], 2, 32)
    scales = _bits(raw[:, 96:104], 4, 8) | _bits(raw[:, 104:108], 2, 4) << 4
    numbers = (low | high << 2).astype(np.int8) - 4
    return _scaled(numbers, half(raw[:, 108:110]) * (scales.astype(np.float32) - 32))


def _six_bits(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eight scales and eight least values of 6 bits each, in 12 bytes."""
    first, second, third = raw[:, :4], raw[:, 4:8], raw[:, 8:12]
    scales = np.concatenate([first & 63, third & 15 | first >> 6 << 4], axis=1)
    least = np.concatenate([second & 63, third >> 4 | second >> 6 << 4], axis=1)
    return scales, least


def q4_k(raw: np.ndarray) -> np.ndarray:
    """uint8 (blocks, 144) -> float32 (blocks, 256): 4 bits, 8 parts."""
    scales, least = _six_bits(raw[:, 4:16])
    numbers = _bits(raw[:, 16:], 4, 32)
    return _scaled(numbers, half(raw[:, :2]) * scales, half(raw[:, 2:4]) * least)


def q5_k(raw: np.ndarray) -> np.ndarray:
    """uint8 (blocks, 176) -> float32 (blocks, 256): 5 bits, 8 parts."""
    scales, least = _six_bits(raw[:, 4:16])
    numbers = _bits(raw[:, 48:], 4, 32) | _bits(raw[:, 16:48], 1, 32) << 4
    return _scaled(numbers, half(raw[:, :2]) * scales, half(raw[:, 2:4]) * least)


def q6_k(raw: np.ndarray) -> np.ndarray:
    """uint8 (blocks, 210) -> float32 (blocks, 256): 6 bits, 16 parts, no least values."""
    low, high = _bits(raw[:, :128], 4, 64), _bits(raw[:, 128:192], 2, 32)
    numbers = (low | high << 4).astype(np.int8) - 32
    scales = np.ascontiguousarray(raw[:, 192:208]).view(np.int8)
    return _scaled(numbers, half(raw[:, 208:210]) * scales)
