"""Where the weights of the Inception networks lie in files of torchvision and timm.

Keras has no names for their units, only numbers in the order in which it makes them, so that the
tables are lists of the others' names in this order.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...hub.weight_map import Row
from ..constructor import Arguments, Network
from ..weight_map import HEAD, torch_conv, torch_dense, torch_norm

_STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
_DOUBLE = ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
_SEVEN = tuple(f"branch7x7_{i}" for i in range(1, 4))
_SEVENS = tuple(f"branch7x7dbl_{i}" for i in range(1, 6))
_FIRST = ("branch1x1", "branch5x5_1", "branch5x5_2", *_DOUBLE, "branch_pool")
_PARTED = ("branch3x3_1", "branch3x3_2a", "branch3x3_2b", *_DOUBLE[:2])
_BLOCKS = {
    **{f"Mixed_5{letter}": _FIRST for letter in "bcd"},
    "Mixed_6a": ("branch3x3", *_DOUBLE),
    **{f"Mixed_6{letter}": ("branch1x1", *_SEVEN, *_SEVENS, "branch_pool") for letter in "bcde"},
    "Mixed_7a": ("branch3x3_1", "branch3x3_2", *(f"branch7x7x3_{i}" for i in range(1, 5))),
    **{
        f"Mixed_7{letter}": (
            *("branch1x1", *_PARTED, "branch3x3dbl_3a", "branch3x3dbl_3b", "branch_pool"),
        )
        for letter in "bc"
    },
}


def _torchvision() -> list[Row]:
    names = [*_STEM, *(f"{block}.{name}" for block, found in _BLOCKS.items() for name in found)]
    # Scores of a layer in the middle, for training.
    aside = Row("AuxLogits.{rest*}", None)
    return [aside, *_numbered(names), *torch_dense("fc", "net.predictions", **HEAD)]


def _residual() -> list[Row]:
    """The table of Inception-ResNet v2, for timm's names."""
    names = [f"conv2d_{name}" for name in ("1a", "2a", "2b", "3b", "4a")]
    names += _branches("mixed_5b", 0, 2, 3) + ["mixed_5b.branch3.1"]
    rows = []
    for repeat, ours, count, branches in (
        ("repeat", "block35", 10, (0, 2, 3)),
        ("repeat_1", "block17", 20, (0, 3)),
        ("repeat_2", "block8", 10, (0, 3)),
    ):
        if repeat == "repeat_1":
            names += _branches("mixed_6a", 0, 3)
        if repeat == "repeat_2":
            names += _branches("mixed_7a", 2, 2, 3)
        for i in range(count):
            # The last block, without an activation, stands by itself.
            place = "block8" if (ours, i) == ("block8", 9) else f"{repeat}.{i}"
            names += _branches(place, *branches)
            rows += torch_conv(f"{place}.conv2d", f"net.{ours}_{i + 1}_conv", bias=True)
    return [
        *_numbered(names),
        *rows,
        *_unit("conv2d_7b", "net.conv_7b", "net.conv_7b_bn"),
        *torch_dense("classif", "net.predictions", **HEAD),
    ]


def _branches(block: str, *lengths: int) -> list[str]:
    """timm's names of a block's units: branches of so many units, 0 for one that is no list."""
    found = []
    for branch, length in enumerate(lengths):
        place = f"{block}.branch{branch}"
        found += [f"{place}.{i}" for i in range(length)] if length else [place]
    return found


def _numbered(names: Iterable[str]) -> list[Row]:
    rows = []
    for i, name in enumerate(names):
        number = f"_{i}" if i else ""
        rows += _unit(name, f"net.conv2d{number}", f"net.batch_normalization{number}")
    return rows


def _unit(theirs: str, conv: str, norm: str) -> list[Row]:
    return torch_conv(f"{theirs}.conv", conv) + torch_norm(f"{theirs}.bn", norm)


def torchvision(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for the names of torchvision, which are timm's too."""
    return _torchvision()


def timm(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for timm's names."""
    return _torchvision() if network.title == "InceptionV3" else _residual()
