"""Hulls, rectangles and rings of points in a plane, as a text detector's boxes need them."""

from __future__ import annotations

import math

import numpy as np


def convex_hull(points: np.ndarray) -> np.ndarray:
    """Returns the corners of the convex hull in order, without those on its edges.

    Andrew's monotone chain (1979).

    Args:
        points: (count, 2), at least one.
    """
    ordered = np.unique(points, axis=0).tolist()  # by x, then by y
    if len(ordered) < 3:
        return np.array(ordered, np.float64)
    halves = []
    for chain in (ordered, ordered[::-1]):
        half: list[list[float]] = []
        for x, y in chain:
            while len(half) > 1 and _turn(half[-2], half[-1], x, y) <= 0:
                half.pop()
            half.append([x, y])
        halves += half[:-1]
    return np.array(halves, np.float64)


def _turn(a: list[float], b: list[float], x: float, y: float) -> float:
    return (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])


def least_rectangle(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns the rectangle of least area around points: its corners, and its shorter side.

    One of its sides lies on a side of the convex hull (Freeman and Shapira 1975).

    Args:
        points: (count, 2), at least one.

    Returns:
        Corners (4, 2): upper left, upper right, lower right, lower left, as far as a turned
        rectangle has such; and a length.
    """
    hull = convex_hull(points)
    along = np.roll(hull, -1, 0) - hull
    length = np.hypot(along[:, 0], along[:, 1])
    along = along[length > 0] / length[length > 0, None]
    if not len(along):  # one point
        along = np.array([[1.0, 0.0]])
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    ends = [(hull @ axis.T) for axis in (along, across)]  # (corners, sides)
    low, high = ([f(end, axis=0) for end in ends] for f in (np.min, np.max))
    sizes = [high[0] - low[0], high[1] - low[1]]
    best = int(np.argmin(sizes[0] * sizes[1]))
    u, v = along[best], across[best]
    corners = np.array(
        [
            a[best] * u + b[best] * v
            for a, b in ((low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1]))
        ]
    )
    return _ordered(corners), float(min(sizes[0][best], sizes[1][best]))


def _ordered(corners: np.ndarray) -> np.ndarray:
    """Four corners as upper left, upper right, lower right, lower left."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    return np.array([left[0], right[0], right[1], left[1]])


def area_and_length(polygon: np.ndarray) -> tuple[float, float]:
    """Returns the area of a polygon (count, 2) and the length of its border."""
    following = np.roll(polygon, -1, 0)
    twice = (polygon[:, 0] * following[:, 1] - following[:, 0] * polygon[:, 1]).sum()
    sides = following - polygon
    return abs(float(twice)) / 2, float(np.hypot(sides[:, 0], sides[:, 1]).sum())


def grown(polygon: np.ndarray, distance: float) -> np.ndarray:
    """Returns points of the border at a distance outside of a convex polygon, with round corners.

    Corners are cut to whole numbers before and the points rounded to such after, and an arc has as
    many points as keep it within a quarter of a pixel: as Clipper (A. Johnson, version 6) computes.

    Args:
        polygon: (count, 2).
        distance: in pixels, positive.
    """
    corners = convex_hull(np.trunc(polygon))  # counter-clockwise where y points up
    sides = np.roll(corners, -1, 0) - corners
    length = np.hypot(sides[:, 0], sides[:, 1])
    if len(corners) < 3:
        return corners
    normals = np.stack([sides[:, 1], -sides[:, 0]], 1) / length[:, None]
    error = min(0.25, distance * 0.25)
    per_radian = min(math.pi / math.acos(1 - error / distance), math.pi * distance) / math.tau
    found = []
    for corner, before, after in zip(corners, np.roll(normals, 1, 0), normals, strict=True):
        start = math.atan2(before[1], before[0])
        turn = math.atan2(before[0] * after[1] - before[1] * after[0], float(before @ after))
        steps = max(round(per_radian * abs(turn)), 1)
        angles = start + math.copysign(1 / per_radian, turn) * np.arange(steps)
        round_part = np.stack([np.cos(angles), np.sin(angles)], 1)
        found += [corner + distance * round_part, (corner + distance * after)[None]]
    points = np.concatenate(found)
    return np.trunc(points + np.where(points < 0, -0.5, 0.5))


def inside(polygon: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns which pixels a convex polygon covers, those that its border touches among them.

    Args:
        polygon: whole numbers (count, 2), columns and rows.
        height: rows of the result.
        width: columns of the result.

    Returns:
        bool (height, width).
    """
    rows, columns = np.mgrid[0:height, 0:width]
    corners = convex_hull(polygon)
    covered = np.ones((height, width), bool)
    low, high = polygon.min(0), polygon.max(0)
    covered &= (columns >= low[0]) & (columns <= high[0]) & (rows >= low[1]) & (rows <= high[1])
    for (x, y), (u, v) in zip(corners, np.roll(corners, -1, 0), strict=True):
        dx, dy = u - x, v - y
        if dx or dy:  # half a pixel along the axis that the side is steeper to
            beside = dx * (rows - y) - dy * (columns - x)
            covered &= beside >= -0.5 * max(abs(dx), abs(dy))
    return covered
