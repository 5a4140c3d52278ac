"""Where DenseNet's weights lie in files of torchvision and timm."""

from __future__ import annotations

from ...hub.weight_map import Row
from ..constructor import Arguments, Network
from ..weight_map import HEAD, torch_conv, torch_dense, torch_norm

LAYER, OURS = "features.denseblock{s}.denselayer{i}", "net.conv{s+1}_block{i}"


def torchvision(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for the names of torchvision, which are timm's too."""
    rows = torch_conv("features.conv0", "net.conv1_conv") + torch_norm(
        "features.norm0", "net.conv1_bn"
    )
    for at in (1, 2):
        # torchvision's files are older than its names of modules.
        names = f"{LAYER}.norm{at}", f"{LAYER}.norm.{at}"
        rows += torch_norm(names, f"{OURS}_{at - 1}_bn")
        rows += torch_conv((f"{LAYER}.conv{at}", f"{LAYER}.conv.{at}"), f"{OURS}_{at}_conv")
    rows += torch_norm("features.transition{s}.norm", "net.pool{s+1}_bn")
    rows += torch_conv("features.transition{s}.conv", "net.pool{s+1}_conv")
    return [
        *rows,
        *torch_norm("features.norm5", "net.bn"),
        *torch_dense("classifier", "net.predictions", **HEAD),
    ]


timm = torchvision
