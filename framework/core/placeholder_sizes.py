"""Trial sizes for unknown dimensions: those of a result that differ with them depend on them."""

import itertools
from collections.abc import Callable
from typing import Any

# The first pair is small, the second wide enough for most windows, the third divisible by much.
_PAIRS = ((3, 5), (41, 97), (48, 96))
# Tried one after the other in the place of a size that fits; 0 for twice that size.
_OTHERS = (7, 0, 2, 1, 5, 4)
_TRIES = 400
_COMBINATIONS = 5000


# Wider than most windows and their steps, of which a small size shows none or one.
_WIDE = 211


def runs(
    run: Callable[[tuple[int, ...]], Any], unknown: int, known: set[int], windowed: bool = False
) -> list[Any]:
    """Returns results of `run(sizes)` for trial sizes, which show what depends on them.

    `unknown` is the number of unknown sizes.

    `known` are the sizes that the other axes have; `windowed` says that the call names numbers, by
    which a size may be divided. Raises what the first trial raised when no sizes fit.
    """
    first: Exception | None = None
    for pair in _PAIRS:
        try:
            found = [run((size,) * unknown) for size in pair]
        except Exception as error:
            first = first or error
            continue
        return [*found, *_tried(run, (_WIDE,) * unknown)] if windowed else found
    found = _search(run, unknown, known)
    if found is None:
        raise first or AssertionError
    return _vary(run, *found)


def _tried(run, sizes: tuple[int, ...]) -> list[Any]:
    try:
        return [run(sizes)]
    except Exception:  # the sizes may be fixed by what they meet
        return []


def _search(run, unknown: int, known: set[int]) -> tuple[tuple[int, ...], Any] | None:
    """The first sizes that fit, and their result."""
    small = set(range(2, 13))
    candidates = (3, *sorted(known - {0, 1, 3}), *sorted(small - known - {3}), 1)
    # The likelier ones first, for all unknown sizes alike.
    while len(candidates) ** unknown > _COMBINATIONS:
        candidates = candidates[:-1]
    places = itertools.product(range(len(candidates)), repeat=unknown)
    for chosen in sorted(places, key=sum)[:_TRIES]:
        sizes = tuple(candidates[place] for place in chosen)
        try:
            return sizes, run(sizes)
        except Exception:  # noqa: S112  (what does not fit is no size)
            continue
    return None


def _vary(run, sizes: tuple[int, ...], result: Any) -> list[Any]:
    """The result, and those with one size, or all equal ones, changed where that fits."""
    results = [result]
    groups = {(i,) for i in range(len(sizes))}
    groups |= {tuple(i for i, n in enumerate(sizes) if n == value) for value in set(sizes)}
    if len(sizes) <= 8:  # what two tensors have in common
        groups |= set(itertools.combinations(range(len(sizes)), 2))
    if len(sizes) <= 6:
        groups |= set(itertools.combinations(range(len(sizes)), 3))
    for group in sorted(groups):
        for other in _OTHERS:
            changed = tuple((other or 2 * n) if i in group else n for i, n in enumerate(sizes))
            if changed == sizes:
                continue
            try:
                results.append(run(changed))
            except Exception:  # noqa: S112  (the size may be fixed by what it meets)
                continue
            break
    return results
