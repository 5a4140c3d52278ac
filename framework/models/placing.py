"""Where the boxes and arrows of a drawing go: in layers, by the way of Sugiyama.

Each box stands one row behind the last of those that lead to it. An arrow over several rows has a
bend in each between. Within the rows the order is that which the middles of the neighbours give
(K. Sugiyama, S. Tagawa, M. Toda, 1981), a few times up and down.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

GAP = 28.0  # between boxes of a row
STEP = 46.0  # between rows
SWEEPS = 6


@dataclass
class Place:
    """The middle of a box or of a bend, and its extent, in points."""

    x: float
    y: float
    width: float
    height: float


def place(
    sizes: dict[str, tuple[float, float]], arrows: list[tuple[str, str]], sideways: bool = False
) -> tuple[dict[str, Place], list[list[tuple[float, float]]]]:
    """Returns the places of boxes, and the points through which each arrow runs.

    Args:
        sizes: key -> (width, height), in the order in which they are named.
        arrows: pairs of keys, without circles.
        sideways: whether the rows go from left to right instead of from top to bottom.
    """
    if sideways:
        turned = {key: (height, width) for key, (width, height) in sizes.items()}
        places, paths = place(turned, arrows)
        for one in places.values():
            one.x, one.y, one.width, one.height = one.y, one.x, one.height, one.width
        return places, [[(y, x) for x, y in path] for path in paths]
    ranks = _ranks(list(sizes), arrows)
    extents, chains = dict(sizes), []
    for number, (first, last) in enumerate(arrows):
        bends = [f"{number}:{rank}" for rank in range(ranks[first] + 1, ranks[last])]
        for rank, bend in enumerate(bends, ranks[first] + 1):
            extents[bend], ranks[bend] = (0.0, 0.0), rank
        chains.append([first, *bends, last])
    rows: dict[int, list[str]] = defaultdict(list)
    for key in extents:
        rows[ranks[key]].append(key)
    before, behind = defaultdict(list), defaultdict(list)
    for chain in chains:
        for first, second in pairwise(chain):
            behind[first].append(second)
            before[second].append(first)
    xs = _columns(rows, extents, before, behind)
    middles, heights, top = {}, {}, 0.0
    for rank in sorted(rows):
        heights[rank] = max(extents[key][1] for key in rows[rank])
        middles[rank] = top + heights[rank] / 2
        top += heights[rank] + STEP
    left = min(xs[key] - extents[key][0] / 2 for key in sizes)
    left = min([left, *xs.values()])
    places = {key: Place(xs[key] - left, middles[ranks[key]], *extents[key]) for key in sizes}
    paths = []
    for first, *bends, last in chains:
        points = [(places[first].x, places[first].y + places[first].height / 2)]
        for bend in bends:  # straight through the row, so that no box of it is crossed
            x, y, half = xs[bend] - left, middles[ranks[bend]], heights[ranks[bend]] / 2
            points += [(x, y - half), (x, y + half)]
        points.append((places[last].x, places[last].y - places[last].height / 2))
        paths.append(points)
    return places, paths


def _ranks(keys: list[str], arrows: list[tuple[str, str]]) -> dict[str, int]:
    behind, waiting = defaultdict(list), dict.fromkeys(keys, 0)
    for first, last in arrows:
        behind[first].append(last)
        waiting[last] += 1
    ranks = dict.fromkeys(keys, 0)
    ready = [key for key in keys if not waiting[key]]
    for key in ready:
        for last in behind[key]:
            ranks[last] = max(ranks[last], ranks[key] + 1)
            waiting[last] -= 1
            if not waiting[last]:
                ready.append(last)
    # What nothing leads to stands right before what it leads to.
    led = {last for _, last in arrows}
    for key in keys:
        if key not in led and behind[key]:
            ranks[key] = min(ranks[last] for last in behind[key]) - 1
    return ranks


def _columns(
    rows: dict[int, list[str]],
    extents: dict[str, tuple[float, float]],
    before: dict[str, list[str]],
    behind: dict[str, list[str]],
) -> dict[str, float]:
    """The middle of each box or bend across its row."""
    xs: dict[str, float] = {}
    for row in rows.values():
        _spread(row, {key: 0.0 for key in row}, extents, xs)
    order = sorted(rows)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for rank in order if down else reversed(order):
            near = before if down else behind
            wanted = {
                key: sum(xs[other] for other in near[key]) / len(near[key])
                if near[key]
                else xs[key]
                for key in rows[rank]
            }
            rows[rank].sort(key=lambda key: wanted[key])
            _spread(rows[rank], wanted, extents, xs)
    return xs


def _spread(
    row: list[str],
    wanted: dict[str, float],
    extents: dict[str, tuple[float, float]],
    xs: dict[str, float],
) -> None:
    """Put a row's boxes near where they are wanted, in their order, none over another.

    Boxes that would overlap form a block about the mean of their wishes (least squares).
    """
    blocks: list[tuple[float, float, list[str]]] = []  # (sum of wishes, width, keys)

    def offset(keys: list[str], key: str) -> float:
        place = 0.0
        for one in keys:
            if one == key:
                return place + extents[one][0] / 2
            place += extents[one][0] + GAP
        return place

    def left(block: tuple[float, float, list[str]]) -> float:
        return block[0] / len(block[2])

    for key in row:
        width = extents[key][0]
        block = (wanted[key] - width / 2, width, [key])
        while blocks and left(blocks[-1]) + blocks[-1][1] + GAP > left(block):
            other = blocks.pop()
            shift = other[1] + GAP
            total = other[0] + block[0] - shift * len(block[2])
            block = (total, other[1] + GAP + block[1], other[2] + block[2])
        blocks.append(block)
    for block in blocks:
        for key in block[2]:
            xs[key] = left(block) + offset(block[2], key)
