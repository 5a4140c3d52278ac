"""Where the weights of EfficientNet and EfficientNetV2 lie in files of torchvision and timm."""

from __future__ import annotations

from collections.abc import Callable

from ...hub.weight_map import Row
from ..constructor import Arguments, Network
from ..efficientnet_lite.backbone import STAGES
from ..inverted import Parts, parts_of, timm_block, torchvision_block
from ..weight_map import HEAD, torch_conv, torch_dense, torch_norm


def torchvision(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for torchvision's names."""
    rows = _blocks(network, 1, ".block", torchvision_block, "features")
    last = f"features.{len(_stages(network)) + 1}"
    return rows + _ends(
        ("features.0.0", "features.0.1"), (f"{last}.0", f"{last}.1"), "classifier.1"
    )


def timm(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for timm's names."""
    rows = _blocks(network, 0, "", timm_block, "blocks")
    return rows + _ends(("conv_stem", "bn1"), ("conv_head", "bn2"), "classifier")


def _stages(network: Network) -> list[tuple[str, ...]]:
    """The parts that the blocks of each stage have."""
    if "stages" not in network.settings:
        return [parts_of(expands=expansion > 1) for _, _, _, expansion, _ in STAGES]
    stages = network.settings["stages"]
    return [parts_of(expansion > 1, deep) for _, _, expansion, _, deep in stages]


def _blocks(
    network: Network, first: int, inner: str, block: Callable[..., list[Row]], theirs: str
) -> list[Row]:
    """The rows of all blocks: those of stage 0 begin with `{theirs}.{first}`."""
    depthwise = "dwconv2" if "stages" in network.settings else "dwconv"
    names = Parts(
        ("expand_conv", "expand_bn"),
        (depthwise, "bn"),
        ("se_reduce", "se_expand"),
        ("project_conv", "project_bn"),
    )
    rows = []
    for stage, parts in enumerate(_stages(network)):
        place = f"{theirs}.{stage + first}.{{b}}{inner}"
        rows += block(place, f"net.block{stage + 1}{{b:a}}_", parts, names)
    return rows


def _ends(stem: tuple[str, str], top: tuple[str, str], head: str) -> list[Row]:
    return [
        *torch_conv(stem[0], "net.stem_conv"),
        *torch_norm(stem[1], "net.stem_bn"),
        *torch_conv(top[0], "net.top_conv"),
        *torch_norm(top[1], "net.top_bn"),
        *torch_dense(head, "net.predictions", **HEAD),
    ]
