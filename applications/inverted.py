"""Rows of weight maps for inverted residuals, which MobileNets and EfficientNets are made of."""

from __future__ import annotations

from typing import NamedTuple

from ..hub.weight_map import Row
from .weight_map import torch_conv, torch_depthwise, torch_norm

Pair = tuple[str, str]


class Parts(NamedTuple):
    """What a family calls the layers of a block, behind the block's own name.

    Args:
        expand: the convolution that widens, and its normalization.
        depthwise: the depthwise convolution, and its normalization.
        squeeze: the two convolutions of squeeze-and-excitation.
        project: the last convolution, and its normalization.
    """

    expand: Pair
    depthwise: Pair
    squeeze: Pair
    project: Pair


def parts_of(expands: bool, deep: bool = True, squeezes: bool = True) -> tuple[str, ...]:
    """Returns which parts a block has, in order; a fused one is not `deep`."""
    has = {"expand": expands, "depthwise": deep, "squeeze": deep and squeezes, "project": True}
    return tuple(part for part, there in has.items() if there)


def torchvision_block(theirs: str, ours: str, parts: tuple[str, ...], names: Parts) -> list[Row]:
    """Returns the rows of a block in torchvision's names.

    Args:
        theirs: name of the list of the block's parts.
        ours: what the paths of the block's layers begin with.
        parts: those of the block.
        names: of the layers.
    """
    rows: list[Row] = []
    for at, part in enumerate(parts):
        first, second = (f"{ours}{name}" for name in getattr(names, part))
        if part == "squeeze":
            rows += torch_conv(f"{theirs}.{at}.fc1", first, bias=True)
            rows += torch_conv(f"{theirs}.{at}.fc2", second, bias=True)
            continue
        convolution = torch_depthwise if part == "depthwise" else torch_conv
        rows += convolution(f"{theirs}.{at}.0", first) + torch_norm(f"{theirs}.{at}.1", second)
    return rows


# timm's names of a block's convolutions, by its parts.
_TIMM: dict[tuple[str, ...], tuple[str, ...]] = {
    ("expand", "depthwise", "project"): ("conv_pw", "conv_dw", "conv_pwl"),
    ("depthwise", "project"): ("conv_dw", "conv_pw"),
    ("expand", "project"): ("conv_exp", "conv_pwl"),
    ("project",): ("conv",),
}


def timm_block(theirs: str, ours: str, parts: tuple[str, ...], names: Parts) -> list[Row]:
    """Returns the rows of a block in timm's names; arguments as in `torchvision_block`."""
    rows: list[Row] = []
    if "squeeze" in parts:
        for name, layer in zip(("conv_reduce", "conv_expand"), names.squeeze, strict=True):
            rows += torch_conv(f"{theirs}.se.{name}", f"{ours}{layer}", bias=True)
    convolved = tuple(part for part in parts if part != "squeeze")
    for at, (part, name) in enumerate(zip(convolved, _TIMM[convolved], strict=True), 1):
        first, second = (f"{ours}{layer}" for layer in getattr(names, part))
        convolution = torch_depthwise if part == "depthwise" else torch_conv
        rows += convolution(f"{theirs}.{name}", first) + torch_norm(f"{theirs}.bn{at}", second)
    return rows
