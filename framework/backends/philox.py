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
_FACTORS = tuple(np.uint64(m) for m in MULTIPLIERS)


def schedule(key: tuple[int, int]) -> list[tuple[int, int]]:
    """The key of each round."""
    return [((key[0] + r * WEYL[0]) & MASK, (key[1] + r * WEYL[1]) & MASK) for r in range(ROUNDS)]


def blocks(key: tuple[int, int], first: int, count: int, stream: int = 0) -> np.ndarray:
    """Words of `count` blocks from block number `first`: uint32 of shape (count, 4)."""
    out = np.empty((count, 4), np.uint32)
    _blocks(schedule(key), first, out, np.empty((4, count), np.uint64), stream)
    return out


def _blocks(keys: list[tuple[int, int]], first: int, out: np.ndarray, work, stream: int) -> None:
    # A pair of words is one 64-bit number: a = (c0, c1), b = (c2, c3), the first word on top. So a
    # round is a' = high(b) * m1 ^ (low(a) ^ k0) << 32, and b' alike.
    a, b, p, q = (array[: len(out)] for array in work)
    p[:] = np.arange(first, first + len(out), dtype=np.uint64)
    np.left_shift(p, _HALF, out=a)
    np.right_shift(p, _HALF, out=p)
    np.bitwise_or(a, p, out=a)
    b.fill(stream << 32)
    for k0, k1 in keys:
        np.right_shift(a, _HALF, out=p)
        np.multiply(p, _FACTORS[0], out=p)
        np.right_shift(b, _HALF, out=q)
        np.multiply(q, _FACTORS[1], out=q)
        np.left_shift(a, _HALF, out=a)
        np.bitwise_xor(a, q, out=a)
        np.bitwise_xor(a, np.uint64(k0 << 32), out=a)
        np.left_shift(b, _HALF, out=b)
        np.bitwise_xor(b, p, out=b)
        np.bitwise_xor(b, np.uint64(k1 << 32), out=b)
    pairs = out.reshape(-1, 2, 2)
    for side, pair in enumerate((a, b)):
        np.right_shift(pair, _HALF, out=p)
        pairs[:, side, 0] = p
        pairs[:, side, 1] = pair


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
) -> None:
    """The words of `total` blocks, a chunk after the other, in several threads when they are many.

    `use(words, start)` gets the flat words of each chunk, which it may overwrite, and the number
    of the first. With `out`, uint32 of shape (4 * total,), the words are written there.
    """
    keys = schedule(key)
    starts = range(0, total, CHUNK)

    def run(part: range) -> None:
        work = np.empty((4, min(CHUNK, total)), np.uint64)
        scratch = np.empty(4 * min(CHUNK, total), np.uint32) if out is None else None
        for start in part:
            size = 4 * min(CHUNK, total - start)
            chunk = scratch[:size] if out is None else out[4 * start : 4 * start + size]  # pyright: ignore
            _blocks(keys, start, chunk.reshape(-1, 4), work, stream)
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
