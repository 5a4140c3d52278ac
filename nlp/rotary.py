"""Rotary positions (Su et al. 2021, arXiv:2104.09864), in the form of two halves, with scalings.

Definitions: transformers' `modeling_rope_utils`. The halves of a vector are the two coordinates of
each of its planes; a plane is turned by the position times its frequency.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..framework import ops
from ..framework.typing import Tensor

KINDS = ("default", "linear", "dynamic", "llama3", "yarn")


class Rotary(NamedTuple):
    """How positions turn vectors.

    Attributes:
        frequencies: float32 (size / 2,), radians a position for each plane.
        factor: what turned vectors are multiplied by.
        limit: how many positions they hold for; any number if None. Dynamic scaling has other
            frequencies for each longer text, which are not computed here.
    """

    frequencies: np.ndarray
    factor: float
    limit: int | None = None

    def check_length(self, length: Any) -> None:
        """Raises ValueError for a text that is known to be longer than `limit`."""
        if self.limit is not None and isinstance(length, int) and length > self.limit:
            raise ValueError(
                f"The text has {length} tokens, and the model's dynamic scaling of rotary "
                f"positions is computed here up to {self.limit}, where it changes nothing: cut the "
                "text."
            )

    def angles(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Returns what `turned` multiplies by, for positions (…, length).

        Returns:
            Cosines and sines, (…, length, 1, size): each stands for both coordinates of its plane,
            the sine of the first with the other sign.
        """
        planes = ops.multiply(
            ops.expand_dims(ops.cast(positions, "float32"), (-1, -2)), self.frequencies
        )
        cos, sin = ops.cos(planes), ops.sin(planes)
        if self.factor != 1:
            cos, sin = ops.multiply(cos, self.factor), ops.multiply(sin, self.factor)
        double = ops.concatenate([cos, cos], axis=-1)
        return double, ops.concatenate([ops.negative(sin), sin], axis=-1)


def turned(x: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    """Returns vectors (batch, length, heads, size), turned by `Rotary.angles`."""
    cos, sin = angles
    if cos.dtype != x.dtype:
        cos, sin = ops.cast(cos, x.dtype), ops.cast(sin, x.dtype)
    return ops.turn_halves(x, cos, sin)


def rotary_of(
    size: int, theta: float, scaling: Mapping[str, Any] | None, max_positions: int
) -> Rotary:
    """Returns the rotary positions that a config describes.

    Args:
        size: of a head, an even number.
        theta: the base of the frequencies.
        scaling: None, or what configs call `rope_scaling` or `rope_parameters`: `rope_type` (or
            `type`) and the numbers that it needs.
        max_positions: how many positions the model has.

    Raises:
        ValueError: a kind of scaling that is not known, or a number that it lacks.
    """
    if size % 2:
        raise ValueError(f"The size of a head must be even for rotary positions; got {size}.")
    scaling = dict(scaling or {})
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    plain = 1.0 / theta ** (np.arange(0, size, 2, dtype=np.float32) / np.float32(size))
    plain = plain.astype(np.float32)
    if kind not in KINDS:
        raise ValueError(
            f"Rotary positions of the kind {kind!r} are unknown; there are: {', '.join(KINDS)}."
        )
    if kind == "default":
        return Rotary(plain, 1.0)
    factor = _number(scaling, "factor", kind)
    if kind == "dynamic":  # as they are, up to the positions of the training
        return Rotary(plain, 1.0, max_positions)
    if kind == "linear":
        return Rotary((plain / factor).astype(np.float32), 1.0)
    if kind == "llama3":
        return Rotary(_by_wavelength(plain, scaling, factor), 1.0)
    return _yarn(plain, scaling, factor, size, theta, max_positions)


def _number(scaling: Mapping[str, Any], name: str, kind: str) -> float:
    value = scaling.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        raise ValueError(
            f"Rotary positions of the kind {kind!r} need a positive {name!r}; got {value!r}."
        )
    return float(value)


def _by_wavelength(plain: np.ndarray, scaling: Mapping[str, Any], factor: float) -> np.ndarray:
    """Long waves are slowed down, short ones stay, and those between go over smoothly."""
    kind = "llama3"
    low = _number(scaling, "low_freq_factor", kind)
    high = _number(scaling, "high_freq_factor", kind)
    trained = _number(scaling, "original_max_position_embeddings", kind)
    waves = 2 * math.pi / plain
    slow = np.where(waves > trained / low, plain / factor, plain)
    share = (trained / waves - low) / (high - low)
    between = (1 - share) * slow / factor + share * slow
    middle = ~(waves < trained / high) & ~(waves > trained / low)
    return np.where(middle, between, slow).astype(np.float32)


def _yarn(
    plain: np.ndarray,
    scaling: Mapping[str, Any],
    factor: float,
    size: int,
    theta: float,
    max_positions: int,
) -> Rotary:
    """Peng et al. 2023, arXiv:2309.00071."""
    trained = scaling.get("original_max_position_embeddings") or max_positions
    fast, slow = scaling.get("beta_fast") or 32, scaling.get("beta_slow") or 1

    def plane(turns: float) -> float:
        return size * math.log(trained / (turns * 2 * math.pi)) / (2 * math.log(theta))

    first, last = plane(fast), plane(slow)
    if scaling.get("truncate", True):
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, size - 1)
    width = last - first or 0.001
    ramp = np.clip((np.arange(size // 2, dtype=np.float32) - first) / width, 0, 1)
    made = plain / factor * ramp + plain * (1 - ramp)
    attention = scaling.get("attention_factor")
    if attention is None:
        attention = 0.1 * math.log(factor) + 1.0 if factor > 1 else 1.0
    return Rotary(made.astype(np.float32), float(attention))
