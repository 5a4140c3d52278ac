"""Where EfficientNet-Lite's weights lie in published files."""

from __future__ import annotations

from ...hub.transforms import conv2d, depthwise_conv2d, transpose
from ...hub.weight_map import Row, WeightMap
from ..weight_map import torch_norm


def pytorch() -> WeightMap:
    """Builds the table for efficientnet_pytorch's names (L. Melas-Kyriazi)."""
    block = "blocks.{i}"
    return WeightMap(
        Row("_conv_stem.weight", "stem.conv.kernel", conv2d),
        *torch_norm("_bn0", "stem.norm"),
        Row("_blocks.{i}._expand_conv.weight", f"{block}.expand.conv.kernel", conv2d),
        *torch_norm("_blocks.{i}._bn0", f"{block}.expand.norm"),
        Row(
            "_blocks.{i}._depthwise_conv.weight",
            f"{block}.depthwise.conv.kernel",
            depthwise_conv2d(),
        ),
        *torch_norm("_blocks.{i}._bn1", f"{block}.depthwise.norm"),
        Row("_blocks.{i}._project_conv.weight", f"{block}.project.conv.kernel", conv2d),
        *torch_norm("_blocks.{i}._bn2", f"{block}.project.norm"),
        Row("_conv_head.weight", "head.conv.kernel", conv2d),
        *torch_norm("_bn1", "head.norm"),
        Row("_fc.weight", "classifier.kernel", transpose, optional=True, head=True),
        Row("_fc.bias", "classifier.bias", optional=True, head=True),
    )
