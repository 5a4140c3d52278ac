"""Lines of text cut out of a picture and set upright."""

from __future__ import annotations

import numpy as np

# Of the cubic curve between pixels (Keys 1981), as OpenCV sets it.
_SHARPNESS = -0.75
# How much higher than wide a line is that runs from top to bottom.
_UPRIGHT = 1.5


def cut_out(pixels: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Returns the quadrangle of a picture as a rectangle, lying where it stands.

    Args:
        pixels: uint8 (rows, columns, channels).
        corners: (4, 2), upper left, upper right, lower right and lower left, columns and rows.

    Returns:
        uint8 (height, width, channels); a quadrangle at least one and a half times as high as wide
        is turned to the left by a quarter.
    """
    top, right, bottom, left = (corners[i] - corners[i - 1] for i in (1, 2, 3, 0))
    width = max(1, int(max(np.hypot(*top), np.hypot(*bottom))))
    height = max(1, int(max(np.hypot(*left), np.hypot(*right))))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    transform = perspective(target, corners.astype(np.float64))
    y, x = np.mgrid[0:height, 0:width]
    places = transform @ np.stack([x, y, np.ones_like(x)]).reshape(3, -1).astype(np.float64)
    found = _cubic(pixels, places[0] / places[2], places[1] / places[2])
    found = found.reshape(height, width, -1)
    return np.rot90(found) if height >= _UPRIGHT * width else found


def perspective(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Returns the matrix (3, 3) of the perspective that maps four points to four others.

    Args:
        start: (4, 2).
        end: (4, 2).

    Raises:
        numpy.linalg.LinAlgError: three of the points lie on a line.
    """
    rows, values = [], []
    for (x, y), (u, v) in zip(start.tolist(), end.tolist(), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -x * u, -y * u], [0, 0, 0, x, y, 1, -x * v, -y * v]]
        values += [u, v]
    return np.append(np.linalg.solve(np.array(rows), np.array(values)), 1.0).reshape(3, 3)


def _cubic(pixels: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Values between pixels, by cubic curves; beyond the border stands its nearest pixel."""
    left, upper = np.floor(x).astype(int), np.floor(y).astype(int)
    across, down = _weights(x - left), _weights(y - upper)
    total = np.zeros((len(x), pixels.shape[2]))
    for i in range(4):
        row = np.clip(upper + i - 1, 0, pixels.shape[0] - 1)
        part = np.zeros_like(total)
        for j in range(4):
            column = np.clip(left + j - 1, 0, pixels.shape[1] - 1)
            part += across[j][:, None] * pixels[row, column]
        total += down[i][:, None] * part
    return np.clip(np.rint(total), 0, 255).astype(np.uint8)


def _weights(share: np.ndarray) -> list[np.ndarray]:
    a = _SHARPNESS
    found = []
    for distance in (1 + share, share, 1 - share, 2 - share):
        near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
        far = a * (((distance - 5) * distance + 8) * distance - 4)
        found.append(np.where(distance <= 1, near, far))
    return found
