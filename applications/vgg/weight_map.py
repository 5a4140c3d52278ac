"""Where VGG's weights lie in files of torchvision and timm."""

from __future__ import annotations

from ...hub.transforms import Transform, permute, reshape, squeeze, transpose
from ...hub.weight_map import Row
from ..constructor import Arguments, Network
from ..weight_map import HEAD, torch_conv, torch_dense, torch_norm
from .network import SIDE


def torchvision(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for torchvision's names."""
    channels = network.settings["filters"][-1]
    unfolded = reshape((-1, channels * SIDE * SIDE), (-1, channels, SIDE, SIDE))
    return [
        *_features(network, arguments),
        *torch_dense("classifier.0", "net.fc1", (unfolded, *_flat(channels))),
        *torch_dense("classifier.3", "net.fc2"),
        *torch_dense("classifier.6", "net.predictions", **HEAD),
    ]


def timm(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for timm's names, whose dense layers are convolutions."""
    return [
        *_features(network, arguments),
        *torch_dense("pre_logits.fc1", "net.fc1", _flat(network.settings["filters"][-1])),
        *torch_dense("pre_logits.fc2", "net.fc2", (squeeze(3), squeeze(2), transpose)),
        *torch_dense("head.fc", "net.predictions", **HEAD),
    ]


def _flat(channels: int) -> tuple[Transform, ...]:
    """(out, channels, height, width) <-> (height * width * channels, out)."""
    joined = reshape((SIDE, SIDE, channels, -1), (SIDE * SIDE * channels, -1))
    return permute(2, 3, 1, 0), joined


def _features(network: Network, arguments: Arguments) -> list[Row]:
    """The convolutions, in the order of a list that has activations and pools, too."""
    rows, at = [], 0
    normalized = arguments.get("batch_norm", False)
    for block, count in enumerate(network.settings["convolutions"], 1):
        for i in range(1, count + 1):
            ours = f"net.block{block}_conv{i}"
            rows += torch_conv(f"features.{at}", ours, bias=True)
            if normalized:
                rows += torch_norm(f"features.{at + 1}", f"{ours}_bn")
            at += 3 if normalized else 2
        at += 1
    return rows
