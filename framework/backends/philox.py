"""Philox4x32-10, the generator that defines every random draw of isozoo.

J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A draw of n words is
keyed by (seed, number of the draw); word i is lane i % 4 of the block whose counter is i // 4.
Here in NumPy; backends reach the same words by the kernel that suits them.
"""

import numpy as np

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
MASK = 0xFFFFFFFF


def blocks(key: tuple[int, int], first: int, count: int) -> np.ndarray:
    """Words of `count` blocks from block number `first`: uint32 of shape (count, 4)."""
    index = np.arange(first, first + count, dtype=np.uint64)
    c0, c1 = index & np.uint64(MASK), index >> np.uint64(32)
    c2 = c3 = np.zeros(count, np.uint64)
    k0, k1 = (int(k) & MASK for k in key)
    for _ in range(ROUNDS):
        p0 = c0 * np.uint64(MULTIPLIERS[0])
        p1 = c2 * np.uint64(MULTIPLIERS[1])
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            p1 & np.uint64(MASK),
            (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            p0 & np.uint64(MASK),
        )
        k0, k1 = (k0 + WEYL[0]) & MASK, (k1 + WEYL[1]) & MASK
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def words(key: tuple[int, int], count: int) -> np.ndarray:
    """The first `count` 32-bit words of the stream of `key`."""
    chunk = 1 << 18  # blocks at a time: the working arrays then stay in the cache
    total = -(-count // 4)
    out = np.empty((total, 4), np.uint32)
    for start in range(0, total, chunk):
        stop = min(start + chunk, total)
        out[start:stop] = blocks(key, start, stop - start)
    return out.reshape(-1)[:count]
