"""Where NASNet's weights lie in files of timm, which calls the large one `nasnetalarge`."""

from __future__ import annotations

from collections.abc import Iterator

from ...hub.transforms import conv2d, depthwise_conv2d
from ...hub.weight_map import Row
from ..constructor import Arguments, Network
from ..weight_map import HEAD, torch_conv, torch_dense, torch_norm

# timm's separable convolutions of a cell -> ours.
_SEPARABLE = {
    "normal": {
        "comb_iter_0_left": "left1",
        "comb_iter_0_right": "right1",
        "comb_iter_1_left": "left2",
        "comb_iter_1_right": "right2",
        "comb_iter_4_left": "left5",
    },
    "reduction": {
        "comb_iter_0_left": "left1",
        "comb_iter_0_right": "right1",
        "comb_iter_1_right": "right2",
        "comb_iter_2_right": "right3",
        "comb_iter_4_left": "left4",
    },
}


def timm(network: Network, arguments: Arguments) -> list[Row]:
    """Builds the table for timm's names."""
    rows = torch_conv("conv0.conv", "net.stem_conv1") + torch_norm("conv0.bn", "net.stem_bn1")
    for theirs, ours, kind, before in _cells(network.settings["blocks"]):
        rows += _unit(f"{theirs}.conv_1x1", f"net.{kind}_conv_1_{ours}", f"net.{kind}_bn_1_{ours}")
        norm = f"net.adjust_bn_{ours}"
        if before == "halved":
            for path in (1, 2):
                rows += torch_conv(f"{theirs}.path_{path}.conv", f"net.adjust_conv_{path}_{ours}")
            rows += torch_norm(f"{theirs}.final_path_bn", norm)
        elif before == "projected":
            conv = f"net.adjust_conv_projection_{ours}"
            rows += _unit(f"{theirs}.conv_prev_1x1", conv, norm)
        for name, place in _SEPARABLE[kind].items():
            rows += _separated(f"{theirs}.{name}", f"{kind}_{place}_{ours}")
    return rows + torch_dense("last_linear", "net.predictions", **HEAD)


def _cells(blocks: int) -> Iterator[tuple[str, str, str, str]]:
    """Yields timm's name of a cell, ours, its kind, and what it does with what came before."""
    yield "cell_stem_0", "stem_1", "reduction", "nothing"
    yield "cell_stem_1", "stem_2", "reduction", "halved"
    for part in range(3):
        if part:
            name = f"reduction_cell_{part - 1}"
            yield name, f"reduce_{part * blocks}", "reduction", "projected"
        for i in range(blocks):
            cell = part * blocks + i
            before = "projected" if i else "halved"
            yield f"cell_{cell}", str(cell + (part > 0)), "normal", before


def _unit(theirs: str, conv: str, norm: str) -> list[Row]:
    return torch_conv(f"{theirs}.conv", conv) + torch_norm(f"{theirs}.bn", norm)


def _separated(theirs: str, name: str) -> list[Row]:
    rows = []
    for i in (1, 2):
        place, conv = f"{theirs}.separable_{i}", f"net.separable_conv_{i}_{name}"
        steps = depthwise_conv2d()
        rows += [
            Row(f"{place}.depthwise_conv2d.weight", f"{conv}.depthwise_kernel", steps),
            Row(f"{place}.pointwise_conv2d.weight", f"{conv}.pointwise_kernel", conv2d),
            *torch_norm(f"{theirs}.bn_sep_{i}", f"net.separable_conv_{i}_bn_{name}"),
        ]
    return rows
