"""Fingerprints of byte strings: FarmHash and SipHash, for many strings at a time, with NumPy.

Definitions: `farmhashna::Hash64` of FarmHash 1.1, which is its `Fingerprint64`
(github.com/google/farmhash); SipHash-2-4, J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast
short-input PRF", 2012; `FingerprintCat64` of tensorflow/core/platform/fingerprint.h.

All sums and products are those of 64 bits without sign, which NumPy's arrays wrap around.
"""

from collections.abc import Callable, Sequence

import numpy as np

_U64 = np.uint64
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CAT = 0xC6A4A7935BD1E995
_BITS = (1 << 64) - 1

Words = np.ndarray


def _word(x: int) -> np.uint64:
    return _U64(x & _BITS)


def fingerprint64(strings: Sequence[bytes]) -> np.ndarray:
    """Returns FarmHash's Fingerprint64 of each string, a (count,) array of uint64."""
    return _by_length(strings, _farm)


def siphash(strings: Sequence[bytes], key: tuple[int, int]) -> np.ndarray:
    """Returns SipHash-2-4 of each string under a key of two 64-bit numbers, as (count,) uint64."""
    return _by_length(strings, lambda rows, length: _sip(rows, length, key))


def concatenated(first: Words, second: Words) -> Words:
    """Returns the fingerprints of pairs of fingerprints; both are arrays of uint64."""
    multiplier = _word(_CAT)
    mixed = first ^ multiplier
    mixed = mixed ^ _shift_mix(second * multiplier) * multiplier
    mixed = mixed * multiplier
    return _shift_mix(_shift_mix(mixed) * multiplier)


def _by_length(
    strings: Sequence[bytes], function: Callable[[np.ndarray, int], Words]
) -> np.ndarray:
    """`function` of all strings of one length at once: they take the same way through it."""
    places: dict[int, list[int]] = {}
    for place, string in enumerate(strings):
        places.setdefault(len(string), []).append(place)
    found = np.empty(len(strings), _U64)
    for length, group in places.items():
        joined = b"".join([strings[place] for place in group])
        rows = np.frombuffer(joined, np.uint8).reshape(len(group), length)
        found[group] = function(rows, length)
    return found


# Pieces of FarmHash -------------------------------------------------------------------------------


def _fetch(rows: np.ndarray, start: int, size: int = 8) -> Words:
    """The little-endian number in `size` bytes from `start` of each row."""
    piece = np.ascontiguousarray(rows[:, start : start + size])
    return piece.view(f"<u{size}")[:, 0].astype(_U64)


def _shift_mix(x: Words) -> Words:
    return x ^ (x >> _U64(47))


def _rotate(x: Words, by: int) -> Words:
    return (x >> _U64(by)) | (x << _U64(64 - by))


def _mix(u: Words, v: Words, multiplier: Words | np.uint64) -> Words:
    a = _shift_mix((u ^ v) * multiplier)
    return _shift_mix((v ^ a) * multiplier) * multiplier


def _farm(rows: np.ndarray, length: int) -> Words:
    if length <= 16:
        return _farm_to_16(rows, length)
    if length > 64:
        return _farm_beyond_64(rows, length)
    multiplier = _word(_K2 + length * 2)
    b = _fetch(rows, 8)
    c, d = _fetch(rows, length - 8) * multiplier, _fetch(rows, length - 16) * _word(_K2)
    a = _fetch(rows, 0) * _word(_K1 if length <= 32 else _K2)
    y = _rotate(a + b, 43) + _rotate(c, 30) + d
    z = _mix(y, a + _rotate(b + _word(_K2), 18) + c, multiplier)
    if length <= 32:
        return z
    e, f = _fetch(rows, 16) * multiplier, _fetch(rows, 24)
    g = (y + _fetch(rows, length - 32)) * multiplier
    h = (z + _fetch(rows, length - 24)) * multiplier
    return _mix(_rotate(e + f, 43) + _rotate(g, 30) + h, e + _rotate(f + a, 18) + g, multiplier)


