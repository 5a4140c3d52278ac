"""Where the weights of the three MobileNets lie in files of torchvision and timm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...hub.weight_map import Row
from ..constructor import Arguments, Network
from ..inverted import Parts, parts_of, timm_block, torchvision_block
from ..weight_map import (
    HEAD,
    POINT,
    torch_conv,
    torch_dense,
    torch_depthwise,
    torch_norm,
)
from .v1 import BLOCKS
from .v2 import STAGES

_V2 = Parts(
    ("expand", "expand_BN"), ("depthwise", "depthwise_BN"), ("", ""), ("project", "project_BN")
)
_V3 = Parts(
    ("expand", "expand_bn"),
    ("depthwise", "depthwise_bn"),
    ("squeeze_excite_conv", "squeeze_excite_conv_1"),
    ("project", "project_bn"),
)


def timm(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for timm's names."""
    if network.title == "MobileNet":
        return _timm_v1()
    if network.title == "MobileNetV2":
        widths = [width for width, _, _, count in STAGES for _ in range(count)]
        blocks = [(place, *_v2_block(i)) for i, place in enumerate(_staged(widths))]
        rows = [row for block in blocks for row in timm_block(*block, _V2)]
        rows += _ends(("conv_stem", "bn1"), ("conv_head", "bn2"), _V2_ENDS)
        return rows + torch_dense("classifier", "net.predictions", **HEAD)
    widths = [width for _, width, *_ in network.settings["blocks"]]
    places = [*_staged(widths)]
    rows = []
    for place, block in zip(places, _v3_blocks(network, arguments), strict=True):
        rows += timm_block(place, *block, _V3)
    last = f"blocks.{len(set(widths))}.0"
    rows += _ends(("conv_stem", "bn1"), (f"{last}.conv", f"{last}.bn1"), _V3_ENDS)
    rows += torch_conv("conv_head", "net.conv_2", bias=True)
    return rows + torch_dense("classifier", "net.logits", POINT, **HEAD)


def torchvision(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for torchvision's names, of MobileNetV2 and V3."""
    stem = "features.0.0", "features.0.1"
    if network.title == "MobileNetV2":
        count = sum(count for *_, count in STAGES)
        rows = _ends(stem, (f"features.{count + 1}.0", f"features.{count + 1}.1"), _V2_ENDS)
        for i in range(count):
            ours, parts = _v2_block(i)
            place = f"features.{i + 1}.conv"
            rows += torchvision_block(place, ours, parts[:-1], _V2)
            # The last convolution and its normalization stand alone.
            rows += torch_conv(f"{place}.{len(parts) - 1}", f"{ours}project")
            rows += torch_norm(f"{place}.{len(parts)}", f"{ours}project_BN")
        return rows + torch_dense("classifier.1", "net.predictions", **HEAD)
    rows = []
    last = len(network.settings["blocks"]) + 1
    for i, block in enumerate(_v3_blocks(network, arguments), 1):
        rows += torchvision_block(f"features.{i}.block", *block, _V3)
    rows += _ends(stem, (f"features.{last}.0", f"features.{last}.1"), _V3_ENDS)
    rows += torch_dense("classifier.0", "net.conv_2", POINT)
    return rows + torch_dense("classifier.3", "net.logits", POINT, **HEAD)


# Our names of the first convolution, the last one of the features, and their normalizations.
_V2_ENDS = ("Conv1", "bn_Conv1", "Conv_1", "Conv_1_bn")
_V3_ENDS = ("conv", "conv_bn", "conv_1", "conv_1_bn")


def _ends(first: tuple[str, str], last: tuple[str, str], ours: tuple[str, ...]) -> list[Row]:
    stem, stem_norm, top, top_norm = (f"net.{name}" for name in ours)
    return [
        *torch_conv(first[0], stem),
        *torch_norm(first[1], stem_norm),
        *torch_conv(last[0], top),
        *torch_norm(last[1], top_norm),
    ]


def _staged(widths: Iterable[int]) -> Iterator[str]:
    """Yields timm's name of each block: blocks of one width are a stage."""
    stage, index, before = -1, 0, None
    for width in widths:
        stage, index = (stage, index + 1) if width == before else (stage + 1, 0)
        before = width
        yield f"blocks.{stage}.{index}"


def _timm_v1() -> list[Row]:
    rows = torch_conv("conv_stem", "net.conv1") + torch_norm("bn1", "net.conv1_bn")
    for i, place in enumerate(_staged(width for width, _ in BLOCKS), 1):
        rows += torch_depthwise(f"{place}.conv_dw", f"net.conv_dw_{i}")
        rows += torch_norm(f"{place}.bn1", f"net.conv_dw_{i}_bn")
        rows += torch_conv(f"{place}.conv_pw", f"net.conv_pw_{i}")
        rows += torch_norm(f"{place}.bn2", f"net.conv_pw_{i}_bn")
    return rows + torch_dense("classifier", "net.conv_preds", POINT, **HEAD)


def _v2_block(index: int) -> tuple[str, tuple[str, ...]]:
    """What the paths of a block begin with, and its parts."""
    ours = f"net.block_{index}_" if index else "net.expanded_conv_"
    return ours, parts_of(expands=index > 0, squeezes=False)


def _v3_blocks(network: Network, arguments: Arguments) -> Iterator[tuple[str, tuple[str, ...]]]:
    plain = arguments.get("minimalistic", False)
    for index, (_, _, _, _, squeezes, _) in enumerate(network.settings["blocks"]):
        ours = f"net.expanded_conv_{index}_" if index else "net.expanded_conv_"
        yield ours, parts_of(index > 0, squeezes=squeezes and not plain)
