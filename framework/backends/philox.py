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
_FACTORS = np.array(MULTIPLIERS, np.uint64)[:, None]


def schedule(key: tuple[int, int]) -> list[tuple[int, int]]:
    """The key of each round."""
    return [((key[0] + r * WEYL[0]) & MASK, (key[1] + r * WEYL[1]) & MASK) for r in range(ROUNDS)]


def blocks(key: tuple[int, int], first: int, count: int, stream: int = 0) -> np.ndarray:
    """Words of `count` blocks from block number `first`: uint32 of shape (count, 4).

    The numbers of the blocks agree in all but the lowest 32 bits.
    """
    out = np.empty((count, 4), np.uint32)
    _blocks(schedule(key), first, out, np.empty((2, 2, count), np.uint64), stream)
    return out


def _blocks(keys: list[tuple[int, int]], first: int, out: np.ndarray, work, stream: int) -> None:
    # The rows of `state` hold the words c0 and c2 in 64 bits. The other two are the lower halves of
    # the last products, `before`: of row 0 in c3, of row 1 in c1, and so its rows are turned round.
    # A round is c0' = high(product 1) ^ c1 ^ k0 and c2' = high(product 0) ^ c3 ^ k1.
    state, before = work[:, :, : len(out)]
    x, y = state
    r, s = before
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
    for key in np.array(keys[2:], np.uint64)[..., None]:
        np.multiply(state, _FACTORS, out=state)
        turned = state[::-1]
        _high_xor_low(turned, before)
        np.bitwise_xor(before, key, out=before)
        np.bitwise_and(before, _LOW, out=before)
        state, before = before, turned
    for lane, words in enumerate((state[0], before[0], state[1], before[1])):
        out[:, lane] = words


def _high_xor_low(first: np.ndarray, second: np.ndarray) -> None:
    """high(first) ^ low(second) of rows of 64-bit numbers, in the lower halves of `second`.

    By the 32-bit words that follow each other in memory, which saves the shift; in the upper
    halves something else appears.
    """
    low = second.view(np.uint32)[:, :-1]
    np.bitwise_xor(first.view(np.uint32)[:, 1:], low, out=low)


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
    left = iter(starts)  # each thread takes the next, for none knows how busy its processor is

    def run() -> None:
        work = np.empty((2, 2, min(CHUNK, total)), np.uint64)
        scratch = np.empty(4 * min(CHUNK, total), np.uint32) if out is None else None
        for start in left:
            size = 4 * min(CHUNK, total - start)
            chunk = scratch[:size] if out is None else out[4 * start : 4 * start + size]  # pyright: ignore
            _blocks(keys, first + start, chunk.reshape(-1, 4), work, stream)
            if use is not None:
                use(chunk, 4 * start)

    threads = min(_processors(), len(starts)) if total >= _PARALLEL else 1
    if threads < 2:
        run()
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(run) for _ in range(threads - 1)]
        run()
        for other in others:
            other.result()


def _processors() -> int:
    """How many processors this process may use, 8 at most: beyond, memory is the limit."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(int(asked) if asked.isdigit() and int(asked) else 8, count or 1, 8)
