"""Philox4x32-10, the generator that defines every random draw of isozoo.

J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A draw is keyed by
(seed, number of the draw), two 32-bit words. Word i of its stream s is lane i % 4 of the block
whose counter is (i // 4 in 64 bits, s, 0), lowest word first. TensorFlow's stateless kernels count
in the same way. Here in NumPy; backends reach the same words by the kernel that suits them.
"""

import os
from collections.abc import Callable

import numpy as np

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
MASK = 0xFFFFFFFF

CHUNK = 1 << 15  # blocks at a time: the working arrays then stay in the cache
_PARALLEL = 1 << 17  # blocks from which on threads pay
_HALF = np.uint64(32)
_LOW = np.uint64(MASK)
_FACTORS = tuple(np.uint64(m) for m in MULTIPLIERS)


def schedule(key: tuple[int, int]) -> list[tuple[int, int]]:
    """The key of each round."""
    return [((key[0] + r * WEYL[0]) & MASK, (key[1] + r * WEYL[1]) & MASK) for r in range(ROUNDS)]


def blocks(key: tuple[int, int], first: int, count: int, stream: int = 0) -> np.ndarray:
    """Words of `count` blocks from block number `first`: uint32 of shape (count, 4).

    The numbers of the blocks agree in all but the lowest 32 bits.
    """
    out = np.empty((count, 4), np.uint32)
    _blocks(schedule(key), first, out, np.empty((6, count), np.uint64), stream)
    return out


def _blocks(keys: list[tuple[int, int]], first: int, out: np.ndarray, work, stream: int) -> None:
    # x and y hold the words c0 and c2 in 64 bits. The other two are the lower halves of the last
    # products, r and s; those of this round are p and q. So a round is
    # x' = high(q) ^ low(r) ^ k0 and y' = high(p) ^ low(s) ^ k1.
    x, y, p, q, r, s = (array[: len(out)] for array in work)
    high, low = first >> 32, first & MASK
    # Of the first two rounds, the halves that are the same for all blocks.
    product = stream * MULTIPLIERS[1]
    k0, k1 = keys[0]
    np.multiply(np.arange(low, low + len(out), dtype=np.uint64), _FACTORS[0], out=s)
    np.right_shift(s, _HALF, out=y)
    np.bitwise_xor(y, np.uint64(k1), out=y)
    same = (product >> 32 ^ high ^ k0) * MULTIPLIERS[0]
    k0, k1 = keys[1]
    np.multiply(y, _FACTORS[1], out=r)
    np.right_shift(r, _HALF, out=x)
    np.bitwise_xor(x, np.uint64((product & MASK) ^ k0), out=x)
    np.bitwise_xor(s, np.uint64(same >> 32 ^ k1), out=y)
    np.bitwise_and(y, _LOW, out=y)
    s.fill(same & MASK)
    for k0, k1 in keys[2:]:
        np.multiply(x, _FACTORS[0], out=p)
        np.multiply(y, _FACTORS[1], out=q)
        for state, product, before, k in ((x, q, r, k0), (y, p, s, k1)):
            _high_xor_low(product, before, state)
            np.bitwise_xor(state, np.uint64(k), out=state)
            np.bitwise_and(state, _LOW, out=state)
        p, q, r, s = s, r, q, p
    for lane, state in enumerate((x, r, y, s)):
        out[:, lane] = state


def _high_xor_low(first: np.ndarray, second: np.ndarray, out: np.ndarray) -> None:
    """high(first) ^ low(second) of 64-bit numbers, in the lower halves of `out`.

    By the 32-bit words that follow each other in memory, which saves the shift; in the upper
    halves of `out` something else appears.
    """
    first, second, out = (array.view(np.uint32) for array in (first, second, out))
    np.bitwise_xor(first[1:], second[:-1], out=out[:-1])


def words(key: tuple[int, int], count: int, stream: int = 0) -> np.ndarray:
    """The first `count` 32-bit words of a stream of `key`: uint32 of shape (count,)."""
    out = np.empty(-(-count // 4) * 4, np.uint32)
    each(key, len(out) // 4, None, stream, out)
    return out[:count]


def each(
    key: tuple[int, int],
    total: int,
    use: Callable[[np.ndarray, int], None] | None,
    stream: int = 0,
    out: np.ndarray | None = None,
    first: int = 0,
) -> None:
    """The words of `total` blocks, a chunk after the other, in several threads when they are many.

    `use(words, start)` gets the flat words of each chunk, which it may overwrite, and the number
    of the first. With `out`, uint32 of shape (4 * total,), the words are written there. The blocks
    are those from number `first` on, and `start` is counted from there.
    """
    keys = schedule(key)
    starts = range(0, total, CHUNK)

    def run(part: range) -> None:
        work = np.empty((6, min(CHUNK, total)), np.uint64)
        scratch = np.empty(4 * min(CHUNK, total), np.uint32) if out is None else None
        for start in part:
            size = 4 * min(CHUNK, total - start)
            chunk = scratch[:size] if out is None else out[4 * start : 4 * start + size]  # pyright: ignore
            _blocks(keys, first + start, chunk.reshape(-1, 4), work, stream)
            if use is not None:
                use(chunk, 4 * start)

    threads = min(_processors(), len(starts)) if total >= _PARALLEL else 1
    if threads < 2:
        run(starts)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, (starts[i::threads] for i in range(threads))))


def _processors() -> int:
    """How many processors this process may use, 8 at most: beyond, memory is the limit."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(int(asked) if asked.isdigit() and int(asked) else 8, count or 1, 8)
