"""Numbers in the place of unknown sizes, to find out what a result's shape depends on."""

import itertools
from collections.abc import Callable
from typing import Any

# The first pair is small, the second wide enough for most windows, the third divisible by much.
_PAIRS = ((3, 5), (41, 97), (48, 96))
_SPARE = 7
_TRIES = 200


def runs(run: Callable[[tuple[int, ...]], Any], unknown: int, known: set[int]) -> list[Any]:
    """Results of `run(sizes)` for fillings of `unknown` sizes that show what depends on them.

    `known` are the sizes that the other axes have. Raises what the first filling raised when no
    filling fits.
    """
    first: Exception | None = None
    for pair in _PAIRS:
        try:
            return [run((size,) * unknown) for size in pair]
        except Exception as error:
            first = first or error
    found = _search(run, unknown, known)
    if found is None:
        raise first or AssertionError
    return _vary(run, *found)


def _search(run, unknown: int, known: set[int]) -> tuple[tuple[int, ...], Any] | None:
    """The first filling that fits, and its result."""
    candidates = (3, *sorted(known - {0, 1, 3}), 1)
    for sizes in itertools.islice(itertools.product(candidates, repeat=unknown), _TRIES):
        try:
            return sizes, run(sizes)
        except Exception:  # noqa: S112  (what does not fit is not a filling)
            continue
    return None


def _vary(run, sizes: tuple[int, ...], result: Any) -> list[Any]:
    """The result, and those with one size, or all equal ones, changed where that fits."""
    results = [result]
    groups = {(i,) for i in range(len(sizes))}
    groups |= {tuple(i for i, n in enumerate(sizes) if n == value) for value in set(sizes)}
    if len(sizes) <= 8:  # what two tensors have in common
        groups |= set(itertools.combinations(range(len(sizes)), 2))
    for group in sorted(groups):
        changed = tuple(_SPARE if i in group else n for i, n in enumerate(sizes))
        try:
            results.append(run(changed))
        except Exception:  # noqa: S112  (the size is fixed by what it meets)
            continue
    return results