def _farm_to_16(rows: np.ndarray, length: int) -> Words:
    multiplier = _word(_K2 + length * 2)
    if length >= 8:
        a, b = _fetch(rows, 0) + _word(_K2), _fetch(rows, length - 8)
        c = _rotate(b, 37) * multiplier + a
        return _mix(c, (_rotate(a, 25) + b) * multiplier, multiplier)
    if length >= 4:
        first = _word(length) + (_fetch(rows, 0, 4) << _U64(3))
        return _mix(first, _fetch(rows, length - 4, 4), multiplier)
    if length:
        a, b, c = (rows[:, place].astype(_U64) for place in (0, length >> 1, length - 1))
        y, z = a + (b << _U64(8)), _word(length) + (c << _U64(2))
        return _shift_mix(y * _word(_K2) ^ z * _word(_K0)) * _word(_K2)
    return np.full(len(rows), _word(_K2))


def _weak(rows: np.ndarray, start: int, a: Words, b: Words) -> tuple[Words, Words]:
    """Two words of 32 bytes from `start` and of two seeds."""
    w, x, y, z = (_fetch(rows, start + 8 * n) for n in range(4))
    a = a + w
    b = _rotate(b + a + z, 21)
    c = a
    a = a + x + y
    return a + z, b + _rotate(a, 44) + c


def _farm_beyond_64(rows: np.ndarray, length: int) -> Words:
    count, k1 = len(rows), _word(_K1)
    x = np.full(count, _word(81 * _K2)) + _fetch(rows, 0)
    y = np.full(count, _word(81 * _K1 + 113))
    z = _shift_mix(y * _word(_K2) + _U64(113)) * _word(_K2)
    v = w = (np.zeros(count, _U64), np.zeros(count, _U64))

    def block(start, x, y, z, v, w, multiplier, last=False):
        nine = _U64(9 if last else 1)
        x = _rotate(x + y + v[0] + _fetch(rows, start + 8), 37) * multiplier
        y = _rotate(y + v[1] + _fetch(rows, start + 48), 42) * multiplier
        x = x ^ w[1] * nine
        y = y + v[0] * nine + _fetch(rows, start + 40)
        z = _rotate(z + w[0], 33) * multiplier
        v = _weak(rows, start, v[1] * multiplier, x + w[0])
        w = _weak(rows, start + 32, z + w[1], y + _fetch(rows, start + 16))
        return z, y, x, v, w

    for start in range(0, (length - 1) // 64 * 64, 64):
        x, y, z, v, w = block(start, x, y, z, v, w, k1)
    multiplier = k1 + ((z & _U64(0xFF)) << _U64(1))
    w = (w[0] + _word((length - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = block(length - 64, x, y, z, v, w, multiplier, last=True)
    first = _mix(v[0], w[0], multiplier) + _shift_mix(y) * _word(_K0) + z
    return _mix(first, _mix(v[1], w[1], multiplier) + x, multiplier)


# SipHash ------------------------------------------------------------------------------------------


def _rotate_left(x: Words, by: int) -> Words:
    return _rotate(x, 64 - by)


def _rounds(v: list[Words], count: int) -> None:
    for _ in range(count):
        v[0] = v[0] + v[1]
        v[2] = v[2] + v[3]
        v[1] = _rotate_left(v[1], 13) ^ v[0]
        v[3] = _rotate_left(v[3], 16) ^ v[2]
        v[0] = _rotate_left(v[0], 32) + v[3]
        v[2] = v[2] + v[1]
        v[1] = _rotate_left(v[1], 17) ^ v[2]
        v[3] = _rotate_left(v[3], 21) ^ v[0]
        v[2] = _rotate_left(v[2], 32)


def _sip(rows: np.ndarray, length: int, key: tuple[int, int]) -> Words:
    count = len(rows)
    first = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    v = [np.full(count, _word(key[n % 2] ^ word)) for n, word in enumerate(first)]
    full = length // 8 * 8
    last = np.zeros((count, 8), np.uint8)
    last[:, : length - full] = rows[:, full:]
    last[:, 7] = length & 0xFF
    for message in [*(_fetch(rows, start) for start in range(0, full, 8)), _fetch(last, 0)]:
        v[3] = v[3] ^ message
        _rounds(v, 2)
        v[0] = v[0] ^ message
    v[2] = v[2] ^ _U64(0xFF)
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]
