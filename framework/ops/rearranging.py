"""Axes by name, in the notation of einops."""

import re
from math import prod
from typing import Any

from .dispatch import Tensor, tensor
from .errors import InvalidArgumentError, wrong
from .op import op

_TOKEN = re.compile(r"\s*(\.\.\.|[A-Za-z_]\w*|1|\(|\))")
_REST = "..."
Group = list[str]


@op
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Tensor:
    """Returns the tensor with its axes split, permuted and merged as `pattern` says.

    "b (h k) w c -> b h w (k c)" names the axes of the tensor and then those of the result; axes in
    parentheses are, in row-major order, one axis. "..." stands for any further axes, 1 for an axis
    of size 1. The notation is that of einops (Rogozhnikov, Einops: clear and reliable tensor
    manipulations, ICLR 2022).

    Args:
        tensor: tensor of any shape.
        pattern: two lists of names, "->" between them.
        **axes_lengths: sizes of axes that cannot be told from the tensor: of those that are merged
            in one of its axes, all but one.

    Returns: a tensor of the same dtype and number of elements.

    Raises InvalidArgumentError if the pattern is malformed or does not fit the shape.
    """
    backend, x = _tensor(tensor)
    before, after = _sides(pattern)
    before, after = _without_rest(pattern, before, after, len(backend.static_shape(x)))
    _check_names(pattern, before, after, axes_lengths)
    sizes = _sizes(pattern, before, backend.shape(x), axes_lengths)
    names = [name for group in before for name in group]
    order = tuple(names.index(name) for group in after for name in group)
    if any(len(group) != 1 for group in before):
        x = backend.reshape(x, tuple(sizes[name] for name in names))
    if order != tuple(range(len(names))):
        x = backend.transpose(x, order)
    if any(len(group) != 1 for group in after):
        x = backend.reshape(x, tuple(prod([sizes[name] for name in group]) for group in after))
    return x


_tensor = tensor


def _sides(pattern: Any) -> tuple[list[Group | None], list[Group | None]]:
    sides = pattern.split("->") if isinstance(pattern, str) else ()
    if len(sides) != 2:
        raise wrong("pattern", pattern, 'two lists of axes, like "b h w c -> b (h w) c"')
    before, after = (_groups(pattern, side) for side in sides)
    return before, after


def _groups(pattern: str, side: str) -> list[Group | None]:
    """One group of names for each axis, none for a 1, and None for any further axes."""
    groups: list[Group | None] = []
    inside: Group | None = None
    place = 0
    side = side.rstrip()
    while place < len(side):
        match = _TOKEN.match(side, place)
        if match is None:
            raise wrong("pattern", pattern, f"names, parentheses, 1 or ... at {side[place:]!r}")
        token, place = match[1], match.end()
        if token in "()":
            if (token == "(") is not (inside is None):
                raise wrong("pattern", pattern, "parentheses in pairs, none inside of others")
            if inside is None:
                inside = []
            else:
                groups.append(inside)
                inside = None
        elif inside is not None:
            inside += [] if token == "1" else [token]
        else:
            groups.append(None if token == _REST else [] if token == "1" else [token])
    if inside is not None:
        raise wrong("pattern", pattern, "parentheses in pairs, none inside of others")
    return groups


def _without_rest(
    pattern: str, before: list[Group | None], after: list[Group | None], rank: int
) -> tuple[list[Group], list[Group]]:
    """Both sides with names for the axes that "..." stands for."""
    found = before.count(None)
    if found > 1 or any(_REST in group for group in before if group is not None):
        raise wrong("pattern", pattern, '"..." once at most, and before "->" outside parentheses')
    if rank < len(before) - found or (not found and rank != len(before)):
        more = " or more" if found else ""
        raise wrong("tensor", f"{rank} axes", f"{len(before) - found}{more} axes by {pattern!r}")
    rest = [f"...{i}" for i in range(rank - len(before) + 1)]

    def spread(side: Any) -> Any:  # annotations that torch.compile would have to compute
        named = []
        for group in side:
            if group is None:
                named += [[name] for name in rest]
            else:
                named.append([n for name in group for n in (rest if name == _REST else [name])])
        return named

    return spread(before), spread(after)


def _check_names(pattern, before: list[Group], after: list[Group], lengths: dict) -> None:
    first, second = ([name for group in side for name in group] for side in (before, after))
    if len(set(first)) != len(first) or sorted(first) != sorted(second):
        raise wrong("pattern", pattern, 'each name once before "->" and once behind it')
    unknown = set(lengths) - set(first)
    if unknown:
        raise wrong(sorted(unknown)[0], lengths[sorted(unknown)[0]], f"an axis of {pattern!r}")


def _sizes(pattern: str, groups: list[Group], shape: tuple, lengths: dict) -> dict[str, Any]:
    """The size of each named axis."""
    sizes: dict[str, Any] = {}
    for group, size in zip(groups, shape, strict=True):
        open_names = [name for name in group if name not in lengths]
        known = prod([int(lengths[name]) for name in group if name in lengths])
        if len(open_names) > 1:
            raise InvalidArgumentError(
                f"argument `pattern`: got {pattern!r} without the sizes of "
                f"{', '.join(open_names)}; expected them as keyword arguments, for all but one of "
                "the axes in a parenthesis."
            )
        fits = size % known == 0 if open_names and known else size == known
        if isinstance(size, int) and not fits:
            raise InvalidArgumentError(
                f"argument `tensor`: an axis of size {size} cannot be split into "
                f"({' '.join(group)}) with the sizes {lengths}."
            )
        sizes.update({name: int(lengths[name]) for name in group if name in lengths})
        sizes.update({name: size // known if known else 0 for name in open_names})
    return sizes
