"""Where ConvNeXt's weights lie in files of torchvision and timm."""

from __future__ import annotations

from ...hub.transforms import squeeze
from ...hub.weight_map import Row
from ..constructor import Arguments, Network
from ..weight_map import HEAD, torch_conv, torch_dense, torch_layer_norm

# Their names of a block's layers: convolution, normalization and the two dense ones.
_TIMM = ("conv_dw", "norm", "mlp.fc1", "mlp.fc2")
_TORCHVISION = ("block.0", "block.2", "block.3", "block.5")


def timm(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for timm's names."""
    name = str(network.name)
    rows = _stem("stem", name) + _head("head.norm", "head.fc", name)
    for stage in range(4):
        theirs, ours = f"stages.{stage}", _stage(name, stage)
        rows += _step(f"{theirs}.downsample", name, stage) if stage else []
        rows += _block(f"{theirs}.blocks.{{b}}", ours, _TIMM)
        rows.append(Row(f"{theirs}.blocks.{{b}}.gamma", f"{ours}_layer_scale.gamma"))
    return rows


def torchvision(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for torchvision's names."""
    name = str(network.name)
    rows = _stem("features.0", name) + _head("classifier.0", "classifier.2", name)
    for stage in range(4):
        theirs, ours = f"features.{2 * stage + 1}.{{b}}", _stage(name, stage)
        rows += _step(f"features.{2 * stage}", name, stage) if stage else []
        rows += _block(theirs, ours, _TORCHVISION)
        scale = f"{ours}_layer_scale.gamma"
        rows.append(Row(f"{theirs}.layer_scale", scale, (squeeze(2), squeeze(1))))
    return rows


def _stage(name: str, stage: int) -> str:
    return f"net.{name}_stage_{stage}_block_{{b}}"


def _stem(theirs: str, name: str) -> list[Row]:
    ours = f"net.{name}_stem.{name}_stem"
    rows = torch_conv(f"{theirs}.0", f"{ours}_conv", bias=True)
    return rows + torch_layer_norm(f"{theirs}.1", f"{ours}_layernorm")


def _step(theirs: str, name: str, stage: int) -> list[Row]:
    at = stage - 1
    ours = f"net.{name}_downsampling_block_{at}.{name}_downsampling"
    rows = torch_layer_norm(f"{theirs}.0", f"{ours}_layernorm_{at}")
    return rows + torch_conv(f"{theirs}.1", f"{ours}_conv_{at}", bias=True)


def _block(theirs: str, ours: str, names: tuple[str, ...]) -> list[Row]:
    """The rows of a block's layers: convolution, normalization and the two dense ones."""
    conv, norm, first, second = (f"{theirs}.{name}" for name in names)
    return [
        *torch_conv(conv, f"{ours}_depthwise_conv", bias=True),
        *torch_layer_norm(norm, f"{ours}_layernorm"),
        *torch_dense(first, f"{ours}_pointwise_conv_1"),
        *torch_dense(second, f"{ours}_pointwise_conv_2"),
    ]


def _head(norm: str, dense: str, name: str) -> list[Row]:
    rows = torch_layer_norm(norm, f"net.{name}_head_layernorm")
    return rows + torch_dense(dense, f"net.{name}_head_dense", **HEAD)
